"""Linear recurrences with a matrix for a state, step by step, in chunks, and by kernels: the same function each time.

B batch, L steps, H heads, K width of keys, V of values. q, k (B, L, H, K), v (B, L, H, V); log_decay is (B, L, H, K),
or (B, L, H, 1) where a head decays as a whole. States are S (B, H, K, V), float32 at least, and start at zero. A chunk
of C steps is computed at once, as attention within it and through the state at its start; only states are carried
from chunk to chunk, so that L / C steps follow each other instead of L.
"""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.models.mixers import kernels
from zigma.models.norm import wide

CHUNK = 16  # steps; for decays of each key, a chunk needs C * C * K numbers of its own
CHUNK_OF_SCALARS = 64


def full_precision(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Under autocast too: its products would round the states of a recurrence to half precision."""

    @wraps(function)
    def called(*values: Any, **named: Any) -> Tensor:
        device = next(x.device for x in (*values, *named.values()) if isinstance(x, Tensor))
        with torch.autocast(device.type, enabled=False):
            return function(*values, **named)

    return called


def decayed_attention_reference(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, bonus: Tensor | None = None
) -> Tensor:
    """Step by step, o (B, L, H, V) in the dtype of v.

    S_t = diag(exp(log_decay_t)) S_{t-1} + k_t^T v_t        o_t = q_t S_t

    With a `bonus` (H, K), as RWKV has it, the present step is read by itself:

    o_t = q_t (S_{t-1} + diag(bonus) k_t^T v_t)
    """
    dtype = v.dtype
    q, k, v, decay = wide(q), wide(k), wide(v), wide(log_decay).exp()
    state = torch.zeros_like(k[:, 0, :, :, None] * v[:, 0, :, None])
    outputs = []
    for t in range(q.shape[1]):
        new = k[:, t, :, :, None] * v[:, t, :, None]
        decayed = decay[:, t, :, :, None] * state
        seen = decayed + new if bonus is None else state + wide(bonus)[..., None] * new
        outputs.append((q[:, t, :, :, None] * seen).sum(dim=2))
        state = decayed + new
    return torch.stack(outputs, dim=1).to(dtype)


def decayed_attention(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, bonus: Tensor | None = None
) -> Tensor:
    """The same by a kernel where one is at hand, else in chunks."""
    if kernels.usable(q):
        return kernels.decayed_attention(q, k, v, log_decay, bonus)
    return decayed_attention_in_chunks(q, k, v, log_decay, bonus)


@full_precision
def decayed_attention_in_chunks(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, bonus: Tensor | None = None, chunk: int | None = None
) -> Tensor:
    """The same in chunks. With G the sum of log decays from a chunk's start to a step, that step included,

    o_i = (q_i exp(G_i)) S + sum_{j <= i} (q_i exp(G_i - G_j) k_j) v_j
    S'  = diag(exp(G_C)) S + sum_j (k_j exp(G_C - G_j))^T v_j
    """
    chunk = chunk or (CHUNK_OF_SCALARS if log_decay.shape[-1] == 1 else CHUNK)
    dtype, length = v.dtype, v.shape[1]
    q, k, v, log_decay = (chunks(wide(x), chunk) for x in (q, k, v, log_decay))  # (B, H, n, C, width)
    total = summed(log_decay)
    # what a step reads of the state has decayed by now or, with a bonus, until the step before
    until = total if bonus is None else F.pad(total[..., :-1, :], (0, 0, 1, 0))
    scores = _scores(q, k, until, total, diagonal=0 if bonus is None else -1)
    if bonus is not None:
        scores = scores + torch.diag_embed((q * wide(bonus)[:, None, None] * k).sum(dim=-1))
    within, reading = scores @ v, q * until.exp()
    writing, kept = k * (total[..., -1:, :] - total).exp(), total[..., -1, :, None].exp()
    state, outputs = torch.zeros_like(k[:, :, 0, 0, :, None] * v[:, :, 0, 0, None]), []
    for n in range(q.shape[2]):
        outputs.append(within[:, :, n] + reading[:, :, n] @ state)
        if n + 1 == q.shape[2]:
            break  # nothing reads what the last chunk leaves
        state = kept[:, :, n] * state + writing[:, :, n].mT @ v[:, :, n]
    return steps(torch.stack(outputs, dim=2), length).to(dtype)


def _scores(q: Tensor, k: Tensor, until: Tensor, total: Tensor, diagonal: int) -> Tensor:
    """q_i exp(until_i - total_j) k_j for the steps j <= i + diagonal of a chunk, else 0: (B, H, n, C, C)."""
    seen = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool, device=q.device).tril(diagonal)
    apart = until[..., :, None, :] - total[..., None, :, :]
    decay = apart.masked_fill(~seen[:, :, None], -torch.inf).exp()  # below one: no overflow
    if decay.shape[-1] == 1:
        return (q @ k.mT) * decay[..., 0]
    return torch.einsum("...ik,...jk,...ijk->...ij", q, k, decay)


def gated_delta_rule_reference(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor) -> Tensor:
    """Step by step, o (B, L, H, V) in the dtype of v; log_decay and beta (B, L, H, 1) (arXiv 2412.06464, Eq. 10).

    S_t = exp(log_decay_t) (1 - beta_t k_t^T k_t) S_{t-1} + beta_t k_t^T v_t        o_t = q_t S_t
    """
    dtype = v.dtype
    q, k, v, decay, beta = wide(q), wide(k), wide(v), wide(log_decay).exp(), wide(beta)
    state = torch.zeros_like(k[:, 0, :, :, None] * v[:, 0, :, None])
    outputs = []
    for t in range(q.shape[1]):
        state = decay[:, t, :, :, None] * state
        recalled = (k[:, t, :, :, None] * state).sum(dim=2)  # what the state holds under this key
        state = state + k[:, t, :, :, None] * (beta[:, t] * (v[:, t] - recalled))[:, :, None]
        outputs.append((q[:, t, :, :, None] * state).sum(dim=2))
    return torch.stack(outputs, dim=1).to(dtype)


def gated_delta_rule(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor) -> Tensor:
    """The same by a kernel where one is at hand, else in chunks."""
    if kernels.usable(q):
        return kernels.gated_delta_rule(q, k, v, log_decay, beta)
    return gated_delta_rule_in_chunks(q, k, v, log_decay, beta)


@full_precision
def gated_delta_rule_in_chunks(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor, chunk: int = CHUNK_OF_SCALARS
) -> Tensor:
    """The same in chunks, through what each step writes: u_i = beta_i (v_i - what the decayed state holds under k_i).

    Within a chunk that starts in state S these are the solution of a triangular system (the paper's UT transform),

    u_i + beta_i sum_{j < i} exp(G_i - G_j) (k_i k_j) u_j = beta_i (v_i - exp(G_i) k_i S)

    and then, as in `decayed_attention`, o_i = exp(G_i) q_i S + sum_{j <= i} exp(G_i - G_j) (q_i k_j) u_j.
    """
    dtype, length = v.dtype, v.shape[1]
    q, k, v, log_decay, beta = (chunks(wide(x), chunk) for x in (q, k, v, log_decay, beta))
    total = summed(log_decay)
    system = beta * _scores(k, k, total, total, diagonal=-1)  # its diagonal is one
    solved = torch.linalg.solve_triangular(
        system, torch.cat([beta * v, beta * total.exp() * k], dim=-1), upper=False, unitriangular=True
    )
    written, forgotten = solved.split([v.shape[-1], k.shape[-1]], dim=-1)
    scores, reading = _scores(q, k, total, total, diagonal=0), q * total.exp()
    writing, kept = k * (total[..., -1:, :] - total).exp(), total[..., -1, :, None].exp()
    state, outputs = torch.zeros_like(k[:, :, 0, 0, :, None] * v[:, :, 0, 0, None]), []
    for n in range(q.shape[2]):
        u = written[:, :, n] - forgotten[:, :, n] @ state
        outputs.append(reading[:, :, n] @ state + scores[:, :, n] @ u)
        if n + 1 == q.shape[2]:
            break
        state = kept[:, :, n] * state + writing[:, :, n].mT @ u
    return steps(torch.stack(outputs, dim=2), length).to(dtype)


def summed(log_decay: Tensor) -> Tensor:
    """From each chunk's start to a step, that step included.

    A decay below the smallest number leaves nothing; as it is, it would swallow the digits of those after it.
    """
    return log_decay.clamp(min=math.log(torch.finfo(log_decay.dtype).tiny)).cumsum(dim=-2)


def chunks(x: Tensor, chunk: int) -> Tensor:
    """(B, L, H, W) as (B, H, n, C, W), with steps of zeros at the end, which change nothing."""
    x = F.pad(x, (0, 0, 0, 0, 0, -x.shape[1] % chunk))
    return x.unflatten(1, (-1, chunk)).permute(0, 3, 1, 2, 4)


def steps(x: Tensor, length: int) -> Tensor:
    """Undo `chunks`."""
    return x.permute(0, 2, 3, 1, 4).flatten(1, 2)[:, :length]
