"""How every run stands that has no record yet: queued, running, interrupted or cancelled.

Told from the run's own files first, then from the scheduler: a heartbeat that goes on is the truth even where the
scheduler has lost sight of the node.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from studies.declare.study import label_of
from studies.launch.logs import last_line
from studies.launch.slurm import SlurmJob, SlurmQueue, ask_accounting, ask_queue
from studies.launch.submissions import Submission, jobs_by_submission, submissions
from studies.run.lease import HEARTBEAT, Lease, read_lease
from studies.run.process import is_dead
from studies.run.record import digest, recorded
from zigma.common.files import clock_of_files

State = Literal["queued", "running", "interrupted", "cancelled", "unknown"]
FRESH_BEATS = 3  # a heartbeat younger than this many beats is believed without being watched


@dataclass(frozen=True)
class Submitted:
    """A run as part of a submission, and the job that Slurm has given it."""

    submission: Submission
    index: int
    about: Mapping[str, Any]
    cancelled: bool
    waits: str | None  # for what, where no scheduler knows of it yet
    job: str | None = None

    @property
    def replaces(self) -> str | None:
        return self.about.get("replaces")


@dataclass(frozen=True)
class Live:
    """A run on its way; `about` holds study, arm, scale, setting, seed."""

    identity: str
    state: State
    about: Mapping[str, Any]
    reason: str = ""
    lease: Lease | None = None  # of the process that carries it out, or did last
    submitted: tuple[Submitted, ...] = ()  # the latest last
    heartbeat: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        return label_of(self.about)

    @property
    def job(self) -> str | None:
        """The scheduler's id of its latest job."""
        return self.submitted[-1].job if self.submitted else None

    @property
    def under_way(self) -> bool:
        return self.state in ("queued", "running")


def live_runs(results: Path) -> tuple[list[Live], str | None]:
    """Every run without a record of its own, sorted by study and label; and what Slurm could not answer, or None."""
    submitted = _unsettled_submissions(_submitted(results), recorded(results))
    on_slurm = any(part.submission.cluster == "slurm" for parts in submitted.values() for part in parts)
    # the slow questions first, and records last: what a run's files say is then the later word
    queue = ask_queue() if on_slurm else SlurmQueue()
    leases = {work.name: lease for work in _work_folders(results) if (lease := read_lease(work))}
    alive = _alive(_unsettled_leases(leases, recorded(results)), queue)
    files = recorded(results)
    leases, submitted = _unsettled_leases(leases, files), _unsettled_submissions(submitted, files)
    jobs = jobs_by_submission(queue)
    live = []
    for identity in leases.keys() | submitted.keys():
        parts = tuple(_with_job(part, jobs) for part in submitted.get(identity, []))
        live.append(_state(identity, leases.get(identity), parts, identity in alive, queue))
    return sorted(_explained(live, queue), key=_place), queue.error


def _settled(identity: str, replaces: str | None, files: Mapping[str, Path]) -> bool:
    """Whether a run is recorded, and not with the record that it is to replace."""
    return identity in files and (replaces is None or digest(files[identity]) != replaces)


def _unsettled_leases(leases: Mapping[str, Lease], files: Mapping[str, Path]) -> dict[str, Lease]:
    return {i: lease for i, lease in leases.items() if not _settled(i, lease.replaces, files)}


def _unsettled_submissions(
    submitted: Mapping[str, list[Submitted]], files: Mapping[str, Path]
) -> dict[str, list[Submitted]]:
    return {i: parts for i, parts in submitted.items() if not _settled(i, parts[-1].replaces, files)}


def _place(run: Live) -> tuple[str, ...]:
    return (
        *(str(run.about.get(key, "")) for key in ("study", "scale", "setting", "seed", "arm")),
        run.identity,
    )


