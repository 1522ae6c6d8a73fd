"""How tensors reach the CPU's kernels, and how threads share the work.

Threads sleep when idle, beside torch's own, and their number changes no result.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, get_num_threads

Memory = NDArray[Any]

PIECES = 4  # of the work, for each thread: one that is held up leaves pieces to the others
NOTHING = np.empty(0, np.float32)

_pool: ThreadPoolExecutor | None = None


def _forget_pool() -> None:
    global _pool
    _pool = None  # threads do not survive a fork; the child makes its own


os.register_at_fork(after_in_child=_forget_pool)


def in_parallel(kernel: Any, tasks: int, *arguments: Any) -> None:
    """Run a kernel on the tasks [0, tasks), by as many threads as torch uses."""
    global _pool
    threads = min(get_num_threads(), tasks)
    if threads <= 1:
        kernel(0, tasks, *arguments)
        return
    pieces = min(tasks, threads * PIECES)
    cuts = [tasks * i // pieces for i in range(pieces + 1)]
    turn = count()

    def work() -> None:
        while (i := next(turn)) < pieces:
            kernel(cuts[i], cuts[i + 1], *arguments)

    if _pool is None or _pool._max_workers < threads:
        _pool = ThreadPoolExecutor(threads, thread_name_prefix="zigma-scan")
    futures = [_pool.submit(work) for _ in range(threads - 1)]
    work()
    for future in futures:
        future.result()


def memory(x: Tensor | None) -> Memory:
    """The memory of a tensor, flat; of one that is not contiguous, of a copy."""
    return NOTHING if x is None else x.detach().contiguous().view(-1).numpy()


def rows(x: Tensor | None) -> tuple[Memory, tuple[int, int]]:
    """The memory from the first to the last value of x (batch, L, channels), and the strides of its rows.

    Rows may lie apart, as those of a part of a wider projection do.
    """
    if x is None:
        return NOTHING, (0, 0)
    x = x.detach()
    if x.stride(2) != 1:
        x = x.contiguous()
    at = x.stride(0), x.stride(1)
    if x.is_contiguous():
        return x.view(-1).numpy(), at
    span = sum((size - 1) * stride for size, stride in zip(x.shape, x.stride(), strict=True)) + 1
    return x.as_strided((span,), (1,)).numpy(), at


def steps(order: Tensor | None, length: int) -> Memory:
    """The token of each step."""
    return np.arange(length) if order is None else order.contiguous().numpy()
