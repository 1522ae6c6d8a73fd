"""Backend "reference": the recurrence written as a plain loop, the truth beside every kernel.

State in float32, or float64 where an input is float64. Differentiable through autograd, any number of times; time and
memory of the backward are linear in L because steps are taken apart with `unbind` (indexing would make it quadratic).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.ops.backend import Backend
from zigma.ops.order import along_order, back_to_place


def state_dtype(*tensors: Tensor | None) -> torch.dtype:
    """Return the dtype the state is kept in: float64 if any input is, else float32."""
    wide = any(x is not None and x.dtype == torch.float64 for x in tensors)
    return torch.float64 if wide else torch.float32


def recurrence(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Return C h of every step, and the last state: all (batch, L, ...) in the order of steps; states (batch, D, N)."""
    outputs = []
    for u_t, delta_t, B_t, C_t in zip(u.unbind(1), delta.unbind(1), B.unbind(1), C.unbind(1), strict=True):
        decay = torch.exp(delta_t[:, :, None] * A)
        state = decay * state + (delta_t * u_t)[:, :, None] * B_t[:, None, :]
        outputs.append((state * C_t[:, None, :]).sum(-1))
    if outputs:
        return torch.stack(outputs, 1), state
    # no step: still a function of every input, so that each has a gradient, of zeros
    return u * delta * (A.sum(1) + (B * C).sum(-1, keepdim=True)), state


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
    delta_weight: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Scan step by step; shapes and meaning as in `zigma.ops.selective_scan`."""
    dtype, wide = u.dtype, state_dtype(u, delta, A, B, C, D, z, delta_bias, delta_weight, initial_state)
    if delta_weight is not None:
        delta = F.linear(delta.to(wide), delta_weight.to(wide))
    u, delta, B, C = (along_order(x, order).to(wide) for x in (u, delta, B, C))
    if delta_bias is not None:
        delta = delta + delta_bias.to(wide)
    if delta_softplus:
        delta = F.softplus(delta)
    if initial_state is None:
        initial_state = u.new_zeros(u.shape[0], *A.shape)
    y, state = recurrence(u, delta, A.to(wide), B, C, initial_state.to(wide))
    if D is not None:
        y = y + D.to(wide) * u
    y = back_to_place(y, order)
    if z is not None:
        y = y * F.silu(z.to(wide))
    return (y.to(dtype), state) if return_final_state else y.to(dtype)


def causal_conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, silu: bool = False, order: Tensor | None = None
) -> Tensor:
    """Convolve as a sum of K shifted products; shapes and meaning as in `zigma.ops.causal_conv1d`."""
    dtype, wide = x.dtype, state_dtype(x, weight, bias)
    length, width = x.shape[1], weight.shape[1]
    # not by `F.pad`, which refuses a size of 0 in torch 2.6
    before = x.new_zeros(len(x), width - 1, x.shape[2], dtype=wide)
    padded = torch.cat([before, along_order(x, order).to(wide)], 1)
    y = sum(padded[:, k : k + length] * weight[:, k].to(wide) for k in range(width))
    assert isinstance(y, Tensor)
    if bias is not None:
        y = y + bias.to(wide)
    return back_to_place(F.silu(y) if silu else y, order).to(dtype)


def rms_norm(
    x: Tensor, weight: Tensor, shift: Tensor | None = None, scale: Tensor | None = None, eps: float = 1e-5
) -> tuple[Tensor, Tensor | None]:
    """Divide and modulate by torch's operators; shapes and meaning as in `zigma.ops.rms_norm`."""
    n = F.rms_norm(x, weight.shape, weight.to(x.dtype), eps)
    if shift is None or scale is None:
        return n, None
    return n, torch.addcmul(shift.unsqueeze(1), n, 1 + scale.unsqueeze(1)).to(x.dtype)


BACKEND = Backend(
    name="reference", selective_scan=selective_scan, causal_conv1d=causal_conv1d, rms_norm=rms_norm
)
