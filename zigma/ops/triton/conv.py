"""The short causal convolution along an order, in Triton: each tap reads its token through the order.

Its speed, as that of the scan in `triton_scan`, has not been measured on any GPU.
"""

from typing import Any

import torch
from torch import Tensor

from zigma.ops import reference
from zigma.ops.double_backward import differentiable_gradients, is_differentiated
from zigma.ops.triton.rows import flat, rows, steps

STEPS, CHANNELS = 16, 64  # a program's tile


def _grid(x: Tensor) -> tuple[tuple[int], dict[str, int]]:
    chunks, blocks = -(-x.shape[1] // STEPS), -(-x.shape[2] // CHANNELS)
    sizes = {"length": x.shape[1], "width": x.shape[2], "chunks": chunks, "blocks": blocks}
    return (x.shape[0] * chunks * blocks,), sizes


def _constants(weight: Tensor, silu: bool, wide: bool) -> dict[str, Any]:
    import triton.language as tl

    state = tl.float64 if wide else tl.float32
    return {"SILU": silu, "TAPS": weight.shape[1], "STEPS": STEPS, "BLOCK": CHANNELS, "STATE": state}


def _wide(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    return torch.float64 in (x.dtype, weight.dtype, None if bias is None else bias.dtype)


@torch.library.custom_op("zigma::triton_conv", mutates_args=())
def _conv(x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None) -> Tensor:
    from zigma.ops.triton import conv_kernels as kernels

    y = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if y.numel():
        grid, sizes = _grid(x)
        inputs = rows(x), weight.t().contiguous(), flat(bias), steps(order)
        constants = _constants(weight, silu, _wide(x, weight, bias))
        with torch.cuda.device_of(x):  # Triton launches on the current device, whichever the tensors are on
            kernels.convolve[grid](*inputs, y, **sizes, **constants)
    return y


@_conv.register_fake
def _(x, weight, bias, silu, order):  # type: ignore[no-untyped-def]
    return x.new_empty(x.shape)


@torch.library.custom_op("zigma::triton_conv_backward", mutates_args=())
def _conv_backward(
    dy: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    from zigma.ops.triton import conv_kernels as kernels

    wide = _wide(x, weight, bias)
    grid, sizes = _grid(x)
    batch, chunks, width, taps = x.shape[0], sizes["chunks"], x.shape[2], weight.shape[1]
    dtype = torch.float64 if wide else torch.float32
    dx = torch.empty(x.shape, dtype=x.dtype, device=x.device)
    dweight = torch.empty(batch, chunks, taps, width, dtype=dtype, device=x.device)
    dbias = torch.empty(batch, chunks, width, dtype=dtype, device=x.device)
    if dx.numel():
        inputs = rows(dy), rows(x), weight.t().contiguous(), flat(bias), steps(order)
        constants = _constants(weight, silu, wide)
        with torch.cuda.device_of(x):
            kernels.convolve_back[grid](*inputs, dx, dweight, dbias, **sizes, **constants)
    dw = dweight.sum((0, 1)).t().contiguous().to(weight.dtype)
    return dx, dw, x.new_empty(0) if bias is None else dbias.sum((0, 1)).to(bias.dtype)


@_conv_backward.register_fake
def _(dy, x, weight, bias, silu, order):  # type: ignore[no-untyped-def]
    dbias = x.new_empty(0) if bias is None else bias.new_empty(bias.shape)
    return x.new_empty(x.shape), weight.new_empty(weight.shape), dbias


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, ctx.silu, order = inputs
    ctx.save_for_backward(x, weight, bias, order)


def _backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, bias, order = ctx.saved_tensors
    if is_differentiated(x, weight, bias, dy):

        def plain(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor]:
            return (reference.causal_conv1d(x, weight, bias, ctx.silu, order),)

        return *differentiable_gradients(plain, (x, weight, bias), (dy,)), None, None
    dx, dweight, dbias = _conv_backward(dy, x, weight, bias, ctx.silu, order)
    return dx, dweight, dbias if bias is not None else None, None, None


_conv.register_autograd(_backward, setup_context=_save)


def causal_conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, silu: bool = False, order: Tensor | None = None
) -> Tensor:
    """Convolve on the GPU; shapes and meaning as in `zigma.ops.causal_conv1d`."""
    y: Tensor = _conv(x, weight, bias, silu, order)
    return y
