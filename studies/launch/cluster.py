"""Hand runs over to submitit: to Slurm, to a process behind the terminal's back, or to a debugger."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studies.launch.job import Job
from studies.launch.slurm import ask_queue, end_jobs
from studies.launch.submissions import Cluster, Submission, job_name, jobs_by_submission, new_submission
from studies.run.conditions import Conditions
from studies.run.queue import QueuedRun
from zigma.common.files import read_json, replace_json
from zigma.common.words import WordError

REQUEUES = 1000  # how often a job may run out of its time: each time it resumes from its checkpoint
FOR_EVER_MIN = 60 * 24 * 365
PATIENCE_S = 20.0  # with Slurm's answers
LISTS = ("srun_args", "setup", "teardown")  # of submitit's parameters: each a list of words or lines
LARGEST_ARRAY = 1001  # Slurm's own default
SIGNAL_DELAY_S = 90  # submitit's own default
SHORT_MIN = 10
START_S = 120.0  # for a process to load its modules from a slow disk
REFUSALS = (OSError, subprocess.SubprocessError, RuntimeError, ValueError, TypeError)
DISPATCHER_LOG = "dispatcher_log.out"


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


def check_cluster(cluster: Cluster | None, resources: Resources) -> None:
    """Raise a WordError unless runs can be handed over from here with these resources."""
    if cluster == "slurm" and (shutil.which("sbatch") is None or shutil.which("srun") is None):
        raise WordError("--cluster slurm: sbatch and srun are not found; log in to a node that has Slurm")
    if cluster != "slurm" and resources.gpus:
        from studies.launch.pool import gpus

        if resources.gpus > len(gpus()):
            raise WordError(f"--gpus {resources.gpus}, but this machine has {len(gpus())}")


def submit_slurm(queue: list[QueuedRun], conditions: Conditions, resources: Resources) -> Submission:
    """Submit a job per run, as a job array; returns when Slurm has accepted them.

    Raises:
        WordError: Slurm refuses; nothing stays submitted, nor after an interrupt.
    """
    submission = new_submission("slurm", queue, conditions)
    try:
        _check_folder(submission.folder)
        ids: list[str] = []
        for start in range(0, len(queue), size := _largest_array()):
            part = [Job(submission.folder, n) for n in range(start, min(start + size, len(queue)))]
            executor = _executor(submission.folder)
            executor.update_parameters(**_slurm_parameters(queue, resources, submission, start, ids[-1:]))
            # sbatch's complaint is ours to print
            with _as_outside_a_job(), contextlib.redirect_stderr(io.StringIO()):
                ids += [job.job_id for job in executor.submit_array(part)]
            replace_json(submission.folder / "jobs.json", {"ids": ids})
    except BaseException as error:  # Ctrl-C too: half of the arrays would go on
        _take_back(submission)
        if isinstance(error, REFUSALS):
            raise WordError(f"Slurm does not take the runs: {_last_line(error)}") from error
        raise
    return submission


def _check_folder(folder: Path) -> None:
    """Refuse a folder whose name submitit would fill in, wherever it stands in the path."""
    for pattern in ("%j", "%t", "%A", "%a"):
        if pattern in str(folder):
            raise WordError(f"{pattern} in the path {folder} stands for a number: choose other --results")


def _executor(folder: Path) -> Any:
    """submitit's, which writes a percent sign of the folder's name as Slurm wants it: it fills in %x, %u and others."""
    from submitit.slurm import slurm

    class Executor(slurm.SlurmExecutor):
        def _make_submission_file_text(self, command: str, uid: str) -> str:
            written = str(self.folder).replace("%", "%%")
            text: str = slurm._make_sbatch_string(command=command, folder=written, **self.parameters)
            return text

    return Executor(folder=folder, max_num_timeout=REQUEUES)


def _slurm_parameters(
    queue: list[QueuedRun], resources: Resources, submission: Submission, start: int, after: list[str]
) -> dict[str, Any]:
    """As submitit calls them. Unknown ones are sbatch's, and refused by it."""
    from submitit.slurm.slurm import SlurmExecutor

    time_min = resources.minutes or _partition_minutes(resources.partition)
    ours: dict[str, Any] = {
        "job_name": f"zigma-{queue[0].run.study}",
        "partition": resources.partition,
        "time": time_min,
        # how long before its end a job is told: submitit's 90 s would end a job of a minute as it begins
        "signal_delay_s": min(SIGNAL_DELAY_S, time_min * 60 // 4),
        "nodes": resources.nodes,
        "ntasks_per_node": resources.processes,
        "gpus_per_node": resources.gpus,
        "constraint": resources.constraint,
        "array_parallelism": resources.parallel or len(queue),
        "stderr_to_stdout": True,
        "srun_args": ["--kill-on-bad-exit=1"],  # one process gone, and the others would wait for it
        # arrays larger than Slurm takes follow one another where only so many runs may go on at once
        "dependency": f"afterany:{after[0].partition('_')[0]}" if after and resources.parallel else None,
    }
    theirs = {"requeue": True}  # a lost node must not lose the run
    for name, value in resources.extra.items():
        if (parameter := name.replace("-", "_")) in LISTS:
            ours[parameter] = [*ours.get(parameter, ()), *(value if isinstance(value, list) else [value])]
        elif parameter in SlurmExecutor._valid_parameters():
            ours[parameter] = value
        else:
            theirs[name] = value
    ours["job_name"] = job_name(str(ours["job_name"]), submission, start)
    return {k: v for k, v in ours.items() if v is not None} | {"additional_parameters": theirs}


def short_time(resources: Resources) -> str | None:
    """What to say where jobs are so short that much of each goes into starting and stopping."""
    if resources.minutes is None or resources.minutes >= SHORT_MIN:
        return None
    return (
        f"--time {resources.minutes}: each job ends after {resources.minutes} min, and the next one loads everything "
        f"and resumes from the last checkpoint; with {SHORT_MIN} minutes or more less of the time goes into that"
    )


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
            return minutes(usual) or minutes(most) or FOR_EVER_MIN
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


def _take_back(submission: Submission) -> None:
    """End what Slurm has taken of it, also where it was interrupted before it could say which jobs these are."""
    jobs = read_json(submission.folder / "jobs.json").get("ids", [])
    end_jobs([*jobs, *jobs_by_submission(ask_queue())[submission.folder.name].values()])
    shutil.rmtree(submission.folder, ignore_errors=True)


def submit_local(queue: list[QueuedRun], conditions: Conditions, resources: Resources) -> Submission:
    """Start one process that carries the runs out, in a session of its own: it outlives the terminal. Returns at once.

    Raises:
        WordError: it does not start.
    """
    submission = new_submission("local", queue, conditions)
    words = [str(submission.folder), str(resources.parallel or 0), str(resources.gpus or 1)]
    with (submission.folder / DISPATCHER_LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "studies.launch.dispatch", *words],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait_for_start(process, submission.folder)
    except BaseException:  # Ctrl-C too
        process.kill()
        shutil.rmtree(submission.folder, ignore_errors=True)
        raise
    return submission


def _wait_for_start(process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + START_S
    while not (folder / "jobs.json").exists():
        if process.poll() is not None or time.monotonic() > until:
            lines = (folder / DISPATCHER_LOG).read_text(encoding="utf-8", errors="replace").split("\n")
            last = next((line.strip() for line in reversed(lines) if line.strip()), "no word from it")
            raise WordError(f"--cluster local: the process that carries the runs out does not start: {last}")
        time.sleep(0.02)


def run_debug(queue: list[QueuedRun], conditions: Conditions) -> int:
    """Carry runs out in this very process, one after another, a debugger at the first error."""
    import submitit

    submission = new_submission("debug", queue, conditions)
    executor = submitit.DebugExecutor(folder=submission.folder)
    jobs = [executor.submit(Job(submission.folder, index)) for index in range(len(queue))]
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
    output = getattr(error, "stderr", None) or getattr(error, "output", None)
    if isinstance(output, bytes):
        output = output.decode(errors="replace")
    if output and output.strip():
        lines = output.strip().splitlines()
    lines = [line.strip() for line in lines if not line.startswith("Try ")]
    return lines[-1] if lines else type(error).__name__
