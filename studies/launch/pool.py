"""Carry out runs on this machine: one process per run, as many at once as there are cores, or one per GPU (or more).

A small run is faster on one core than on two, where its threads would wait for each other; so runs share the
machine instead, and the numbers of a run do not depend on how many are under way beside it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path

from studies.launch.execute import Outcome, execute
from studies.launch.lineup import LineUp, recorded_now
from studies.launch.progress import Reporter
from studies.launch.worker import Worker, start_worker
from studies.run.conditions import Conditions
from studies.run.queue import QueuedRun
from studies.run.sweep import sweep
from zigma.common.machine import usable_cores
from zigma.common.words import WordError

KILLED = Outcome("stopped", "was killed; the same command resumes it")
CANCELLED = Outcome("cancelled", "was cancelled; the same command resumes it")
LOOK_S = 0.5  # between two looks at what was cancelled


@dataclass(frozen=True)
class Share:
    """How the machine is shared out: so many runs at once, each on so many GPUs; where their output goes."""

    jobs: int | None = None  # default: one per core, or one per GPU; with more, runs share a GPU
    gpus: int = 1  # of each run, where there are any
    logs: Path | None = None  # a file per run; else the terminal
    cancelled: Callable[[], Collection[str]] = tuple  # identities that are to be stopped, or not begun
    ended: Callable[[str], None] = lambda identity: None  # told of each that has ended


def launch(queue: list[QueuedRun], conditions: Conditions, share: Share = Share()) -> int:
    """Carry out every run.

    Returns the exit status: 0 when all that was asked for is recorded as done, whoever has carried it out; 1 when a
    run has failed, was killed or cancelled, or is still under way in another process.
    """
    sweep(conditions.results)
    places = _places(share)[: len(queue)]
    with Reporter(len(queue)) as reporter:
        line_up = LineUp(queue, conditions.results, reporter, share.cancelled)
        if places == [()] and share.logs is None:
            _here(line_up, reporter, conditions)
        else:
            _beside(line_up, reporter, conditions, places, share)
    print(f"records are under {conditions.results / 'records'}", file=sys.stderr)
    return 0 if all(_is_done(n, queued, line_up, conditions) for n, queued in enumerate(queue, 1)) else 1


def _is_done(number: int, queued: QueuedRun, line_up: LineUp, conditions: Conditions) -> bool:
    outcome = line_up.outcomes.get(number)
    if outcome is None or outcome.kind not in ("done", "failed"):
        outcome = recorded_now(queued, conditions.results)
    return outcome is not None and outcome.kind == "done"


def _places(share: Share) -> list[tuple[str, ...]]:
    """The places where runs can go on at once, with the GPUs of each."""
    here = gpus()
    if not here:
        return [()] * (share.jobs or usable_cores())
    if share.gpus > len(here):
        raise WordError(f"--gpus {share.gpus}, but this machine has {len(here)}")
    places = [tuple(here[n : n + share.gpus]) for n in range(0, len(here) - share.gpus + 1, share.gpus)]
    jobs = share.jobs or len(places)
    if len(here) == jobs == 1:
        return [()]  # the one device: nothing to be shared out
    return [places[n % len(places)] for n in range(jobs)]  # a small network leaves room for others on its GPU


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES would be told of each GPU."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = visible.split(",") if visible else [str(n) for n in range(torch.cuda.device_count())]
    return names[: torch.cuda.device_count()]


def _here(line_up: LineUp, reporter: Reporter, conditions: Conditions) -> None:
    """One after another, in this very process."""
    while True:
        entry = line_up.next()
        if entry is None:
            if line_up.wait():
                continue
            return
        number, queued = entry
        started = time.monotonic()
        reporter.start(number, queued.run.label)
        outcome = execute(queued, conditions, partial(reporter.tell, number))
        reporter.end(number, outcome.line)
        line_up.end(number, queued, outcome, time.monotonic() - started)


def _beside(
    line_up: LineUp,
    reporter: Reporter,
    conditions: Conditions,
    places: list[tuple[str, ...]],
    share: Share,
) -> None:
    """Processes that tell how they get on through a pipe; one that dies without a word was killed."""
    free = list(reversed(places))
    workers: dict[Connection, Worker] = {}
    try:
        while True:
            while free and (entry := line_up.next()):
                number, queued = entry
                worker = start_worker(number, queued, conditions, free.pop(), share.logs)
                workers[worker.pipe] = worker
                reporter.start(number, queued.run.label)
            if not workers:
                if line_up.wait():
                    continue
                return
            for worker, outcome in _ended(workers, reporter, share):
                reporter.end(worker.number, outcome.line)
                line_up.end(worker.number, worker.queued, outcome, time.monotonic() - worker.started)
                share.ended(worker.queued.run.identity)
                del workers[worker.pipe]
                free.append(worker.devices)
                worker.join()
    finally:
        for worker in workers.values():
            worker.kill()


def _ended(
    workers: dict[Connection, Worker], reporter: Reporter, share: Share
) -> list[tuple[Worker, Outcome]]:
    """Wait a moment for what the workers have to tell; returns those that have ended, and how."""
    followers = {process.sentinel: worker for worker in workers.values() for process in worker.followers()}
    ended = []
    cancelled = share.cancelled()
    for worker in workers.values():
        if worker.queued.run.identity in cancelled:
            worker.cancel()
    for ready in wait([*workers, *followers], timeout=LOOK_S):
        if isinstance(ready, int):  # one of several went: the leader would wait for it
            followers[ready].end_if_broken()
            continue
        assert isinstance(ready, Connection)
        worker = workers[ready]
        try:
            kind, *rest = worker.pipe.recv()
        except EOFError:
            ended.append((worker, CANCELLED if worker.queued.run.identity in cancelled else KILLED))
            continue
        if kind == "tell":
            reporter.tell(worker.number, *rest)
        else:
            ended.append((worker, rest[0]))
    return ended
