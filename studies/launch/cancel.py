"""Stop runs, wherever they were started, and see to it that they stay stopped."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from studies.launch.live import Live, Submitted, live_runs
from studies.launch.slurm import ask_queue, end_jobs
from studies.launch.submissions import Submission
from studies.run.process import is_dead

PATIENCE_S = 15.0
LOOK_S = 0.2


@dataclass(frozen=True)
class GoesOn:
    """A run that could not be stopped: it is on another machine, or a `job` that Slurm did not end, and why."""

    run: Live
    job: str | None = None
    complaint: str = ""


def cancel(runs: Iterable[Live], results: Path) -> list[GoesOn]:
    """Stop these runs; returns those that go on.

    They are first marked in every submission that they are part of. A job or a local process that comes to one later
    (Slurm may be about to put a preempted job back into its queue) finds the mark and ends at once.
    """
    runs = list(runs)
    marks: dict[Path, tuple[Submission, set[str]]] = {}
    for run in runs:
        for part in run.submitted:
            _, marked = marks.setdefault(part.submission.folder, (part.submission, set()))
            marked.add(run.identity)
    for submission, marked in marks.values():
        submission.cancel(marked)
    complaint = end_jobs(part.job for run in runs for part in run.submitted if part.job)
    left = [] if complaint is None else list(_left_by_slurm(runs, complaint))
    here = [run for run in runs if not _has_job(run) and _end_process(run)]
    _wait_for_ends(here)
    reached = {run.identity for run in runs} - {each.run.identity for each in left}
    return [*left, *map(GoesOn, _still_running(reached, results))]


def _left_by_slurm(runs: list[Live], complaint: str) -> Iterator[GoesOn]:
    """Runs that have a job still, or may have: Slurm complains of jobs that have ended, too."""
    queue = ask_queue()
    for run in runs:
        jobs = [part.job for part in run.submitted if part.job]
        if queue.error is None:
            found = [queue.jobs[job] for job in jobs if job in queue.jobs]
            jobs = [job.id for job in found if not job.ended and job.state != "COMPLETING"]
        if jobs:
            yield GoesOn(run, jobs[-1], complaint)


def _has_job(run: Live) -> bool:
    return any(part.job for part in run.submitted)


def _end_process(run: Live) -> bool:
    """Ask the process of a run to end, if it is on this machine."""
    if run.lease is None or is_dead(run.lease.process) is not False:
        return False
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(int(run.lease.process["pid"]), signal.SIGTERM)
    return True


def _wait_for_ends(runs: Iterable[Live]) -> None:
    """Wait until processes of this machine are gone: the user may look at once, or begin the runs again."""
    until = time.monotonic() + PATIENCE_S
    for run in runs:
        assert run.lease is not None
        while is_dead(run.lease.process) is False and time.monotonic() < until:
            time.sleep(LOOK_S)


def _still_running(identities: set[str], results: Path) -> list[Live]:
    """Runs that go on where neither Slurm nor this machine's processes could be told to end."""
    live, _ = live_runs(results)
    going = [run for run in live if run.identity in identities and run.state == "running"]
    # of a job that was between two states
    end_jobs(part.job for run in going for part in run.submitted if part.job)
    return [run for run in going if not _has_job(run) and not _ends_soon(run.submitted)]


def _ends_soon(parts: Iterable[Submitted]) -> bool:
    """Whether a local submission is at work that looks for the mark every moment."""
    return any(is_dead(part.submission.process) is False for part in parts)
