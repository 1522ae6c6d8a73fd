"""Hand runs over to submitit: to Slurm, to a process behind the terminal's back, or to a debugger."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from studies.launch.execute import Order, Task
from studies.launch.job import Job
from studies.launch.submissions import Submission, new_submission
from zigma.common.files import replace_json
from zigma.common.words import WordError

REQUEUES = 1000  # how often a job may run out of its time: each time it resumes from its checkpoint
FOR_EVER_MIN = 60 * 24 * 365
PATIENCE_S = 20.0  # with Slurm's answers
LARGEST_ARRAY = 1001  # Slurm's own default


@dataclass(frozen=True)
class Resources:
    """What each run gets. Nothing here changes a number, and so nothing is part of a run's identity."""

    partition: str | None = None
    gpus: int | None = None  # on each node, with a process for each
    nodes: int = 1
    minutes: int | None = None
    constraint: str | None = None
    parallel: int | None = None  # runs at once
    extra: dict[str, Any] = field(default_factory=dict)  # sbatch's own options

    @property
    def processes(self) -> int:
        """Of each run, on each node."""
        return max(1, self.gpus or 0)


def submit_slurm(tasks: list[Task], order: Order, resources: Resources) -> Submission:
    """Submit a job per run, as a job array; returns when Slurm has accepted them.

    Raises:
        WordError: there is no Slurm here, or it refuses; nothing stays submitted.
    """
    import submitit

    if shutil.which("sbatch") is None or shutil.which("srun") is None:
        raise WordError("--cluster slurm: sbatch and srun are not found; log in to a node that has Slurm")
    submission = new_submission("slurm", tasks, order)
    ids: list[str] = []
    try:
        for start in range(0, len(tasks), size := _largest_array()):
            executor = submitit.SlurmExecutor(folder=submission.folder, max_num_timeout=REQUEUES)
            executor.update_parameters(**_slurm_parameters(tasks, resources, after=ids[-1:]))
            part = [Job(submission.folder, n) for n in range(start, min(start + size, len(tasks)))]
            with (
                _as_outside_a_job(),
                contextlib.redirect_stderr(io.StringIO()),
            ):  # sbatch's complaint is ours to print
                ids += [job.job_id for job in executor.submit_array(part)]
            replace_json(submission.folder / "jobs.json", {"ids": ids})
    except (WordError, OSError, subprocess.SubprocessError, RuntimeError, ValueError, TypeError) as error:
        _take_back(submission, ids)
        raise WordError(f"Slurm does not take the runs: {_last_line(error)}") from error
    return submission


def _slurm_parameters(tasks: list[Task], resources: Resources, after: list[str]) -> dict[str, Any]:
    """As submitit calls them. Unknown ones are sbatch's, and refused by it."""
    from submitit.slurm.slurm import SlurmExecutor

    ours: dict[str, Any] = {
        "job_name": f"zigma-{tasks[0].run.study}",
        "partition": resources.partition,
        "time": resources.minutes or _partition_minutes(resources.partition),
        "nodes": resources.nodes,
        "ntasks_per_node": resources.processes,
        "gpus_per_node": resources.gpus,
        "constraint": resources.constraint,
        "array_parallelism": resources.parallel or len(tasks),
        "stderr_to_stdout": True,
        "srun_args": ["--kill-on-bad-exit=1"],  # one process gone, and the others would wait for it
        # arrays larger than Slurm takes follow one another, so that the limit holds for all of them together
        "dependency": f"afterany:{after[0].partition('_')[0]}" if after else None,
    }
    theirs = {"requeue": True}  # a lost node must not lose the run
    for name, value in resources.extra.items():
        known = name.replace("-", "_")
        (ours if known in SlurmExecutor._valid_parameters() else theirs)[
            known if known in SlurmExecutor._valid_parameters() else name
        ] = value
    return {k: v for k, v in ours.items() if v is not None} | {"additional_parameters": theirs}


