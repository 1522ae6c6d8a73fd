"""What was submitted: one folder per submission under `results/work/jobs/`, readable without any scheduler.

submission.json   how and which runs, with their whole configurations: what a job resumes from. Written before
                  anything is submitted, and never changed.
jobs.json         the scheduler's ids of the jobs, in the order of the runs; or the process of a local one. It may be
                  missing: a launcher can be killed before it has written it. The folder's name is part of each job's
                  name, so Slurm itself can be asked for the jobs of a submission.
cancelled.json    identities that the user has cancelled: a job that starts nevertheless ends at once.
ended.json        identities that a local submission has done with.
*.log, *_log.out  what the jobs have printed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from studies.declare.study import Run
from studies.launch.slurm import SlurmQueue
from studies.run.conditions import Conditions
from studies.run.process import is_dead, this_process
from studies.run.queue import QueuedRun
from zigma.common.files import read_json, replace_json
from zigma.common.words import WordError
from zigma.experiment.config import read_config

SCHEMA = 1
Cluster = Literal["local", "slurm", "debug"]
FOLDER = r"\d{6,}-[0-9a-f]+"
KEY = re.compile(rf"\.({FOLDER})\.(\d+)\Z", re.ASCII)
LOCK_S = 60.0  # a launcher that hangs longer than this while it submits is not waited for


@dataclass(frozen=True)
class Submission:
    """Runs that were submitted together. Made by this project, but read as data."""

    folder: Path
    contents: Mapping[str, Any]

    @property
    def cluster(self) -> str:
        return str(self.contents.get("cluster"))

    @cached_property
    def runs(self) -> list[Mapping[str, Any]]:
        """study, arm, scale, setting, seed, identity, replaces and config of each."""
        return [run for run in self.contents.get("runs", []) if isinstance(run, dict)]

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
    def being_submitted(self) -> bool:
        """Whether its launcher lives and has not finished submitting."""
        launcher = self.contents.get("launcher")
        unfinished = not (self.folder / "jobs.json").exists()
        return unfinished and isinstance(launcher, dict) and is_dead(launcher) is False

    @property
    def cancelled(self) -> set[str]:
        return self._identities("cancelled.json")

    @property
    def ended(self) -> set[str]:
        return self._identities("ended.json")

    def cancel(self, identities: Iterable[str]) -> None:
        """Remember that the user does not want these any more."""
        self._remember("cancelled.json", identities)

    def end(self, identity: str) -> None:
        """Remember that a local submission has done with this one."""
        self._remember("ended.json", [identity])

    def _identities(self, name: str) -> set[str]:
        identities = read_json(self.folder / name).get("identities", [])
        return set(map(str, identities)) if isinstance(identities, list) else set()

    def _remember(self, name: str, identities: Iterable[str]) -> None:
        replace_json(self.folder / name, {"identities": sorted(self._identities(name) | set(identities))})


def submissions(results: Path) -> Iterator[Submission]:
    """Every submission, in the order in which they were made."""
    for folder in sorted((results / "work" / "jobs").glob("*")):
        contents = read_json(folder / "submission.json")
        if contents.get("schema") == SCHEMA and isinstance(contents.get("runs"), list):
            yield Submission(folder, contents)


def job_name(name: str, submission: Submission, first: int) -> str:
    """The name of a job, or of an array whose first job carries out the run `first`: by it Slurm finds them."""
    return f"{name}.{submission.folder.name}.{first}"


def jobs_by_submission(queue: SlurmQueue) -> dict[str, dict[int, str]]:
    """Folder's name -> index of the run -> job, as Slurm has them."""
    jobs: dict[str, dict[int, str]] = defaultdict(dict)
    for job in queue.jobs.values():
        match = KEY.search(job.name)
        if match:
            place = job.id.partition("_")[2]
            jobs[match[1]][int(match[2]) + (int(place) if place.isdecimal() else 0)] = job.id
    return jobs


@contextlib.contextmanager
def submitting(results: Path) -> Iterator[None]:
    """One launcher at a time: what another has just submitted must be seen before the same is submitted again.

    Where the file system knows no locks nobody waits: a run that is submitted twice is carried out once all the same.
    """
    (results / "work").mkdir(parents=True, exist_ok=True)
    with (results / "work" / "submitting.lock").open("w", encoding="utf-8") as file:
        until = time.monotonic() + LOCK_S
        while time.monotonic() < until:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.1)
            except OSError:
                break
        yield


def new_submission(cluster: Cluster, queue: list[QueuedRun], conditions: Conditions) -> Submission:
    """Write down what is about to be submitted. Folders are numbered, so that their order owes nothing to a clock."""
    jobs = conditions.results.absolute() / "work" / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    numbers = [int(name.partition("-")[0]) for name in os.listdir(jobs) if re.fullmatch(FOLDER, name)]
    folder = jobs / f"{max(numbers, default=0) + 1:06}-{secrets.token_hex(4)}"
    folder.mkdir()
    contents = {
        "schema": SCHEMA,
        "cluster": cluster,
        "launcher": this_process(),
        "mode": conditions.mode,
        "checkpoint_every_s": conditions.checkpoint_every_s,
        "beat_s": conditions.beat_s,
        "tracker": conditions.tracker,
        "runs": [_plain(queued) for queued in queue],
    }
    try:
        replace_json(folder / "submission.json", contents)
    except OSError:  # a full disk: nothing was submitted
        folder.rmdir()
        raise
    return Submission(folder, contents)


def _plain(queued: QueuedRun) -> dict[str, Any]:
    run = queued.run
    config = run.config.model_dump(mode="json")
    return {**run.about, "identity": run.identity, "replaces": queued.replaces, "config": config}


def read_submission(folder: Path) -> Submission:
    """The submission of a folder; FileNotFoundError if it was deleted."""
    contents = read_json(folder / "submission.json")
    if not contents:
        raise FileNotFoundError(f"{folder / 'submission.json'} is gone: the runs were submitted from there")
    return Submission(folder, contents)


def conditions_of(submission: Submission) -> Conditions:
    """How the runs of a submission are to be carried out."""
    contents = submission.contents
    return Conditions(
        results=submission.folder.parents[2],
        mode=contents["mode"],
        checkpoint_every_s=contents["checkpoint_every_s"],
        tracker=contents["tracker"],
        beat_s=contents["beat_s"],
        debug=submission.cluster == "debug",
    )


def queued_run(submission: Submission, index: int) -> QueuedRun:
    """A run as it was submitted.

    Raises:
        WordError: this code, the data or a curve has changed, so that the run would not be the one that was
            submitted.
    """
    plain = submission.runs[index]
    advice = "submit it again with the same command"
    try:
        run = Run(
            plain["study"], plain["arm"], plain["scale"], plain["setting"], read_config(plain["config"])
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WordError(f"{plain.get('arm')} was submitted by other code ({error}); {advice}") from error
    if run.identity != plain["identity"]:
        raise WordError(
            f"{run.label} was submitted as {plain['identity']} and is {run.identity} now: "
            f"the code, the data or a curve has changed since; {advice}"
        )
    return QueuedRun(run, plain["replaces"])


def is_meant(word: str, identity: str, label: str) -> bool:
    """Whether a word means a run: its identity or its beginning (four characters at least), its arm or label."""
    return (len(word) >= 4 and identity.startswith(word)) or label == word or label.startswith(f"{word} ")
