"""The threads that kernels share with torch."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from numba import njit

from zigma.ops.cpu import run as cpu_run
from zigma.ops.cpu import threads as cpu_threads
from zigma.ops.cpu.run import in_parallel
from zigma.ops.cpu.tasks import take
from zigma.ops.cpu.threads import on_threads


@pytest.fixture(params=["torch's", "a pool"])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    if request.param == "a pool":
        monkeypatch.setattr(cpu_threads, "_openmp", None)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield 3
    torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch's OpenMP has another interface")
def test_torch_has_threads_to_share() -> None:
    assert cpu_threads._openmp is not None


@njit(nogil=True)
def count(turn: Any, tasks: int, done: Any) -> None:
    task = take(turn)
    while task < tasks:
        done[task] += 1
        task = take(turn)


def test_every_task_is_done_once(threads: int) -> None:
    done = np.zeros(100_000, np.int64)
    in_parallel(count, len(done), len(done), done)
    assert (done == 1).all()


@pytest.mark.parametrize(("numbers", "called"), [(0, 1), (199, 1), (200, 2), (10_000, 3)])
def test_little_work_wakes_no_thread(
    threads: int, numbers: int, called: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cpu_run, "GRAIN", 100)
    calls = []
    in_parallel(lambda turn, tasks: calls.append(threading.get_ident()), 50, numbers)
    assert len(calls) == called


def test_work_is_done_in_several_threads_at_once(threads: int) -> None:
    met = threading.Barrier(threads, timeout=60)
    names = set()

    def work() -> None:
        met.wait()  # passes once so many threads are here
        names.add(threading.get_ident())

    on_threads(threads, work)
    assert len(names) == threads
    assert threading.get_ident() in names


def test_what_a_thread_raises_reaches_the_caller(threads: int) -> None:
    here = threading.get_ident()

    def work() -> None:
        if threading.get_ident() != here:
            raise ZeroDivisionError("in another thread")
        time.sleep(0.01)

    with pytest.raises(ZeroDivisionError, match="in another thread"):
        on_threads(threads, work)


FORKED = """
import os, torch
from zigma.ops import rms_norm
torch.set_num_threads(2)
x, weight = torch.randn(64, 300, 40), torch.ones(40)
before = rms_norm(x, weight)[0]
child = os.fork()  # in it, torch itself would wait for its threads: numpy compares
if child == 0:
    os._exit(0 if (rms_norm(x, weight)[0].numpy() == before.numpy()).all() else 1)
raise SystemExit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_does_not_wait_for_threads_it_has_not() -> None:
    subprocess.run([sys.executable, "-c", FORKED], check=True, timeout=120)
