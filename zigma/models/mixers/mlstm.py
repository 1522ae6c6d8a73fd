"""The mLSTM of xLSTM (arXiv 2405.04517): a matrix for a memory, exponential input gates and a normaliser.

H heads of width P; the inner width is H P.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import ShortConvolution, last_projection
from zigma.models.mixers.recurrences import CHUNK_OF_SCALARS, chunks, full_precision, steps
from zigma.models.norm import RMSNorm, wide
from zigma.models.specs import MLSTMSpec, inner_width
from zigma.scans import Layer

LEAST_WEIGHT = 1e-6  # as in the authors' code, which adds it


def mlstm_reference(q: Tensor, k: Tensor, v: Tensor, log_input: Tensor, log_forget: Tensor) -> Tensor:
    """Step by step, h (B, L, H, P) in the dtype of v (its Eqs. 19 to 27); gates (B, L, H), as their logarithms.

    C_t = f_t C_{t-1} + i_t k_t^T v_t    n_t = f_t n_{t-1} + i_t k_t    h_t = q_t C_t / max(|q_t n_t|, 1)

    with q_t over sqrt(P). C and n are kept divided by exp(m_t), lest they overflow:
    m_t = max(log f_t + m_{t-1}, log i_t). So is the 1, down to LEAST_WEIGHT.
    """
    dtype = v.dtype
    q, k, v, log_input, log_forget = (wide(x) for x in (q, k, v, log_input, log_forget))
    q = q * q.shape[-1] ** -0.5
    memory, normaliser = torch.zeros_like(k[:, 0, :, :, None] * v[:, 0, :, None]), torch.zeros_like(k[:, 0])
    largest = torch.full_like(log_input[:, 0], -torch.inf)
    outputs = []
    for t in range(q.shape[1]):
        before, largest = largest, torch.maximum(log_forget[:, t] + largest, log_input[:, t]).detach()
        forget = (log_forget[:, t] + before - largest).exp()[..., None]
        write = (log_input[:, t] - largest).exp()[..., None] * k[:, t]
        memory = forget[..., None] * memory + write[..., None] * v[:, t, :, None]
        normaliser = forget * normaliser + write
        weight = (q[:, t] * normaliser).sum(-1).abs().maximum(_least(largest))
        outputs.append((q[:, t, :, :, None] * memory).sum(2) / weight[..., None])
    return torch.stack(outputs, dim=1).to(dtype)


def _least(largest: Tensor) -> Tensor:
    """1 over exp(m): never zero, as it would be after large input gates, by which a query of zeros would divide."""
    return (-largest).exp().clamp(min=LEAST_WEIGHT)


@full_precision
def mlstm(
    q: Tensor, k: Tensor, v: Tensor, log_input: Tensor, log_forget: Tensor, chunk: int = CHUNK_OF_SCALARS
) -> Tensor:
    """The same in chunks (arXiv 2503.14376). With F the sum of log f from a chunk's start to a step (included)
    and C the memory at that start, h_i is

    sum_{j <= i} (q_i k_j) exp(F_i - F_j + log i_j) v_j + exp(F_i) q_i C        over its weight, at least 1,

    in which 1 stands for v_j and n for C: a column of ones beside the values. All is kept divided by exp(m), as above.
    """
    dtype, length, width = v.dtype, v.shape[1], v.shape[-1]
    q, k, v = wide(q) * q.shape[-1] ** -0.5, wide(k), F.pad(wide(v), (0, 1), value=1.0)
    gates = (wide(each)[..., None] for each in (log_input, log_forget))
    q, k, v, log_input, log_forget = (chunks(x, chunk) for x in (q, k, v, *gates))  # (B, H, n, C, width)
    total = log_forget.cumsum(dim=-2)
    within = _forgotten_between(log_forget) + log_input.mT  # log weights of j for i
    writing = within[..., -1:, :].mT  # what is left of a step at its chunk's end
    memory = torch.zeros_like(k[:, :, 0, 0, :, None] * v[:, :, 0, 0, None])
    memory_largest = torch.full_like(total[:, :, 0, :1], -torch.inf)
    outputs = []
    for n in range(q.shape[2]):
        before = total[:, :, n] + memory_largest
        largest = torch.maximum(within[:, :, n].amax(dim=-1, keepdim=True), before).detach()
        scores = (q[:, :, n] @ k[:, :, n].mT) * (within[:, :, n] - largest).exp()
        summed = scores @ v[:, :, n] + (before - largest).exp() * (q[:, :, n] @ memory)
        weight = summed[..., width:].abs().maximum(_least(largest))
        outputs.append(summed[..., :width] / weight)
        if n + 1 == q.shape[2]:
            break  # nothing reads what the last chunk leaves
        kept = before[:, :, -1:]
        memory_largest = torch.maximum(kept, writing[:, :, n].amax(dim=-2, keepdim=True)).detach()
        written = (k[:, :, n] * (writing[:, :, n] - memory_largest).exp()).mT @ v[:, :, n]
        memory = (kept - memory_largest).exp() * memory + written
    return steps(torch.stack(outputs, dim=2), length).to(dtype)


def _forgotten_between(log_forget: Tensor) -> Tensor:
    """F_i - F_j at (i, j), -inf where j > i: from (..., C, 1) to (..., C, C).

    Each is added up by itself: a step that forgets all would swallow the digits of a difference of two later sums. A
    bound on log f, as `summed` has, would not do: a large input gate brings back what a tiny forget gate has left.
    """
    chunk = log_forget.shape[-2]
    seen = torch.ones(chunk, chunk, dtype=torch.bool, device=log_forget.device).tril()
    after = log_forget.expand(*log_forget.shape[:-1], chunk).masked_fill(~seen.tril(-1), 0.0)
    return after.cumsum(dim=-2).masked_fill(~seen, -torch.inf)


class Blocks(nn.Module):
    """A linear map of each group of `size` channels to itself, as published for queries, keys and values."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(width // size, size, size) * math.sqrt(2 / (5 * size)))

    def forward(self, x: Tensor) -> Tensor:
        groups = x.unflatten(-1, (-1, self.weight.shape[-1]))
        return torch.einsum("...gi,gio->...go", groups, self.weight).flatten(-2)


