"""Gated linear attention (arXiv 2312.06635): another mixer that reads tokens along the same paths.

H heads with keys of width K and values of width V: queries, keys and log forget gates are (B, L, H, K), values
(B, L, H, V).
"""

import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import last_projection
from zigma.models.mixers.recurrences import decayed_attention
from zigma.models.norm import RMSNorm
from zigma.models.specs import GATE_RANK, GatedLinearAttentionSpec, inner_width
from zigma.scans import Layer

GATE_TEMPERATURE = 16  # of the forget gates, as published


def gated_linear_attention(q: Tensor, k: Tensor, v: Tensor, log_forget: Tensor) -> Tensor:
    """S_t = diag(exp(log_forget_t)) S_{t-1} + k_t^T v_t and o_t = q_t S_t / sqrt(K) (its Eq. 3), (B, L, H, V)."""
    return decayed_attention(q * q.shape[-1] ** -0.5, k, v, log_forget)


class Direction(nn.Module):
    """The forget gates and the norm of one path: of `heads` heads with values of width V and keys of half of it."""

    def __init__(self, hidden: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads = heads
        self.forget = nn.Sequential(
            nn.Linear(hidden, GATE_RANK, bias=False), nn.Linear(GATE_RANK, heads * width // 2)
        )
        self.norm = RMSNorm(width)

    def forward(self, x: Tensor, q: Tensor, k: Tensor, v: Tensor, path: Path, arranged: bool) -> Tensor:
        log_forget = F.logsigmoid(self.forget(x)) / GATE_TEMPERATURE
        q, k, v, log_forget = (
            path.sequences(tokens, arranged).unflatten(-1, (self.heads, -1))
            for tokens in (q, k, v, log_forget)
        )
        return path.tokens(self.norm(gated_linear_attention(q, k, v, log_forget)).flatten(2), arranged)


class GatedLinearAttention(Mixer):
    """Queries, keys and an output gate, attention in one or several directions, a projection back.

    Keys have half the width and values the whole, as published; directions share the projections.
    """

    def __init__(
        self,
        hidden: int,
        scan: Layer,
        spec: GatedLinearAttentionSpec | None = None,
        *,
        depth: int = 1,
        prefix: int = 0,
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or GatedLinearAttentionSpec()
        self.heads, inner = spec.heads, inner_width(spec, hidden)
        self.split = (inner // 2, inner // 2, inner, inner)  # queries, keys, values, output gate
        self.in_proj = nn.Linear(hidden, sum(self.split), bias=False)
        self.directions = nn.ModuleList(
            Direction(hidden, heads, inner // spec.heads) for heads in self.widths(spec.heads, "heads")
        )
        self.out_proj = last_projection(inner, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        q, k, v, gate = self.in_proj(x).split(self.split, dim=-1)
        return self.out_proj(self.along_paths((q, k, v), arranged, self.heads, whole=(x,)) * F.silu(gate))
