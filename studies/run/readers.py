"""Many records at once: reading one is all parsing and checking, so as many processes as there are cores share it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from zigma.common.machine import usable_cores

WORTH_PROCESSES = 1000  # records from which on reading them is worth several processes
MOST_READERS = 8
TOGETHER = 100  # files that a process reads before it hands them over

T = TypeVar("T")


def read_each(read: Callable[[Path], T], paths: Sequence[Path]) -> Iterator[T]:
    """`read`, a function of a module that raises nothing, of every path in their order."""
    readers = min(usable_cores(), MOST_READERS) if sys.platform == "linux" else 1
    if len(paths) < WORTH_PROCESSES or readers == 1:
        yield from map(read, paths)
        return
    # forked, since they have nothing but a look at files: no torch, no lock of another thread
    with get_context("fork").Pool(readers) as pool:
        yield from pool.imap(read, paths, chunksize=TOGETHER)