def _work_folders(results: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(results / "work") as entries:
        return [Path(e.path) for e in entries if e.is_dir(follow_symlinks=False)]
    return []


def _submitted(results: Path) -> dict[str, list[Submitted]]:
    """Identity -> every submission that the run is part of: the user may have submitted it twice."""
    parts: dict[str, list[Submitted]] = defaultdict(list)
    for submission in submissions(results):
        if submission.cluster == "debug":
            continue
        cancelled, ended = submission.cancelled, submission.ended
        waits = _what_for(submission)
        for index, run in enumerate(submission.runs):
            identity = str(run.get("identity"))
            waiting = None if identity in ended else waits
            parts[identity].append(Submitted(submission, index, run, identity in cancelled, waiting))
    return parts


def _what_for(submission: Submission) -> str | None:
    """What the runs of a submission wait for that is not, or not yet, a scheduler's business."""
    if submission.being_submitted:
        return "being submitted"
    if submission.cluster == "local" and is_dead(submission.process) is False:
        return "on this machine"
    return None


def _with_job(part: Submitted, jobs: Mapping[str, Mapping[int, str]]) -> Submitted:
    if part.submission.cluster != "slurm":
        return part
    ids = part.submission.job_ids
    job = (
        ids[part.index]
        if part.index < len(ids)
        else jobs.get(part.submission.folder.name, {}).get(part.index)
    )
    return replace(part, job=job)


def _alive(leases: Mapping[str, Lease], queue: SlurmQueue) -> set[str]:
    """Identities whose owner lives: it is seen on this machine, its job runs, or its heart beats."""
    alive, unsure = set(), {}
    for identity, lease in leases.items():
        if lease.released:
            continue
        dead = is_dead(lease.process)
        if dead is False:
            alive.add(identity)
        elif dead is None:
            unsure[identity] = lease
    if not unsure:
        return alive
    now = clock_of_files(next(iter(unsure.values())).work)
    silent = {}
    for identity, lease in unsure.items():
        # both times are the file system's own: the clocks of two machines are never compared
        fresh = 0 <= now - _beaten_at(lease) <= FRESH_BEATS * lease.beat_s
        job = queue.jobs.get(str(lease.process.get("job")))
        if fresh and (job is None or job.runs):
            alive.add(identity)
        else:
            silent[identity] = lease
    return alive | _watched(silent)


def _watched(silent: Mapping[str, Lease]) -> set[str]:
    """Which of these beat while they are watched: a clock that was set makes the living look old."""
    until = time.monotonic() + 1.5 * max((lease.beat_s for lease in silent.values()), default=0.0)
    beating: set[str] = set()
    while len(beating) < len(silent) and time.monotonic() < until:
        time.sleep(0.1)
        for identity in silent.keys() - beating:
            latest = read_lease(silent[identity].work)
            if latest and latest.sign_of_life != silent[identity].sign_of_life:
                beating.add(identity)
    return beating


def _beaten_at(lease: Lease) -> float:
    try:
        return (lease.work / str(lease.token) / HEARTBEAT).stat().st_mtime
    except OSError:
        return 0.0


def _state(
    identity: str, lease: Lease | None, parts: tuple[Submitted, ...], alive: bool, queue: SlurmQueue
) -> Live:
    about: Mapping[str, Any] = parts[-1].about if parts else {}
    if lease and "arm" in lease.heartbeat:
        about = lease.heartbeat
    live = Live(identity, "interrupted", about, "", lease, parts, lease.heartbeat if lease else {})
    if alive:
        return replace(live, state="running")
    # the user may want it again after she has cancelled it
    waiting = [part for part in parts if not part.cancelled]
    found = [(part, job) for part in parts if part.job and (job := queue.jobs.get(part.job))]
    # a job of a cancelled run that waits ends as it begins; one that runs may be one that Slurm did not end
    jobs = [job for part, job in found if job.runs or not (job.ended or part.cancelled)]
    if jobs:
        return _of_job(live, max(jobs, key=lambda job: job.runs))
    for part in waiting:
        if part.waits:
            return replace(live, state="queued", reason=part.waits)
    if parts and parts[-1].cancelled:
        return replace(live, state="cancelled", reason="run it again to resume")
    if queue.error and any(part.submission.cluster == "slurm" for part in waiting):
        return replace(live, state="unknown", reason="Slurm does not answer")
    return replace(live, reason=_why(lease))


def _of_job(live: Live, job: SlurmJob) -> Live:
    """A run that waits for its job, or whose process has been silent for a moment."""
    if job.runs and live.lease is not None and _is_of(live.lease, job):
        return replace(live, state="running")
    step, steps = live.heartbeat.get("step"), live.heartbeat.get("steps")
    resumes = f"; it resumes near step {step}/{steps}" if step is not None else ""
    if job.runs:
        return replace(
            live, state="running", reason=f"job {job.id} starts{resumes}", lease=None, heartbeat={}
        )
    why = job.reason if job.state == "PENDING" else job.state
    release = f"; it waits until you enter `scontrol release {job.id}`" if job.held else ""
    return replace(live, state="queued", reason=f"job {job.id}: {why}{release}{resumes}")


def _is_of(lease: Lease, job: SlurmJob) -> bool:
    """Whether a lease can be of the life that a job has now: what a former process was doing, and where, is over."""
    host = str(lease.process.get("host")).partition(".")[0]
    several = "[" in job.nodes or "," in job.nodes
    return not lease.released and lease.process.get("job") == job.id and (several or job.nodes in ("", host))


def _why(lease: Lease | None) -> str:
    if lease is None:
        return ""
    if lease.released:
        return str(lease.heartbeat.get("reason") or "it stopped")
    step, steps = lease.heartbeat.get("step"), lease.heartbeat.get("steps")
    at = f" at step {step}/{steps}" if step is not None else ""
    return f"its process is gone{at}"


def _explained(live: list[Live], queue: SlurmQueue) -> Iterable[Live]:
    """Interrupted runs with what their job has to say: how it ended, and its last line."""
    ended = (
        {run.job for run in live if run.state == "interrupted" and run.job} if queue.error is None else set()
    )
    accounts = ask_accounting(ended - queue.jobs.keys())
    for run in live:
        if run.state != "interrupted" or run.job not in ended:
            yield run
            continue
        job = queue.jobs.get(str(run.job))
        how = job.state if job else accounts.get(str(run.job), "has left the queue")
        last = last_line(run.submitted[-1].submission, run.identity, run.job)
        words = [run.reason, f"job {run.job} {how}", last]
        yield replace(run, reason="; ".join(word for word in words if word))
