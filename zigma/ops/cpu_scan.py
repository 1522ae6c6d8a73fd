"""Backend "cpu": compiled by numba on first use (a few seconds, kept between processes), float32 state.

Everything around the recurrence (bias, softplus, skip, gate) is part of its kernels. Threads sleep when idle, beside
torch's own, and their number changes no result. Nothing is gathered, scattered or transposed: `order` and the strides
of rows are read inside the loops.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zigma.ops import cpu_conv_kernels, cpu_scan_kernels
from zigma.ops.cpu_scan_kernels import CHUNK, VECTORS
from zigma.ops.simd import LANES

PIECES = 4  # of the work, for each thread: one that is held up leaves pieces to the others

_pool: ThreadPoolExecutor | None = None


def probe() -> str | None:
    """Return what is missing; numba was imported above, so nothing is."""
    return None


def refuses(device: torch.device, dtype: torch.dtype) -> str | None:
    """Return why tensors cannot be taken: the kernels are for float32 (and narrower) in main memory."""
    if device.type != "cpu":
        return "it runs on the CPU alone"
    if dtype == torch.float64:
        return "its state is float32; take 'torch' or 'reference' for float64"
    return None


def _forget_pool() -> None:
    global _pool
    _pool = None  # threads do not survive a fork; the child makes its own


os.register_at_fork(after_in_child=_forget_pool)


def _in_parallel(kernel: Any, tasks: int, *arguments: Any) -> None:
    """Run a kernel on the tasks [0, tasks), by as many threads as torch uses."""
    global _pool
    threads = min(torch.get_num_threads(), tasks)
    if threads == 1:
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


Memory = NDArray[Any]
_NOTHING = np.empty(0, np.float32)
_NOWHERE = (0, 0)


def _memory(x: Tensor | None) -> Memory:
    """The memory of a tensor, flat; of one that is not contiguous, of a copy."""
    return _NOTHING if x is None else x.detach().contiguous().view(-1).numpy()


def _rows(x: Tensor | None) -> tuple[Memory, tuple[int, int]]:
    """The memory from the first to the last value of x (batch, L, channels), and the strides of its rows.

    Rows may lie apart, as those of a part of a wider projection do.
    """
    if x is None:
        return _NOTHING, _NOWHERE
    x = x.detach()
    if x.stride(2) != 1:
        x = x.contiguous()
    at = x.stride(0), x.stride(1)
    span = sum((size - 1) * stride for size, stride in zip(x.shape, x.stride(), strict=True)) + 1
    return x.as_strided((span,), (1,)).numpy(), at


def _order(order: Tensor | None, length: int) -> Memory:
    return np.arange(length) if order is None else order.contiguous().numpy()


def _block(batch: int, width: int) -> int:
    """Channels of a task: by shapes alone, since sums over channels are added up by task."""
    vectors = -(-width // LANES)
    return LANES * max(1, min(VECTORS, vectors, batch * vectors // 8))


def _blocks(u: Tensor) -> int:
    return -(-u.shape[2] // _block(u.shape[0], u.shape[2]))


def _sizes(u: Tensor, A: Tensor) -> tuple[int, int, int, int]:
    return u.shape[1], u.shape[2], A.shape[1], _block(u.shape[0], u.shape[2])


def _kept(u: Tensor, A: Tensor, keep: bool) -> Tensor:
    """Room for the states before every chunk (tasks, chunks, vectors, N, LANES)."""
    length, _, states, block = _sizes(u, A)
    return u.new_empty(len(u) * _blocks(u) if keep else 0, -(-length // CHUNK), block // LANES, states, LANES)


@torch.library.custom_op("zigma::cpu_scan", mutates_args=())
def _scan(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, plus: bool, order: Tensor | None, keep: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Return y and, if they are to be kept, the states that the backward pass starts from."""
    y, starts = u.new_empty(u.shape), _kept(u, A, keep)
    tokens = *_rows(u), *_rows(delta), _memory(A), *_rows(B), *_rows(C), _memory(D), *_rows(z), _memory(bias)
    _in_parallel(
        cpu_scan_kernels.scan_forward, len(u) * _blocks(u), _sizes(u, A), *tokens, plus,
        _order(order, u.shape[1]), _memory(y), _memory(starts),
    )  # fmt: skip
    return y, starts


