"""Carry out runs on this machine: one process per run, as many at once as there are cores (or one GPU).

A small run is faster on one core than on two, where its threads would wait for each other; so runs share the
machine instead, and the numbers of a run do not depend on how many are under way beside it.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from studies.plan import Mode
from studies.progress import Reporter, duration
from studies.study import Run

REPORT_EVERY_S = 0.5
PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal a process gets when its parent dies

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """How runs are to be carried out: nothing here changes a number."""

    results: Path
    mode: Mode
    checkpoint_every_s: float
    scan_files: tuple[str, ...] = ()  # of the user's curves, to be read again in each process


def launch(wanted: list[Run], order: Order, jobs: int | None = None) -> int:
    """Carry out every run; `jobs` at once, by default one per core, or one where there is a GPU.

    Returns the exit status: 0 when all are done, 1 when one failed, was killed, or is another process's.
    """
    reporter = Reporter(len(wanted))
    jobs = min(jobs or _default_jobs(), len(wanted))
    if jobs == 1:
        finished = [_here(reporter, number, run, order) for number, run in enumerate(wanted, 1)]
    else:
        finished = _beside(reporter, wanted, order, jobs)
    print(f"records are under {order.results / 'records'}", file=sys.stderr)
    return 0 if all(finished) else 1


def _default_jobs() -> int:
    import torch

    return 1 if torch.cuda.is_available() else len(os.sched_getaffinity(0))


def _here(reporter: Reporter, number: int, run: Run, order: Order) -> bool:
    reporter.start(number, run.label)
    good, outcome = _carry_out(run, order, lambda line: reporter.tell(number, line))
    reporter.end(number, outcome)
    return good


def _carry_out(run: Run, order: Order, tell: Tell) -> tuple[bool, str]:
    """Whether the run is done, and one line about it."""
    import torch

    from studies.run import Owned, carry_out
    from studies.watch import Watch
    from zigma.training import Progress

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    last = 0.0

    def training(progress: Progress) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S or progress.step == progress.steps:
            last = now
            tell(
                f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}  "
                f"{progress.images_per_s:.0f} images/s  {duration(progress.seconds_left)} left"
            )

    try:
        watch = Watch(training, tell)
        record = carry_out(run, order.results, watch, order.mode, order.checkpoint_every_s)
    except Owned as error:
        return False, str(error)
    except OSError as error:  # a full disk, a folder that may not be written: nothing is recorded of it
        return False, f"stopped: {error}; the same command resumes it"
    if record["status"] == "failed":
        return False, f"failed: {record['error']}"
    values = "  ".join(f"{metric['name']} {metric['value']:.4g}" for metric in record["metrics"])
    return True, f"done in {duration(sum(record['wall_time_s'].values()))}: {values}"


def _beside(reporter: Reporter, wanted: list[Run], order: Order, jobs: int) -> list[bool]:
    """Processes that tell how they get on through a pipe; one that dies without a word was killed."""
    context = multiprocessing.get_context("spawn")
    waiting = deque(enumerate(wanted, 1))
    live: dict[Connection, tuple[int, BaseProcess]] = {}
    finished = []
    try:
        while waiting or live:
            while waiting and len(live) < jobs:
                number, run = waiting.popleft()
                ours, theirs = context.Pipe(duplex=False)
                process: BaseProcess = context.Process(target=_child, args=(theirs, run, order))
                process.start()
                theirs.close()
                live[ours] = number, process
                reporter.start(number, run.label)
            for pipe in wait(list(live)):
                assert isinstance(pipe, Connection)
                number, process = live[pipe]
                try:
                    kind, *said = pipe.recv()
                except EOFError:
                    kind, said = "end", [False, "was killed; the same command resumes it"]
                if kind == "tell":
                    reporter.tell(number, *said)
                    continue
                good, outcome = said
                finished.append(good)
                reporter.end(number, outcome)
                del live[pipe]
                process.join()
    finally:
        for _, process in live.values():
            process.kill()
    return finished


def _child(pipe: Connection, run: Run, order: Order) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is the parent's to speak of
    if sys.platform == "linux":  # a killed parent leaves no process behind that would own the run
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    from zigma.scans import load_scan

    for scan in order.scan_files:
        load_scan(scan)
    said: tuple[Any, ...] = _carry_out(run, order, lambda line: pipe.send(("tell", line)))
    pipe.send(("end", *said))
