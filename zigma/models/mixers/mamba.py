"""The Mamba mixer: tokens talk to each other along one path, or along several in parallel."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.config import MambaSpec
from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import last_projection, step_bias
from zigma.models.norm import wide
from zigma.ops import causal_conv1d, selective_scan
from zigma.scans import Layer


class Direction(nn.Module):
    """The parameters of a short convolution and a selective scan along one path.

    Inner width D, state width N, rank R of the step size. x and z are (B, L, D).
    """

    def __init__(self, inner: int, rank: int, spec: MambaSpec) -> None:
        super().__init__()
        self.rank, self.state = rank, spec.state
        self.conv1d = nn.Conv1d(inner, inner, spec.taps, groups=inner, padding=spec.taps - 1)
        self.x_proj = nn.Linear(inner, rank + 2 * spec.state, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, spec.state + 1).log().repeat(inner, 1))  # S4D-real
        self.D = nn.Parameter(torch.ones(inner))
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)
        with torch.no_grad():
            self.dt_proj.bias.copy_(step_bias(inner))

    def forward(self, x: Tensor, z: Tensor, path: Path, arranged: bool) -> Tensor:
        if path.segments == 1:
            return self.scan(x, z, None if arranged or path.row_major else path.order)
        # independent sequences of equal length: frames for space, places for time
        x, z = (path.sequences(tokens, arranged) for tokens in (x, z))
        return path.tokens(self.scan(x, z, None), arranged)

    def scan(self, x: Tensor, z: Tensor, order: Tensor | None) -> Tensor:
        """Convolve and scan along `order` (None: as the tokens stand), gate by z; each token stays at its place."""
        u = causal_conv1d(x, self.conv1d.weight.squeeze(1), self.conv1d.bias, silu=True, order=order)
        step, B, C = self.x_proj(u).split([self.rank, self.state, self.state], dim=-1)
        A = -torch.exp(wide(self.A_log))  # the state stays in float32 under mixed precision
        bias, skip = wide(self.dt_proj.bias), wide(self.D)
        return selective_scan(
            u, step, A, B, C, skip, z=z,
            delta_weight=self.dt_proj.weight, delta_bias=bias, delta_softplus=True, order=order,
        )  # fmt: skip


class Mamba(Mixer):
    """Project to twice the width, scan in one or several directions, project back.

    Directions share both projections and own everything between (VisionMamba has two, `parallel-k` has k). Of groups
    of channels each has the rank of its step sizes in proportion, so that together they cost what one scan costs.
    """

    def __init__(
        self, hidden: int, scan: Layer, spec: MambaSpec | None = None, *, depth: int = 1, prefix: int = 0
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or MambaSpec()
        self.inner = inner = spec.expand * hidden
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.directions = nn.ModuleList(
            Direction(width, math.ceil(hidden / 16 * width / inner), spec)
            for width in self.widths(inner, "inner channels")
        )
        self.out_proj = last_projection(inner, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        # one product each: the gradients of two halves of one would have to be put together again
        x, z = (F.linear(x, half) for half in self.in_proj.weight.chunk(2))
        return self.out_proj(self.along_paths((x, z), arranged, self.inner))
