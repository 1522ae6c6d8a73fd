"""Gated DeltaNet (arXiv 2412.06464): a state that forgets and, under the key that it writes, replaces what it holds.

H heads with keys of width K and values of width V = 2 K; together keys have 3/4 of the hidden width, as published, so
that the mixer has as many parameters as Mamba.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import ShortConvolution, last_projection, step_bias
from zigma.models.mixers.recurrences import gated_delta_rule
from zigma.models.norm import RMSNorm, wide
from zigma.models.specs import GatedDeltaNetSpec, inner_width
from zigma.scans import Layer


class Direction(nn.Module):
    """The short convolutions, the gates and the norm of one path."""

    def __init__(self, hidden: int, heads: int, keys: int, spec: GatedDeltaNetSpec) -> None:
        super().__init__()
        self.heads, self.split = heads, (heads * keys, heads * keys, 2 * heads * keys)
        self.gates = nn.Linear(hidden, 2 * heads, bias=False)  # how much is written, how much is forgotten
        self.conv1d = ShortConvolution(sum(self.split), spec.taps)
        self.dt_bias = nn.Parameter(step_bias(heads))
        self.A_log = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.norm = RMSNorm(2 * keys)

    def forward(
        self, tokens: Tensor, q: Tensor, k: Tensor, v: Tensor, z: Tensor, path: Path, arranged: bool
    ) -> Tensor:
        qkv, gates, z = (
            path.sequences(each, arranged) for each in (torch.cat([q, k, v], dim=-1), self.gates(tokens), z)
        )
        q, k, v = (
            each.unflatten(-1, (self.heads, -1)) for each in self.conv1d(qkv).split(self.split, dim=-1)
        )
        q, k = F.normalize(wide(q), dim=-1), F.normalize(wide(k), dim=-1)
        write, forget = wide(gates).unsqueeze(-1).chunk(2, dim=2)
        log_decay = -wide(self.A_log).exp()[:, None] * F.softplus(forget + wide(self.dt_bias)[:, None])
        y = gated_delta_rule(q * q.shape[-1] ** -0.5, k, v, log_decay, write.sigmoid())
        y = self.norm(y) * F.silu(z.unflatten(-1, (self.heads, -1)))
        return path.tokens(y.flatten(2), arranged)


class GatedDeltaNet(Mixer):
    """Queries, keys, values and an output gate, the rule in one or several directions, a projection back.

    Directions share the projections.
    """

    def __init__(
        self,
        hidden: int,
        scan: Layer,
        spec: GatedDeltaNetSpec | None = None,
        *,
        depth: int = 1,
        prefix: int = 0,
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or GatedDeltaNetSpec()
        self.heads, width = spec.heads, inner_width(spec, hidden) // 2  # of the keys
        keys = width // spec.heads
        self.split = (width, width, 2 * width, 2 * width)
        self.in_proj = nn.Linear(hidden, sum(self.split), bias=False)
        self.directions = nn.ModuleList(
            Direction(hidden, heads, keys, spec) for heads in self.widths(spec.heads, "heads")
        )
        self.out_proj = last_projection(2 * width, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        streams = self.in_proj(x).split(self.split, dim=-1)
        return self.out_proj(self.along_paths(streams, arranged, self.heads, whole=(x,)))
