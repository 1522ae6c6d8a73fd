"""What was submitted: one folder per submission under `results/work/jobs/`, readable without any scheduler.

submission.json   how and which runs, with their whole configurations: what a job resumes from. Written before
                  anything is submitted, and never changed.
jobs.json         the scheduler's ids of the jobs, in the order of the runs; or the process of a local one.
cancelled.json    identities that the user has cancelled.
*.log, *_log.out  what the jobs have printed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from studies.declare.study import Run
from studies.launch.execute import Order, Task
from zigma.common.files import read_json, replace_json
from zigma.common.words import WordError
from zigma.experiment.config import read_config

SCHEMA = 1
Cluster = Literal["local", "slurm", "debug"]


@dataclass(frozen=True)
class Submission:
    """Runs that were submitted together. Made by this project, but read as data."""

    folder: Path
    said: Mapping[str, Any]

    @property
    def cluster(self) -> str:
        return str(self.said.get("cluster"))

    @cached_property
    def runs(self) -> list[Mapping[str, Any]]:
        """study, arm, scale, setting, seed, identity, replaces and config of each."""
        return [run for run in self.said.get("runs", []) if isinstance(run, dict)]

    @cached_property
    def job_ids(self) -> list[str]:
        ids = read_json(self.folder / "jobs.json").get("ids", [])
        return [str(job) for job in ids] if isinstance(ids, list) else []

    @cached_property
    def process(self) -> Mapping[str, Any]:
        """The process that carries out a local submission."""
        process = read_json(self.folder / "jobs.json").get("process", {})
        return process if isinstance(process, dict) else {}

    @property
    def cancelled(self) -> set[str]:
        identities = read_json(self.folder / "cancelled.json").get("identities", [])
        return set(map(str, identities)) if isinstance(identities, list) else set()

    def cancel(self, identities: Iterable[str]) -> None:
        """Remember that the user does not want these any more."""
        replace_json(self.folder / "cancelled.json", {"identities": sorted(self.cancelled | set(identities))})


def submissions(results: Path) -> Iterator[Submission]:
    """Every submission, in the order in which they were made."""
    for folder in sorted((results / "work" / "jobs").glob("*")):
        said = read_json(folder / "submission.json")
        if said.get("schema") == SCHEMA and isinstance(said.get("runs"), list):
            yield Submission(folder, said)


def new_submission(cluster: Cluster, tasks: list[Task], order: Order) -> Submission:
    """Write down what is about to be submitted. Folders are numbered, so that their order owes nothing to a clock."""
    jobs = order.results.absolute() / "work" / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    numbers = [int(name.partition("-")[0]) for name in os.listdir(jobs) if name.partition("-")[0].isdecimal()]
    folder = jobs / f"{max(numbers, default=0) + 1:06}-{secrets.token_hex(3)}"
    folder.mkdir()
    said = {
        "schema": SCHEMA,
        "cluster": cluster,
        "mode": order.mode,
        "checkpoint_every_s": order.checkpoint_every_s,
        "beat_s": order.beat_s,
        "tracker": order.tracker,
        "runs": [_run(task) for task in tasks],
    }
    replace_json(folder / "submission.json", said)
    return Submission(folder, said)


def _run(task: Task) -> dict[str, Any]:
    run = task.run
    config = run.config.model_dump(mode="json")
    return {**run.about, "identity": run.identity, "replaces": task.replaces, "config": config}


def order_of(submission: Submission) -> Order:
    """How the runs of a submission are to be carried out."""
    said = submission.said
    return Order(
        results=submission.folder.parents[2],
        mode=said["mode"],
        checkpoint_every_s=said["checkpoint_every_s"],
        tracker=said["tracker"],
        beat_s=said["beat_s"],
        debug=submission.cluster == "debug",
    )


def task_of(submission: Submission, index: int) -> Task:
    """The task as it was submitted.

    Raises:
        WordError: this code, the data or a curve has changed, so that the run would not be the one that was
            submitted.
    """
    said = submission.runs[index]
    advice = "submit it again with the same command"
    try:
        run = Run(said["study"], said["arm"], said["scale"], said["setting"], read_config(said["config"]))
    except (KeyError, TypeError, ValueError) as error:
        raise WordError(f"{said.get('arm')} was submitted by other code ({error}); {advice}") from error
    if run.identity != said["identity"]:
        raise WordError(
            f"{run.label} was submitted as {said['identity']} and is {run.identity} now: "
            f"the code, the data or a curve has changed since; {advice}"
        )
    return Task(run, said["replaces"])