@_scan.register_fake
def _(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, plus: bool, order: Tensor | None, keep: bool,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    return u.new_empty(u.shape), _kept(u, A, keep)


@torch.library.custom_op("zigma::cpu_scan_backward", mutates_args=())
def _scan_backward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, plus: bool, order: Tensor | None, starts: Tensor, dy: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the gradients of u, delta, A, B, C, D, z, bias, whether the last three were given or not."""
    batch, length, width = u.shape
    states, blocks = A.shape[1], _blocks(u)
    du, ddelta = u.new_empty(u.shape), u.new_empty(u.shape)
    dz = u.new_empty(u.shape if z is not None else 0)
    dA, dD, dbias = u.new_empty(batch, width, states), u.new_empty(batch, width), u.new_empty(batch, width)
    dB, dC = u.new_empty(batch, blocks, length, states), u.new_empty(batch, blocks, length, states)
    tokens = *_rows(u), *_rows(delta), _memory(A), *_rows(B), *_rows(C), _memory(D), *_rows(z), _memory(bias)
    grads = (_memory(x) for x in (du, ddelta, dz, dA, dB, dC, dD, dbias))
    _in_parallel(
        cpu_scan_kernels.scan_backward, batch * blocks, _sizes(u, A), *tokens, plus,
        _order(order, length), _memory(starts), *_rows(dy), *grads,
    )  # fmt: skip
    return du, ddelta, dA.sum(0), dB.sum(1), dC.sum(1), dD.sum(0), dz, dbias.sum(0)


@_scan_backward.register_fake
def _(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, plus: bool, order: Tensor | None, starts: Tensor, dy: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    du, ddelta, dB, dC = (u.new_empty(x.shape) for x in (u, delta, B, C))
    dD, dbias = u.new_empty(u.shape[2]), u.new_empty(u.shape[2])
    return du, ddelta, A.new_empty(A.shape), dB, dC, dD, u.new_empty(u.shape if z is not None else 0), dbias


def _save_scan(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    u, delta, A, B, C, D, z, bias, ctx.plus, order, _ = inputs
    ctx.save_for_backward(u, delta, A, B, C, D, z, bias, order, output[1])


def _scan_gradients(ctx: Any, dy: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    u, delta, A, B, C, D, z, bias, order, starts = ctx.saved_tensors
    grads = _scan_backward(u, delta, A, B, C, D, z, bias, ctx.plus, order, starts, dy)
    given = [grad if x is not None else None for grad, x in zip(grads[5:], (D, z, bias), strict=True)]
    return *grads[:5], *given, None, None, None


_scan.register_autograd(_scan_gradients, setup_context=_save_scan)


def _wide(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.float()


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    order: Tensor | None = None,
) -> Tensor:
    """Scan with the compiled kernels; shapes and meaning as in `zigma.ops.selective_scan`."""
    given = (u, delta, A, B, C, D, z, delta_bias)
    keep = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in given)
    y, _ = _scan(
        u.float(), delta.float(), A.float(), B.float(), C.float(), _wide(D), _wide(z), _wide(delta_bias),
        delta_softplus, order, keep,
    )  # fmt: skip
    return y.to(u.dtype)


@torch.library.custom_op("zigma::cpu_conv", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None) -> Tensor:
    batch, length, width = x.shape
    y, taps = x.new_empty(x.shape), weight.t()
    _in_parallel(
        cpu_conv_kernels.conv_forward, batch * -(-width // cpu_conv_kernels.BLOCK), (length, *weight.shape),
        *_rows(x), _memory(taps), _memory(bias), silu, _order(order, length), _memory(y),
    )  # fmt: skip
    return y


@_conv.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None) -> Tensor:
    return x.new_empty(x.shape)


@torch.library.custom_op("zigma::cpu_conv_backward", mutates_args=())
def _conv_backward(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None, dy: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x, weight and bias, whether the last was given or not."""
    batch, length, width = x.shape
    dx, dbias = x.new_empty(x.shape), x.new_empty(batch, width)
    dweight = x.new_empty(batch, *weight.t().shape)
    _in_parallel(
        cpu_conv_kernels.conv_backward, batch * -(-width // cpu_conv_kernels.BLOCK), (length, *weight.shape),
        *_rows(x), _memory(weight.t()), _memory(bias), silu, _order(order, length), *_rows(dy),
        _memory(dx), _memory(dweight), _memory(dbias),
    )  # fmt: skip
    return dx, dweight.sum(0).t().contiguous(), dbias.sum(0)


@_conv_backward.register_fake
def _(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None, dy: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), weight.new_empty(weight.shape), x.new_empty(x.shape[2])


def _save_conv(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, ctx.silu, order = inputs
    ctx.save_for_backward(x, weight, bias, order)


def _conv_gradients(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, bias, order = ctx.saved_tensors
    dx, dweight, dbias = _conv_backward(x, weight, bias, ctx.silu, order, dy)
    return dx, dweight, None if bias is None else dbias, None, None


_conv.register_autograd(_conv_gradients, setup_context=_save_conv)


def causal_conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, silu: bool = False, order: Tensor | None = None
) -> Tensor:
    """Convolve with the compiled kernels; shapes and meaning as in `zigma.ops.causal_conv1d`."""
    return _conv(x.float(), weight.float(), _wide(bias), silu, order).to(x.dtype)
