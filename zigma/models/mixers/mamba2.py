"""Mamba-2 (arXiv 2405.21060): heads whose states decay as a whole, computed in chunks as attention (its SSD).

H heads of width P, state width N; the inner width is H P.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import ShortConvolution, last_projection, step_bias
from zigma.models.mixers.recurrences import decayed_attention
from zigma.models.norm import RMSNorm, wide
from zigma.models.specs import Mamba2Spec, inner_width
from zigma.scans import Layer


def state_space_dual(x: Tensor, step: Tensor, A: Tensor, B: Tensor, C: Tensor) -> Tensor:
    """y (B, L, H, P), with h_t = exp(step_t A) h_{t-1} + step_t B_t^T x_t and y_t = C_t h_t (its Eqs. 1 and 2).

    x (B, L, H, P); step (B, L, H), positive; A (H,), negative; B and C (B, L, N) are shared by the heads.
    """
    heads = x.shape[2]
    B, C = (each.unsqueeze(2).expand(-1, -1, heads, -1) for each in (B, C))
    step = wide(step)
    return decayed_attention(C, B, wide(x) * step[..., None], (step * wide(A))[..., None]).to(x.dtype)


class Direction(nn.Module):
    """The short convolution, step sizes, B, C and norm of one path."""

    def __init__(self, hidden: int, heads: int, width: int, spec: Mamba2Spec) -> None:
        super().__init__()
        inner = heads * width
        self.heads, self.split = heads, (inner, spec.state, spec.state)
        self.bc_dt_proj = nn.Linear(hidden, 2 * spec.state + heads, bias=False)
        self.conv1d = ShortConvolution(inner + 2 * spec.state, spec.taps)
        self.dt_bias = nn.Parameter(step_bias(heads))
        self.A_log = nn.Parameter(torch.empty(heads).uniform_(1, 16).log())
        self.D = nn.Parameter(torch.ones(heads))
        self.norm = RMSNorm(inner)

    def forward(self, tokens: Tensor, x: Tensor, z: Tensor, path: Path, arranged: bool) -> Tensor:
        B_C, step = self.bc_dt_proj(tokens).tensor_split([self.split[1] + self.split[2]], dim=-1)
        x, step, z = (path.sequences(each, arranged) for each in (torch.cat([x, B_C], dim=-1), step, z))
        x, B, C = self.conv1d(x).split(self.split, dim=-1)
        x = x.unflatten(-1, (self.heads, -1))
        y = state_space_dual(x, F.softplus(wide(step) + wide(self.dt_bias)), -wide(self.A_log).exp(), B, C)
        y = (y + self.D[:, None] * x).flatten(2)
        return path.tokens(self.norm(y * F.silu(z)), arranged)


class Mamba2(Mixer):
    """Project to twice the inner width, scan in one or several directions, project back.

    Directions share both projections and own everything between.
    """

    def __init__(
        self, hidden: int, scan: Layer, spec: Mamba2Spec | None = None, *, depth: int = 1, prefix: int = 0
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or Mamba2Spec()
        inner, self.heads = inner_width(spec, hidden), spec.heads
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.directions = nn.ModuleList(
            Direction(hidden, heads, inner // spec.heads, spec) for heads in self.widths(spec.heads, "heads")
        )
        self.out_proj = last_projection(inner, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        streams = self.in_proj(x).chunk(2, dim=-1)
        return self.out_proj(self.along_paths(streams, arranged, self.heads, whole=(x,)))
