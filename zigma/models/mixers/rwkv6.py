"""RWKV-6 (arXiv 2404.05892): each token is blended with the one before it, and keys decay each at its own time.

H heads of width P, keys and values alike. "Before" is along the path, so that a direction owns its projections.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import last_projection
from zigma.models.mixers.recurrences import decayed_attention
from zigma.models.norm import wide
from zigma.models.specs import RWKV6Spec, inner_width
from zigma.scans import Layer

BLENDS = 5  # of decays, receptances, keys, values and gates
SLOWEST, FASTEST = -6.0, -1.0  # log rates of decay at the start


class Direction(nn.Module):
    """All that reads one path, but for the last projection."""

    def __init__(self, hidden: int, heads: int, width: int, spec: RWKV6Spec) -> None:
        super().__init__()
        inner = heads * width
        self.heads = heads
        self.blend_all = nn.Parameter(torch.full((hidden,), 0.5))
        self.blend = nn.Parameter(torch.full((BLENDS, hidden), 0.5))
        self.blend_down = nn.Linear(hidden, BLENDS * spec.rank, bias=False)
        self.blend_up = nn.Parameter(0.01 * torch.randn(BLENDS, spec.rank, hidden))
        self.decay_down = nn.Linear(hidden, 2 * spec.rank, bias=False)
        self.decay_up = nn.Linear(2 * spec.rank, inner)
        with torch.no_grad():
            self.decay_up.bias.copy_(torch.linspace(SLOWEST, FASTEST, inner))
        self.receptance, self.key, self.value, self.gate = (
            nn.Linear(hidden, inner, bias=False) for _ in range(4)
        )
        self.bonus = nn.Parameter(0.1 * torch.randn(heads, width))
        self.norm = nn.GroupNorm(heads, inner, eps=1e-5 * heads)

    def forward(self, tokens: Tensor, path: Path, arranged: bool) -> Tensor:
        x = path.sequences(tokens, arranged)
        decays, r, k, v, gate = self.blended(x)
        log_decay = -wide(self.decay_up(self.decay_down(decays).tanh())).exp()
        r, k, v = self.receptance(r), self.key(k), self.value(v)
        r, k, v, log_decay = (each.unflatten(-1, (self.heads, -1)) for each in (r, k, v, log_decay))
        y = decayed_attention(r * r.shape[-1] ** -0.5, k, v, log_decay, self.bonus)
        y = self.norm(y.flatten(0, 1).flatten(1)).view(*x.shape[:2], -1) * F.silu(self.gate(gate))
        return path.tokens(y, arranged)

    def blended(self, x: Tensor) -> tuple[Tensor, ...]:
        """Five blends of each token with the one before it, by shares that depend on both."""
        before = F.pad(x, (0, 0, 1, -1)) - x
        low = self.blend_down(x + before * self.blend_all).tanh().unflatten(-1, (BLENDS, -1))
        shares = torch.einsum("blnr,nrd->nbld", low, self.blend_up) + self.blend[:, None, None]
        return (x + before * shares).unbind(0)


class RWKV6(Mixer):
    """Blend, remember in one or several directions, project back."""

    def __init__(
        self, hidden: int, scan: Layer, spec: RWKV6Spec | None = None, *, depth: int = 1, prefix: int = 0
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or RWKV6Spec()
        self.heads, inner = spec.heads, inner_width(spec, hidden)
        self.directions = nn.ModuleList(
            Direction(hidden, heads, inner // spec.heads, spec) for heads in self.widths(spec.heads, "heads")
        )
        self.out_proj = last_projection(inner, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        return self.out_proj(self.along_paths((), arranged, self.heads, whole=(x,)))
