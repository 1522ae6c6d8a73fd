"""How tensors reach the CPU's kernels, and how threads share the work: their number changes no result."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, get_num_threads

from zigma.ops.cpu.threads import on_threads

Memory = NDArray[Any]

NOTHING = np.empty(0, np.float32)


# Numbers that are worth a thread: it wakes in the time that a kernel takes for about half of them.
GRAIN = 2**18


def in_parallel(kernel: Any, tasks: int, numbers: int, *arguments: Any) -> None:
    """Run a kernel on the tasks [0, tasks), which compute so many numbers, by at most as many threads as torch uses.

    Each takes the next that is left, so that one which is held up leaves them to the others.
    """
    turn = np.zeros(1, np.int64)
    threads = min(get_num_threads(), tasks, max(1, numbers // GRAIN))
    on_threads(threads, lambda: kernel(turn, tasks, *arguments))


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


def steps(order: Tensor | None, length: int) -> tuple[Memory, int]:
    """The token of each step, and how far the steps of the next sequence lie from those of the one before."""
    if order is None:
        return np.arange(length), 0
    return memory(order), length if order.ndim == 2 else 0
