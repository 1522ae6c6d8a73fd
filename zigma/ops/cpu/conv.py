"""The short causal convolution and its SiLU by the CPU's kernels, along any path."""

from typing import Any

from torch import Tensor

from zigma.ops import reference
from zigma.ops.cpu import conv_kernels as kernels
from zigma.ops.cpu.run import Memory, in_parallel, memory, rows, steps
from zigma.ops.double_backward import differentiable_gradients, is_differentiated
from zigma.ops.operator import Operator


def _taps(weight: Tensor) -> tuple[Memory, tuple[int, ...]]:
    """The taps by tap (K, D), and as many numbers as there are."""
    return memory(weight.t()), tuple(range(weight.shape[1]))


def _compute(x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None) -> Tensor:
    batch, length, width = x.shape
    y = x.new_empty(x.shape)
    in_parallel(
        kernels.conv_forward, batch * -(-width // kernels.BLOCK), x.numel(), (length, width),
        *rows(x), *_taps(weight), memory(bias), silu, *steps(order, length), memory(y),
    )  # fmt: skip
    return y


def _fake(x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None) -> Tensor:
    return x.new_empty(x.shape)


def _compute_backward(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None, dy: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the gradients of x, weight and bias, whether the last was given or not."""
    batch, length, width = x.shape
    dx, dbias = x.new_empty(x.shape), x.new_empty(batch, width)
    dweight = x.new_empty(batch, *weight.t().shape)
    in_parallel(
        kernels.conv_backward, batch * -(-width // kernels.BLOCK), x.numel(), (length, width),
        *rows(x), *_taps(weight), memory(bias), silu, *steps(order, length), *rows(dy),
        memory(dx), memory(dweight), memory(dbias),
    )  # fmt: skip
    return dx, dweight.sum(0).t().contiguous(), dbias.sum(0)


def _fake_backward(
    x: Tensor, weight: Tensor, bias: Tensor | None, silu: bool, order: Tensor | None, dy: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), weight.new_empty(weight.shape), x.new_empty(x.shape[2])


_conv_backward = Operator("zigma::cpu_conv_backward", _compute_backward, _fake_backward)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, bias, ctx.silu, order = inputs
    ctx.save_for_backward(x, weight, bias, order)


def _gradients(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, bias, order = ctx.saved_tensors
    if is_differentiated(x, weight, bias, dy):

        def plain(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor]:
            return (reference.causal_conv1d(x, weight, bias, ctx.silu, order),)

        return *differentiable_gradients(plain, (x, weight, bias), (dy,)), None, None
    dx, dweight, dbias = _conv_backward(x, weight, bias, ctx.silu, order, dy)
    return dx, dweight, None if bias is None else dbias, None, None


_conv = Operator("zigma::cpu_conv", _compute, _fake)
_conv.differentiate(_gradients, _save)


def causal_conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, silu: bool = False, order: Tensor | None = None
) -> Tensor:
    """Convolve with the compiled kernels; shapes and meaning as in `zigma.ops.causal_conv1d`."""
    return _conv(x.float(), weight.float(), None if bias is None else bias.float(), silu, order).to(x.dtype)
