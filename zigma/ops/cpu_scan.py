"""Backend "cpu": compiled by numba on first use (a few seconds, kept between processes), float32 state.

The kernels do the recurrence and the short convolution; softplus, skip, gate and SiLU are torch's. Both cores are used
by threads that sleep when idle, beside torch's own, and the state of a task never leaves the first cache. Nothing
is gathered or scattered: `order` is read inside the loops.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.ops import cpu_kernels as kernels
from zigma.ops.cpu_kernels import BLOCK, CHUNK, CONV_BLOCK

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


def _in_parallel(kernel: Any, tasks: int, *arrays: Any) -> None:
    """Run a kernel on [0, tasks), cut into one range for each of torch's threads."""
    global _pool
    threads = min(torch.get_num_threads(), tasks)
    if threads == 1:
        kernel(0, tasks, *arrays)
        return
    if _pool is None or _pool._max_workers < threads:
        _pool = ThreadPoolExecutor(threads, thread_name_prefix="zigma-scan")
    cuts = [tasks * i // threads for i in range(threads + 1)]
    futures = [_pool.submit(kernel, cuts[i], cuts[i + 1], *arrays) for i in range(1, threads)]
    kernel(cuts[0], cuts[1], *arrays)
    for future in futures:
        future.result()


def _blocks(width: int, block: int = BLOCK) -> int:
    return -(-width // block)


@torch.library.custom_op("zigma::cpu_scan", mutates_args=())
def _scan(u: Tensor, delta: Tensor, A2: Tensor, B: Tensor, C: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    """The recurrence with exp(delta A) written 2^(delta A2); A2 is (N, D). Returns y and the kept states."""
    batch, length, width = u.shape
    y, starts = torch.empty_like(u), u.new_empty(batch, -(-length // CHUNK), A2.shape[0], width)
    arrays = [x.numpy() for x in (u, delta, A2, B, C, order, y, starts)]
    _in_parallel(kernels.scan_forward, batch * _blocks(width), *arrays)
    return y, starts


@_scan.register_fake
def _(u: Tensor, delta: Tensor, A2: Tensor, B: Tensor, C: Tensor, order: Tensor) -> tuple[Tensor, Tensor]:
    batch, length, width = u.shape
    return torch.empty_like(u), u.new_empty(batch, -(-length // CHUNK), A2.shape[0], width)


@torch.library.custom_op("zigma::cpu_scan_backward", mutates_args=())
def _scan_backward(
    u: Tensor, delta: Tensor, A2: Tensor, B: Tensor, C: Tensor, order: Tensor, starts: Tensor, dy: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    batch, length, width = u.shape
    states, blocks = A2.shape[0], _blocks(width)
    du, ddelta, dA = torch.empty_like(u), torch.empty_like(u), u.new_empty(batch, states, width)
    dB, dC = (u.new_empty(batch, blocks, length, states) for _ in range(2))
    arrays = [x.numpy() for x in (u, delta, A2, B, C, order, starts, dy, du, ddelta, dA, dB, dC)]
    _in_parallel(kernels.scan_backward, batch * blocks, *arrays)
    return du, ddelta, dA.sum(0), dB.sum(1), dC.sum(1)


@_scan_backward.register_fake
def _(
    u: Tensor, delta: Tensor, A2: Tensor, B: Tensor, C: Tensor, order: Tensor, starts: Tensor, dy: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    return tuple(torch.empty_like(x) for x in (u, delta, A2, B, C))  # type: ignore[return-value]


def _save_scan(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    ctx.save_for_backward(*inputs, output[1])
    ctx.set_materialize_grads(True)


def _scan_gradients(ctx: Any, dy: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    *inputs, starts = ctx.saved_tensors
    du, ddelta, dA, dB, dC = _scan_backward(*inputs, starts, dy.contiguous())
    return du, ddelta, dA / float(kernels.LOG2E), dB, dC, None


_scan.register_autograd(_scan_gradients, setup_context=_save_scan)


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
    dtype = u.dtype
    u, delta, B, C = (x.float().contiguous() for x in (u, delta, B, C))
    if delta_bias is not None:
        delta = delta + delta_bias.float()
    if delta_softplus:
        delta = F.softplus(delta)
    if order is None:
        order = torch.arange(u.shape[1])
    A2 = (A.float() * float(kernels.LOG2E)).t().contiguous()
    y, _ = _scan(u, delta, A2, B, C, order.contiguous())
    if D is not None:
        y = torch.addcmul(y, u, D.float())
    if z is not None:
        y = y * F.silu(z.float())
    return y.to(dtype)


@torch.library.custom_op("zigma::cpu_conv", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor, order: Tensor) -> Tensor:
    """The short convolution; weight is (K, D)."""
    y = torch.empty_like(x)
    arrays = [t.numpy() for t in (x, weight, bias, order, y)]
    _in_parallel(kernels.conv_forward, len(x) * _blocks(x.shape[2], CONV_BLOCK), *arrays)
    return y


@_conv.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor, order: Tensor) -> Tensor:
    return torch.empty_like(x)


@torch.library.custom_op("zigma::cpu_conv_backward", mutates_args=())
def _conv_backward(x: Tensor, weight: Tensor, order: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    dx, dweight = torch.empty_like(x), x.new_empty(len(x), *weight.shape)
    arrays = [t.numpy() for t in (x, weight, order, dy, dx, dweight)]
    _in_parallel(kernels.conv_backward, len(x) * _blocks(x.shape[2], CONV_BLOCK), *arrays)
    return dx, dweight.sum(0)


@_conv_backward.register_fake
def _(x: Tensor, weight: Tensor, order: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    return torch.empty_like(x), torch.empty_like(weight)


def _save_conv(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
    x, weight, _, order = inputs
    ctx.save_for_backward(x, weight, order)


def _conv_gradients(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    dx, dweight = _conv_backward(*ctx.saved_tensors, dy.contiguous())
    return dx, dweight, dy.sum((0, 1)), None


_conv.register_autograd(_conv_gradients, setup_context=_save_conv)


def causal_conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, silu: bool = False, order: Tensor | None = None
) -> Tensor:
    """Convolve with the compiled kernels; shapes and meaning as in `zigma.ops.causal_conv1d`."""
    taps = weight.float().t().contiguous()
    offset = taps.new_zeros(taps.shape[1]) if bias is None else bias.float().contiguous()
    order = torch.arange(x.shape[1]) if order is None else order.contiguous()
    y = _conv(x.float().contiguous(), taps, offset, order)
    return (F.silu(y) if silu else y).to(x.dtype)
