"""A long list of like work, shared by as many processes as there are cores."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, TypeVar

from zigma.common.machine import usable_cores

MOST = 8  # processes

T = TypeVar("T")
U = TypeVar("U")


def map_forked(
    function: Callable[[T], U], items: Sequence[T], worth: int = 2, together: int = 1
) -> Iterator[U]:
    """`function` of every item, in their order; `items` and what comes back can be pickled, the function need not be.

    It is for Python alone: a forked process has neither the threads of this one nor what they held, such as torch's.
    Who stops asking waits for what is under way, and no signal is sent: a pool that ends its processes by SIGTERM
    waits for ever for those of a job, which goes on at that.

    Args:
        worth: items from which on further processes are worth their start
        together: items that a process takes at once
    """
    processes = min(usable_cores(), MOST, len(items)) if sys.platform == "linux" else 1
    if len(items) < worth or processes < 2:
        yield from map(function, items)
        return
    readers = ProcessPoolExecutor(processes, get_context("fork"), _inherit, (function,))
    try:
        yield from readers.map(_apply, items, chunksize=together)
    finally:
        readers.shutdown(cancel_futures=True)


_inherited: Callable[[Any], Any]  # of a forked process: closures reach it this way alone


def _inherit(function: Callable[[Any], Any]) -> None:
    global _inherited
    _inherited = function
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to speak of


def _apply(item: Any) -> Any:
    return _inherited(item)
