"""HGRN2 (arXiv 2404.07904): gated linear attention whose keys are what its forget gates leave open, 1 - f."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.mixers.base import Mixer
from zigma.models.mixers.parts import last_projection
from zigma.models.mixers.recurrences import decayed_attention
from zigma.models.norm import RMSNorm, wide
from zigma.models.specs import HGRN2Spec, inner_width
from zigma.scans import Layer


class LowerBounds(nn.Module):
    """Of the forget gates of all layers: those of a layer are the sum of the shares, by a softmax over the layers, of
    the layers from the second up to it (section 3.1 of HGRN, arXiv 2311.04823): zero in the first, growing with depth.
    """

    def __init__(self, depth: int, width: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(depth, width))

    def forward(self) -> Tensor:
        """All of them, (depth, width), each in [0, 1)."""
        shares = wide(self.logits).softmax(dim=0)
        return shares.cumsum(dim=0) - shares[:1]


def bound_forgetting(mixers: Sequence[Mixer]) -> LowerBounds | None:
    """Let the layers of a network that ask for it share their lower bounds; None where none of them does."""
    bounded = [mixer for mixer in mixers if isinstance(mixer, HGRN2) and mixer.lower_bound]
    if not bounded:
        return None
    bounds = LowerBounds(len(bounded), bounded[0].width)
    for layer, mixer in enumerate(bounded):
        mixer.bounds = (bounds, layer)  # in a tuple: the weights are the network's, not the mixer's
    return bounds


class Direction(nn.Module):
    """The forget gates and the norm of one path, of `heads` heads with keys and values of one width."""

    def __init__(self, hidden: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads = heads
        self.forget = nn.Linear(hidden, heads * width, bias=False)
        self.norm = RMSNorm(heads * width)

    def forward(self, tokens: Tensor, q: Tensor, v: Tensor, *rest: Any) -> Tensor:
        """`rest` is the path and `arranged`; before them, the layer's lower bounds (1, 1, width) where it has some."""
        *bound, path, arranged = rest
        q, v, forget = (
            path.sequences(each, arranged).unflatten(-1, (self.heads, -1))
            for each in (F.silu(q), v, self.forget(tokens))
        )
        log_forget = F.logsigmoid(wide(forget))
        if bound:  # f = bound + (1 - bound) sigmoid, in logarithms
            least = bound[0].unflatten(-1, (self.heads, -1))
            log_forget = torch.logaddexp(least.log(), torch.log1p(-least) + log_forget)
        y = decayed_attention(q, -log_forget.expm1(), v, log_forget)  # 1 - f, also where f is nearly one
        return path.tokens(self.norm(y.flatten(2)), arranged)


class HGRN2(Mixer):
    """Queries and values, the recurrence in one or several directions, a projection back.

    With `lower_bound`, and in a network, its forget gates have lower bounds as published; without, none.
    """

    bounds: tuple[LowerBounds, int] | None = None  # those of the network, and which layer this is

    def __init__(
        self, hidden: int, scan: Layer, spec: HGRN2Spec | None = None, *, depth: int = 1, prefix: int = 0
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or HGRN2Spec()
        self.heads, self.lower_bound = spec.heads, spec.lower_bound
        self.width = inner = inner_width(spec, hidden)
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.directions = nn.ModuleList(
            Direction(hidden, heads, inner // spec.heads) for heads in self.widths(spec.heads, "heads")
        )
        self.out_proj = last_projection(inner, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        streams = [*self.in_proj(x).chunk(2, dim=-1), *self.bound()]
        return self.out_proj(self.along_paths(streams, arranged, self.heads, whole=(x,)))

    def bound(self) -> list[Tensor]:
        """The layer's lower bounds, (1, 1, width); the first layer, whose are zero, has none."""
        if self.bounds is None or self.bounds[1] == 0:
            return []
        bounds, layer = self.bounds
        return [bounds()[layer][None, None]]