class Direction(nn.Module):
    """The short convolution, queries, keys, values, gates, norm and skip of one path."""

    def __init__(self, heads: int, width: int, spec: MLSTMSpec) -> None:
        super().__init__()
        inner = heads * width
        self.heads = heads
        self.conv1d = ShortConvolution(inner, spec.taps)
        self.query, self.key, self.value = (Blocks(inner, math.gcd(width, spec.block)) for _ in range(3))
        self.gates = nn.Linear(3 * inner, 2 * heads)
        nn.init.zeros_(self.gates.weight)
        with torch.no_grad():  # little is written, most is kept
            self.gates.bias[:heads].copy_(0.1 * torch.randn(heads))
            self.gates.bias[heads:].copy_(torch.linspace(3, 6, heads))
        self.norm = RMSNorm(width)
        self.skip = nn.Parameter(torch.ones(inner))

    def forward(self, x: Tensor, z: Tensor, path: Path, arranged: bool) -> Tensor:
        x, z = path.sequences(x, arranged), path.sequences(z, arranged)
        convolved = self.conv1d(x)
        qkv = self.query(convolved), self.key(convolved), self.value(x)
        log_input, forget = wide(self.gates(torch.cat(qkv, dim=-1))).chunk(2, dim=-1)
        q, k, v = (each.unflatten(-1, (self.heads, -1)) for each in qkv)
        y = self.norm(mlstm(q, k, v, log_input, F.logsigmoid(forget))).flatten(2)
        return path.tokens((y + self.skip * convolved) * F.silu(z), arranged)


class MLSTM(Mixer):
    """Project to twice the inner width, remember in one or several directions, project back.

    Directions share both projections and own everything between.
    """

    def __init__(
        self, hidden: int, scan: Layer, spec: MLSTMSpec | None = None, *, depth: int = 1, prefix: int = 0
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or MLSTMSpec()
        inner, self.heads = inner_width(spec, hidden), spec.heads
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.directions = nn.ModuleList(
            Direction(heads, inner // spec.heads, spec) for heads in self.widths(spec.heads, "heads")
        )
        self.out_proj = last_projection(inner, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        streams = self.in_proj(x).chunk(2, dim=-1)
        return self.out_proj(self.along_paths(streams, arranged, self.heads))
