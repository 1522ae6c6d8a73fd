"""How every run stands that has no record yet: queued, running, interrupted or cancelled.

Told from the run's own files first, then from the scheduler: a heartbeat that goes on is the truth even where the
scheduler has lost sight of the node.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from studies.declare.study import label_of
from studies.launch.slurm import Queue, ask_accounting, ask_queue
from studies.launch.submissions import Submission, submissions
from studies.run.lease import HEARTBEAT, Claim, read_claim
from studies.run.process import is_dead
from studies.run.record import digest, recorded

State = Literal["queued", "running", "interrupted", "cancelled", "unknown"]
FRESH_BEATS = 3  # a heartbeat younger than this many beats is believed without being watched
TAIL_BYTES = 8192

Known = TypeVar("Known", Claim, "_Submitted")


@dataclass(frozen=True)
class Live:
    """A run on its way; `about` holds study, arm, scale, setting, seed."""

    identity: str
    state: State
    about: Mapping[str, Any]
    reason: str = ""
    claim: Claim | None = None
    submission: Submission | None = None
    job: str | None = None  # the scheduler's id
    heartbeat: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return label_of(self.about)


@dataclass(frozen=True)
class _Submitted:
    """The latest submission that a run is part of."""

    submission: Submission
    index: int
    about: Mapping[str, Any]

    @property
    def replaces(self) -> str | None:
        return self.about.get("replaces")

    @property
    def job(self) -> str | None:
        ids = self.submission.job_ids if self.submission.cluster == "slurm" else []
        return ids[self.index] if self.index < len(ids) else None


def live_runs(results: Path) -> tuple[list[Live], str | None]:
    """Every run without a record of its own, sorted by study and label; and what Slurm could not answer, or None."""
    submitted = _unsettled(_submitted(results), recorded(results))
    on_slurm = any(item.submission.cluster == "slurm" for item in submitted.values())
    # the slow questions first, and records last: what a run's files say is then the later word
    queue = ask_queue() if on_slurm else Queue({})
    claims = {work.name: claim for work in _work_folders(results) if (claim := read_claim(work))}
    alive = _alive(_unsettled(claims, recorded(results)), queue)
    files = recorded(results)
    claims, submitted = _unsettled(claims, files), _unsettled(submitted, files)
    found = [
        _judge(identity, claims.get(identity), submitted.get(identity), identity in alive, queue)
        for identity in claims.keys() | submitted.keys()
    ]
    return sorted(_explained(found, queue), key=_place), queue.error


def _unsettled(runs: Mapping[str, Known], files: Mapping[str, Path]) -> dict[str, Known]:
    """Those without a record, and those that are to replace the record that is there."""
    return {
        identity: run
        for identity, run in runs.items()
        if identity not in files or (run.replaces is not None and digest(files[identity]) == run.replaces)
    }


def _place(run: Live) -> tuple[str, ...]:
    return (
        *(str(run.about.get(key, "")) for key in ("study", "scale", "setting", "seed", "arm")),
        run.identity,
    )


def _work_folders(results: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(results / "work") as entries:
        return [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
    return []


def _submitted(results: Path) -> dict[str, _Submitted]:
    found = {}
    for submission in submissions(results):
        if submission.cluster == "debug":
            continue
        for index, run in enumerate(submission.runs):
            found[str(run.get("identity"))] = _Submitted(submission, index, run)
    return found


def _alive(claims: Mapping[str, Claim], queue: Queue) -> set[str]:
    """Identities whose owner lives: it is seen on this machine, its job runs, or its heart beats."""
    alive, unsure = set(), {}
    for identity, claim in claims.items():
        if claim.released:
            continue
        dead = is_dead(claim.said)
        if dead is False:
            alive.add(identity)
        elif dead is None:
            unsure[identity] = claim
    if not unsure:
        return alive
    now = _clock_of_files(next(iter(unsure.values())).work)
    silent = {}
    for identity, claim in unsure.items():
        # both times are the file system's own: the clocks of two machines are never compared
        fresh = 0 <= now - _beaten_at(claim) <= FRESH_BEATS * claim.beat_s
        state, _ = queue.jobs.get(str(claim.said.get("job")), ("", ""))
        if fresh and state != "PENDING":
            alive.add(identity)
        else:
            silent[identity] = claim
    return alive | _watched(silent)


def _watched(silent: Mapping[str, Claim]) -> set[str]:
    """Which of these beat while they are watched: a clock that was set makes the living look old."""
    until = time.monotonic() + 1.5 * max((claim.beat_s for claim in silent.values()), default=0.0)
    beating: set[str] = set()
    while len(beating) < len(silent) and time.monotonic() < until:
        time.sleep(0.1)
        for identity in silent.keys() - beating:
            now = read_claim(silent[identity].work)
            if now and now.sign_of_life != silent[identity].sign_of_life:
                beating.add(identity)
    return beating


def _clock_of_files(folder: Path) -> float:
    """What the file system takes for now."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def _beaten_at(claim: Claim) -> float:
    try:
        return (claim.work / str(claim.token) / HEARTBEAT).stat().st_mtime
    except OSError:
        return 0.0


