"""HGRN2 (arXiv 2404.07904): gated linear attention whose keys are what its forget gates leave open, 1 - f."""

import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.config import HGRN2Spec
from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import last_projection
from zigma.models.mixers.recurrences import decayed_attention
from zigma.models.norm import RMSNorm, wide
from zigma.scans import Layer


class Direction(nn.Module):
    """The forget gates and the norm of one path, of `heads` heads with keys and values of one width."""

    def __init__(self, hidden: int, heads: int, width: int) -> None:
        super().__init__()
        self.heads = heads
        self.forget = nn.Linear(hidden, heads * width, bias=False)
        self.norm = RMSNorm(heads * width)

    def forward(self, tokens: Tensor, q: Tensor, v: Tensor, path: Path, arranged: bool) -> Tensor:
        q, v, forget = (
            path.sequences(each, arranged).unflatten(-1, (self.heads, -1))
            for each in (F.silu(q), v, self.forget(tokens))
        )
        log_forget = F.logsigmoid(wide(forget))
        y = decayed_attention(q, -log_forget.expm1(), v, log_forget)  # 1 - f, also where f is nearly one
        return path.tokens(self.norm(y.flatten(2)), arranged)


class HGRN2(Mixer):
    """Queries and values, the recurrence in one or several directions, a projection back.

    As its lowest layer: the published network's lower bound on forgetting, which grows from layer to layer, is zero.
    """

    def __init__(
        self, hidden: int, scan: Layer, spec: HGRN2Spec | None = None, *, depth: int = 1, prefix: int = 0
    ) -> None:
        super().__init__(scan, prefix)
        self.heads = (spec or HGRN2Spec()).heads
        self.in_proj = nn.Linear(hidden, 2 * hidden, bias=False)
        self.directions = nn.ModuleList(
            Direction(hidden, heads, hidden // self.heads) for heads in self.widths(self.heads, "heads")
        )
        self.out_proj = last_projection(hidden, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        streams = self.in_proj(x).chunk(2, dim=-1)
        return self.out_proj(self.along_paths(streams, arranged, self.heads, whole=(x,)))