def _partition_minutes(partition: str | None) -> int:
    """The time that a partition gives who asks for none: submitit would ask for five minutes."""
    words = ["sinfo", "-h", "-o", "%P|%L|%l", *(["-p", partition] if partition else [])]
    try:
        shown = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError):
        return FOR_EVER_MIN
    lines = [line.split("|") for line in shown.stdout.splitlines() if line.count("|") == 2]
    for name, usual, most in lines:
        if partition or name.endswith("*"):  # the default partition
            return next((found for text in (usual, most) if (found := minutes(text))), FOR_EVER_MIN)
    return FOR_EVER_MIN


def minutes(text: str) -> int | None:
    """Slurm's own ways to write a time, rounded up: minutes, M:S, H:M:S, D-H, D-H:M, D-H:M:S; None for others."""
    if not re.fullmatch(r"(\d+-)?\d+(:\d+){0,2}", text):
        return None
    days, dash, rest = text.rpartition("-")
    parts = list(map(int, rest.split(":")))
    if not dash and len(parts) < 3:
        parts = [0, *parts]
    hours, whole, seconds = [*parts, 0, 0][:3]
    return int(days or 0) * 1440 + hours * 60 + whole + (seconds > 0)


def _largest_array() -> int:
    """How many jobs Slurm takes in one array: its MaxArraySize counts from 0."""
    try:
        shown = subprocess.run(
            ["scontrol", "show", "config"], capture_output=True, text=True, timeout=PATIENCE_S
        )
    except (OSError, subprocess.SubprocessError):
        return LARGEST_ARRAY - 1
    sizes = [line.partition("=")[2].strip() for line in shown.stdout.splitlines() if "MaxArraySize" in line]
    return max(1, int(sizes[0]) - 1) if sizes and sizes[0].isdecimal() else LARGEST_ARRAY - 1


def _take_back(submission: Submission, ids: list[str]) -> None:
    arrays = sorted({job.partition("_")[0] for job in ids})
    if arrays:
        subprocess.run(["scancel", *arrays], capture_output=True, check=False)
    shutil.rmtree(submission.folder, ignore_errors=True)


def submit_local(tasks: list[Task], order: Order, resources: Resources) -> Submission:
    """Start one process that carries the runs out, in a session of its own: it outlives the terminal. Returns at once.

    Raises:
        WordError: more GPUs are wanted than there are.
    """
    from studies.launch.pool import gpus

    if resources.gpus and resources.gpus > len(gpus()):
        raise WordError(f"--gpus {resources.gpus}, but this machine has {len(gpus())}")
    submission = new_submission("local", tasks, order)
    dispatcher = [str(submission.folder), str(resources.parallel or 0), str(resources.gpus or 1)]
    subprocess.run(
        [sys.executable, "-m", "studies.launch.detach", *dispatcher],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return submission


def run_debug(tasks: list[Task], order: Order) -> int:
    """Carry runs out in this very process, one after another, a debugger at the first error."""
    import submitit

    submission = new_submission("debug", tasks, order)
    executor = submitit.DebugExecutor(folder=submission.folder)
    jobs = [executor.submit(Job(submission.folder, index)) for index in range(len(tasks))]
    finished = [job.results()[0] for job in jobs]
    return 0 if all(finished) else 1


@contextlib.contextmanager
def _as_outside_a_job() -> Iterator[None]:
    """A job must not take itself for part of the one that it is submitted from; but it needs the same Slurm."""
    from submitit.helpers import clean_env

    configuration = os.environ.get("SLURM_CONF")
    with clean_env():
        if configuration is not None:
            os.environ["SLURM_CONF"] = configuration
        yield


def _last_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    said = getattr(error, "stderr", None) or getattr(error, "output", None)
    if isinstance(said, bytes):
        said = said.decode(errors="replace")
    if said and said.strip():
        lines = said.strip().splitlines()
    lines = [line.strip() for line in lines if not line.startswith("Try ")]
    return lines[-1] if lines else type(error).__name__