def _judge(identity: str, claim: Claim | None, item: _Submitted | None, alive: bool, queue: Queue) -> Live:
    job = item.job if item else None
    known: dict[str, Any] = {
        "claim": claim,
        "submission": item.submission if item else None,
        "job": job,
        "heartbeat": claim.heartbeat if claim else {},
        "about": claim.heartbeat if claim and "arm" in claim.heartbeat else (item.about if item else {}),
    }
    if alive:
        return Live(identity, "running", **known)
    if item and identity in item.submission.cancelled:
        return Live(identity, "cancelled", reason="run it again to resume", **known)
    state, reason = queue.jobs.get(job, ("", "")) if job else ("", "")
    if state in ("PENDING", "REQUEUED", "SUSPENDED"):
        return Live(identity, "queued", reason=f"job {job}: {reason}", **known)
    if state in ("RUNNING", "CONFIGURING"):
        return Live(identity, "running", reason=f"job {job} starts", **known)
    at_work = item and item.submission.cluster == "local" and is_dead(item.submission.process) is False
    if at_work and claim is None:
        return Live(identity, "queued", reason="on this machine", **known)
    if item and item.submission.cluster == "slurm" and queue.error:
        return Live(identity, "unknown", reason="Slurm does not answer", **known)
    return Live(identity, "interrupted", reason=_why(claim), **known)


def _why(claim: Claim | None) -> str:
    if claim is None:
        return ""
    if claim.released:
        return str(claim.heartbeat.get("reason") or "it stopped")
    step, steps = claim.heartbeat.get("step"), claim.heartbeat.get("steps")
    at = f" at step {step}/{steps}" if step is not None else ""
    return f"its process is gone{at}"


def _explained(found: list[Live], queue: Queue) -> Iterable[Live]:
    """Interrupted runs with what their job has to say: how it ended, and its last line."""
    ended = (
        {run.job for run in found if run.state == "interrupted" and run.job} if queue.error is None else set()
    )
    accounts = ask_accounting(ended)
    for run in found:
        if run.state != "interrupted" or run.job not in ended:
            yield run
            continue
        words = [
            run.reason,
            f"job {run.job} {accounts.get(str(run.job), 'has left the queue')}",
            last_line(run),
        ]
        yield replace(run, reason="; ".join(word for word in words if word))


def log_files(submission: Submission, identity: str, job: str | None) -> list[Path]:
    """What a run of a submission has printed; the first process's first."""
    if submission.cluster == "slurm":
        return sorted(submission.folder.glob(f"{job}_*_log.out")) if job else []
    own = submission.folder / f"{identity}.log"
    return [own] if own.exists() else sorted(submission.folder.glob("*_log.out"))


def last_line(run: Live) -> str:
    """The last line that a run's job has printed."""
    if run.submission is None:
        return ""
    for path in log_files(run.submission, run.identity, run.job)[:1]:
        with contextlib.suppress(OSError), path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
    return ""
