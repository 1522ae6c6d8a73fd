"""Carry out runs on this machine: one process per run, as many at once as there are cores, or one per GPU.

A small run is faster on one core than on two, where its threads would wait for each other; so runs share the
machine instead, and the numbers of a run do not depend on how many are under way beside it.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from studies.launch.execute import Order, Task, execute
from studies.launch.progress import Reporter
from zigma.common.machine import usable_cores
from zigma.common.words import WordError

PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal a process gets when its parent dies
KILLED = "was killed; the same command resumes it"


@dataclass(frozen=True)
class Share:
    """How the machine is shared out: so many runs at once, each on so many GPUs; where their output goes."""

    jobs: int | None = None  # one per core, or one per GPU
    gpus: int = 1  # of each run, where there are any
    logs: Path | None = None  # a file per run; else the terminal
    cancelled: Callable[[], Collection[str]] = tuple  # identities that are not to be begun any more


@dataclass
class _Live:
    number: int
    processes: list[BaseProcess]  # the leader first
    devices: tuple[str, ...]

    def followers(self) -> list[BaseProcess]:
        """Those that have not ended well yet."""
        return [process for process in self.processes[1:] if process.exitcode != 0]

    def end_if_broken(self) -> None:
        """Kill the leader if a follower has failed: it would wait for it for ever."""
        if any(process.exitcode for process in self.followers()):
            self.processes[0].kill()


def launch(wanted: list[Task], order: Order, share: Share = Share()) -> int:
    """Carry out every run.

    Returns the exit status: 0 when all are done, 1 when one failed, was killed, or is another process's.
    """
    reporter = Reporter(len(wanted))
    slots = _slots(share)
    del slots[len(wanted) :]
    if slots == [()] and share.logs is None:
        finished = [_here(reporter, number, task, order) for number, task in enumerate(wanted, 1)]
    else:
        finished = _beside(reporter, wanted, order, slots, share)
    print(f"records are under {order.results / 'records'}", file=sys.stderr)
    return 0 if all(finished) else 1


def _slots(share: Share) -> list[tuple[str, ...]]:
    """The places where runs can go on at once, with the GPUs of each."""
    here = gpus()
    if not here:
        return [()] * (share.jobs or usable_cores())
    if share.gpus > len(here):
        raise WordError(f"--gpus {share.gpus}, but this machine has {len(here)}")
    places = [tuple(here[n : n + share.gpus]) for n in range(0, len(here) - share.gpus + 1, share.gpus)]
    if len(here) == 1:
        return [()]  # the one device: nothing to be shared out
    return places[: share.jobs]


def gpus() -> list[str]:
    """What CUDA_VISIBLE_DEVICES would be told of each GPU."""
    import torch

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    known = visible.split(",") if visible else [str(n) for n in range(torch.cuda.device_count())]
    return known[: torch.cuda.device_count()]


def _here(reporter: Reporter, number: int, task: Task, order: Order) -> bool:
    reporter.start(number, task.run.label)
    good, outcome = execute(task, order, lambda line: reporter.tell(number, line))
    reporter.end(number, outcome)
    return good


def _beside(
    reporter: Reporter, wanted: list[Task], order: Order, slots: list[tuple[str, ...]], share: Share
) -> list[bool]:
    """Processes that tell how they get on through a pipe; one that dies without a word was killed."""
    waiting = deque(enumerate(wanted, 1))
    free = list(reversed(slots))
    live: dict[Connection, _Live] = {}
    finished = []
    try:
        while waiting or live:
            while waiting and free:
                number, task = waiting.popleft()
                if task.run.identity in share.cancelled():
                    print(f"{task.run.label} was cancelled", file=sys.stderr, flush=True)
                    continue
                pipe, started = _start(number, task, order, free.pop(), share.logs)
                live[pipe] = started
                reporter.start(number, task.run.label)
            followers = {process.sentinel: run for run in live.values() for process in run.followers()}
            for ready in wait([*live, *followers]):
                if isinstance(ready, int):  # one of several went: the leader would wait for it
                    followers[ready].end_if_broken()
                    continue
                assert isinstance(ready, Connection)
                pipe, run = ready, live[ready]
                try:
                    kind, *said = pipe.recv()
                except EOFError:
                    kind, said = "end", [False, KILLED]
                if kind == "tell":
                    reporter.tell(run.number, *said)
                    continue
                good, outcome = said
                finished.append(good)
                reporter.end(run.number, outcome)
                del live[pipe]
                free.append(run.devices)
                run.processes[0].join()
                _kill(run.processes[1:])  # they end by themselves, or wait for a leader that is gone
    finally:
        for run in live.values():
            _kill(run.processes)
    return finished


def _start(
    number: int, task: Task, order: Order, devices: tuple[str, ...], logs: Path | None
) -> tuple[Connection, _Live]:
    """Start a run: one process, or one per GPU of its place."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    log = None if logs is None else logs / f"{task.run.identity}.log"
    processes: list[BaseProcess] = []
    for environment in _environments(devices):
        process = context.Process(target=_child, args=(theirs, task, order, environment, log))
        process.start()
        processes.append(process)
    theirs.close()
    return ours, _Live(number, processes, devices)


def _environments(devices: tuple[str, ...]) -> list[dict[str, str]]:
    """What each process of a run is told: its GPUs and, where there are several, how to meet the others."""
    if not devices:
        return [{}]
    visible = {"CUDA_VISIBLE_DEVICES": ",".join(devices)}
    if len(devices) == 1:
        return [visible]
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    size = {"WORLD_SIZE": str(len(devices)), "LOCAL_WORLD_SIZE": str(len(devices))}
    meet = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    ranks = ({"RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(len(devices)))
    return [visible | size | meet | rank for rank in ranks]


def _kill(processes: list[BaseProcess]) -> None:
    for process in processes:
        process.join(timeout=5)
        process.kill()


def _child(pipe: Connection, task: Task, order: Order, environment: dict[str, str], log: Path | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is the parent's to speak of
    if sys.platform == "linux":  # a killed parent leaves no process behind that would own the run
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.environ.update(environment)
    leads = environment.get("RANK", "0") == "0"
    if log is not None:
        _write_to(log)
    if not leads:
        pipe.close()
    in_log = Reporter(1)
    if log is not None:
        in_log.start(1, task.run.label)

    def tell(line: str) -> None:
        if log is not None:
            in_log.tell(1, line)
        if leads:
            pipe.send(("tell", line))

    said: tuple[Any, ...] = execute(task, order, tell)
    if log is not None:
        in_log.end(1, said[1])
    if leads:
        pipe.send(("end", *said))


def _write_to(log: Path) -> None:
    """Send all output to a file, of C libraries too."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
