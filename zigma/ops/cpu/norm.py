"""The root-mean-square norm and its modulation by the CPU's kernels: each token is read once and written once."""

from functools import partial
from typing import Any

from torch import Tensor

from zigma.ops import reference
from zigma.ops.cpu import norm_kernels as kernels
from zigma.ops.cpu.run import in_parallel, memory
from zigma.ops.double_backward import differentiable_gradients, is_differentiated
from zigma.ops.operator import Operator


def _pieces(x: Tensor) -> int:
    return -(-x.shape[1] // kernels.PIECE)


def _empty(x: Tensor, shift: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(x.shape), x.new_empty(x.shape if shift is not None else 0), x.new_empty(x.shape[:2])


def _compute(
    x: Tensor, weight: Tensor, shift: Tensor | None, scale: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the norm, the modulated norm (empty if there is nothing to modulate by) and 1 / rms(x)."""
    n, m, inverse = _empty(x, shift)
    given = (memory(t) for t in (x, weight, shift, scale))
    out = (memory(t) for t in (n, m, inverse))
    in_parallel(kernels.norm_forward, len(x) * _pieces(x), x.numel(), tuple(x.shape[1:]), *given, eps, *out)
    return n, m, inverse


def _fake(
    x: Tensor, weight: Tensor, shift: Tensor | None, scale: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    return _empty(x, shift)


def _compute_backward(
    x: Tensor, weight: Tensor, scale: Tensor | None, inverse: Tensor, dn: Tensor | None, dm: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of x, weight, shift and scale, whether there is a modulation or not."""
    parts = [x.new_empty(len(x), _pieces(x), x.shape[2]) for _ in range(3)]
    dx = x.new_empty(x.shape)
    arrays = (memory(t) for t in (x, weight, scale, inverse, dn, dm, dx, *parts))
    in_parallel(kernels.norm_backward, len(x) * _pieces(x), x.numel(), tuple(x.shape[1:]), *arrays)
    dweight, dshift, dscale = parts
    return dx, dweight.sum((0, 1)), dshift.sum(1), dscale.sum(1)


def _fake_backward(
    x: Tensor, weight: Tensor, scale: Tensor | None, inverse: Tensor, dn: Tensor | None, dm: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    by_sample = x.new_empty(len(x), x.shape[2]), x.new_empty(len(x), x.shape[2])
    return x.new_empty(x.shape), weight.new_empty(weight.shape), *by_sample


_norm_backward = Operator("zigma::cpu_norm_backward", _compute_backward, _fake_backward)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    x, weight, shift, scale, ctx.eps = inputs
    ctx.modulated = shift is not None
    ctx.save_for_backward(x, weight, shift, scale, output[2])


def _gradients(ctx: Any, dn: Tensor | None, dm: Tensor | None, _: Any) -> tuple[Tensor | None, ...]:
    dm = dm if ctx.modulated else None
    x, weight, shift, scale, inverse = ctx.saved_tensors
    if is_differentiated(x, weight, shift, scale, dn, dm):
        norm = partial(reference.rms_norm, eps=ctx.eps)
        return *differentiable_gradients(norm, (x, weight, shift, scale), (dn, dm)), None
    dx, dweight, dshift, dscale = _norm_backward(x, weight, scale, inverse, dn, dm)
    return dx, dweight, *((dshift, dscale) if ctx.modulated else (None, None)), None


_norm = Operator("zigma::cpu_norm", _compute, _fake)
_norm.differentiate(_gradients, _save)


def rms_norm(
    x: Tensor, weight: Tensor, shift: Tensor | None, scale: Tensor | None, eps: float
) -> tuple[Tensor, Tensor | None]:
    """Shapes and meaning as in `zigma.ops.rms_norm`."""
    wide = [None if t is None else t.float() for t in (shift, scale)]
    n, m, _ = _norm(x.float(), weight.float(), *wide, eps)
    return n.to(x.dtype), None if shift is None else m.to(x.dtype)
