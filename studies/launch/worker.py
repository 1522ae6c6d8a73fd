"""The processes that `studies.launch.pool` starts for a run, as the parent sees them and from inside."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from studies.launch.execute import Outcome, execute
from studies.launch.progress import Reporter
from studies.run.conditions import Conditions
from studies.run.queue import QueuedRun
from zigma.common.program import in_a_line

PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal a process gets when its parent dies
JOIN_S = 5.0


@dataclass
class Worker:
    """A run under way in processes of its own."""

    number: int
    queued: QueuedRun
    devices: tuple[str, ...]
    pipe: Connection  # tells how the run gets on; closed when the leader is gone
    processes: list[BaseProcess]  # the leader first
    started: float = field(default_factory=time.monotonic)

    def followers(self) -> list[BaseProcess]:
        """Those that have not ended well yet."""
        return [process for process in self.processes[1:] if process.exitcode != 0]

    def end_if_broken(self) -> None:
        """Kill the leader if a follower has failed: it would wait for it for ever."""
        if any(process.exitcode for process in self.followers()):
            self.processes[0].kill()

    def cancel(self) -> None:
        """End the leader; its pipe then closes."""
        self.processes[0].kill()

    def join(self) -> None:
        """Wait for the leader; the others end by themselves, or wait for a leader that is gone."""
        self.processes[0].join()
        for process in self.processes[1:]:
            process.join(timeout=JOIN_S)
        _kill(self.processes[1:])

    def kill(self) -> None:
        """End all of them."""
        _kill(self.processes)


def start_worker(
    number: int, queued: QueuedRun, conditions: Conditions, devices: tuple[str, ...], logs: Path | None
) -> Worker:
    """Start a run: one process, or one per GPU of its place."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    log = None if logs is None else logs / f"{queued.run.identity}.log"
    processes: list[BaseProcess] = []
    for variables in environments(devices):
        process = context.Process(
            target=_work, args=(theirs, queued, conditions, variables, log, os.getpid())
        )
        process.start()
        processes.append(process)
    theirs.close()
    return Worker(number, queued, devices, ours, processes)


def environments(devices: tuple[str, ...]) -> list[dict[str, str]]:
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
        process.terminate()
    for process in processes:
        process.join(timeout=JOIN_S)
        process.kill()


def _work(
    pipe: Connection,
    queued: QueuedRun,
    conditions: Conditions,
    variables: dict[str, str],
    log: Path | None,
    parent: int,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is the parent's to speak of
    _die_with(parent)
    os.environ.update(variables)
    leads = variables.get("RANK", "0") == "0"
    if log is not None:
        _write_to(log)
    if not leads:
        pipe.close()
    in_log = Reporter(1)
    if log is not None:
        in_log.start(1, queued.run.label)

    def tell(line: str, fraction: float | None) -> None:
        if log is not None:
            in_log.tell(1, line)
        if leads:
            pipe.send(("tell", line, fraction))

    try:
        outcome = execute(queued, conditions, tell)
    except Exception as error:  # no run's own doing: a library that cannot be loaded, a word that is refused
        if not isinstance(error, ValueError):
            traceback.print_exc()
        outcome = Outcome("stopped", f"stopped: {in_a_line(error)}")
    if log is not None:
        in_log.end(1, outcome.line)
    if leads:
        pipe.send(("end", outcome))


def _die_with(parent: int) -> None:
    """A killed parent should leave no process behind that owns the run."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before this process could ask for that
        os._exit(1)


def _write_to(log: Path) -> None:
    """Send all output to a file, of C libraries too."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    os.close(descriptor)
