"""Backend "torch": pure torch, any device, chunk by chunk, with its own backward.

Only the state at each chunk's start is kept, O(batch L D N / chunk); the backward recomputes the states of
one chunk at a time. Inside a chunk everything but the recurrence itself is one operation over all its steps,
so a step costs one `addcmul_`. Shapes in this file are time-first, (L, batch, D) and (L, batch, N), and channels
come last in the states, (L, batch, N, D): sums over N and over steps then run along contiguous memory.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.ops.backend import Backend
from zigma.ops.double_backward import differentiable_gradients, is_differentiated
from zigma.ops.exact import without_autocast
from zigma.ops.order import along_order, back_to_place
from zigma.ops.reference import causal_conv1d, recurrence, rms_norm, state_dtype

CHUNK = 16


def _states(u: Tensor, delta: Tensor, A: Tensor, B: Tensor, start: Tensor) -> tuple[Tensor, Tensor]:
    """Return the decays exp(delta A) and the states h_t = decay_t h_{t-1} + delta_t u_t B_t of one chunk."""
    decay = (delta[:, :, None] * A).exp_()
    states = (delta * u)[:, :, None] * B[..., None]
    previous = start
    for state, decay_t in zip(states.unbind(0), decay.unbind(0), strict=True):
        previous = state.addcmul_(decay_t, previous)
    return decay, states


def _plain(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, initial: Tensor
) -> tuple[Tensor, Tensor]:
    """The reference in the shapes of this file."""
    u, delta, B, C = (x.transpose(0, 1) for x in (u, delta, B, C))
    y, final = recurrence(u, delta, A.t(), B, C, initial.transpose(1, 2))
    return y.transpose(0, 1), final.transpose(1, 2)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, initial: Tensor
    ) -> tuple[Tensor, Tensor]:
        start, y, starts = initial, torch.empty_like(u), []
        for t in range(0, u.shape[0], CHUNK):
            chunk = slice(t, t + CHUNK)
            starts.append(start)
            _, states = _states(u[chunk], delta[chunk], A, B[chunk], start)
            y[chunk] = torch.matmul(C[chunk, :, None], states).squeeze(-2)
            start = states[-1].clone()
        ctx.save_for_backward(u, delta, A, B, C, initial, *starts[1:])
        return y, start

    @staticmethod
    def backward(ctx: Any, dy: Tensor, dfinal: Tensor) -> tuple[Tensor | None, ...]:
        saved = ctx.saved_tensors
        with without_autocast(dy.device):
            if is_differentiated(dy, dfinal, *saved[:6]):
                return tuple(differentiable_gradients(_plain, saved[:6], (dy, dfinal)))
            return _backward(dy, dfinal, *saved)


def _backward(
    dy: Tensor, dfinal: Tensor, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, *starts: Tensor
) -> tuple[Tensor, ...]:
    """Return the gradients of u, delta, A, B, C and of the initial state, the first of `starts`."""
    du, ddelta, dA = torch.empty_like(u), torch.empty_like(delta), torch.zeros_like(A)
    dB, dC = torch.empty_like(B), torch.empty_like(C)
    later = dfinal  # decay_{t+1} g_{t+1}: what the steps after this chunk pass back
    for i in range(len(starts) - 1, -1, -1):
        chunk = slice(i * CHUNK, (i + 1) * CHUNK)
        u_c, delta_c, B_c = u[chunk], delta[chunk], B[chunk]
        decay, states = _states(u_c, delta_c, A, B_c, starts[i])
        dC[chunk] = torch.matmul(states, dy[chunk, ..., None]).squeeze(-1)
        grads = dy[chunk, :, None] * C[chunk, ..., None]  # g_t = dL/dh_t
        steps = list(zip(grads.unbind(0), decay.unbind(0), strict=True))
        steps[-1][0].add_(later)
        for (grad, _), (grad_next, decay_next) in zip(steps[-2::-1], steps[:0:-1], strict=True):
            grad.addcmul_(decay_next, grad_next)
        later = grads[0] * decay[0]
        into_input = torch.matmul(B_c[:, :, None], grads).squeeze(-2)  # sum over N of g B
        dB[chunk] = torch.matmul(grads, (delta_c * u_c)[..., None]).squeeze(-1)
        du[chunk] = into_input * delta_c
        # From here `grads` holds dL/d(delta_t A) = g_t decay_t h_{t-1}.
        grads.mul_(decay)
        grads[1:].mul_(states[:-1])
        grads[0].mul_(starts[i])
        ddelta[chunk] = into_input * u_c + (grads * A).sum(-2)
        dA += grads.mul_(delta_c[:, :, None]).sum((0, 1))
    return du, ddelta, dA, dB, dC, later


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
    delta_weight: None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Scan chunk by chunk; shapes and meaning as in `zigma.ops.selective_scan`."""
    dtype, wide = u.dtype, state_dtype(u, delta, A, B, C, D, z, delta_bias, initial_state)
    u, delta, B, C = (along_order(x, order).to(wide).transpose(0, 1).contiguous() for x in (u, delta, B, C))
    if delta_bias is not None:
        delta = delta + delta_bias.to(wide)
    if delta_softplus:
        delta = F.softplus(delta)
    A = A.to(wide).T.contiguous()  # (N, D), as states are
    if initial_state is None:
        initial = u.new_zeros(u.shape[1], *A.shape)
    else:
        initial = initial_state.to(wide).transpose(1, 2).contiguous()
    y, final = _Scan.apply(u, delta, A, B, C, initial)
    if D is not None:
        y = y + D.to(wide) * u
    y = back_to_place(y.transpose(0, 1), order)
    if z is not None:
        y = y * F.silu(z.to(wide))
    y = y.to(dtype).contiguous()
    return (y, final.transpose(1, 2).contiguous()) if return_final_state else y


BACKEND = Backend(name="torch", selective_scan=selective_scan, causal_conv1d=causal_conv1d, rms_norm=rms_norm)
