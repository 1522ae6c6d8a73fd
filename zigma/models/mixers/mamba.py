"""The Mamba mixer: tokens talk to each other along one path, or along several in parallel."""

import math
from collections.abc import Sequence
from itertools import cycle
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.mixers.base import Mixer, Path
from zigma.models.mixers.parts import last_projection, step_bias
from zigma.models.norm import wide
from zigma.models.specs import MambaSpec
from zigma.ops import causal_conv1d, selective_scan
from zigma.scans import Layer, cannot_carry


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
            y, _ = self.scan(x, z, None if arranged or path.row_major else path.order)
            return y
        # independent sequences of equal length: frames for space, places for time
        x, z = (path.sequences(tokens, arranged) for tokens in (x, z))
        y, _ = self.scan(x, z, None)
        return path.tokens(y, arranged)

    def carry(
        self, x: Tensor, z: Tensor, path: Path, arranged: bool, state: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """As `forward` from a state (B, D, N), None for zero, with the state in which the scan ends."""
        y, final = self.scan(x, z, None if arranged or path.row_major else path.order, state, ends=True)
        assert final is not None
        return y, final

    def scan(
        self, x: Tensor, z: Tensor, order: Tensor | None, state: Tensor | None = None, ends: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """Convolve and scan along `order` (None: as the tokens stand), gate by z; each token stays at its place."""
        u = causal_conv1d(x, self.conv1d.weight.squeeze(1), self.conv1d.bias, silu=True, order=order)
        step, B, C = self.x_proj(u).split([self.rank, self.state, self.state], dim=-1)
        A = -torch.exp(wide(self.A_log))  # the state stays in float32 under mixed precision
        bias, skip = wide(self.dt_proj.bias), wide(self.D)
        result = selective_scan(
            u, step, A, B, C, skip, z=z,
            delta_weight=self.dt_proj.weight, delta_bias=bias, delta_softplus=True, order=order,
            initial_state=state, return_final_state=ends,
        )  # fmt: skip
        return result if ends else (result, None)


class Mamba(Mixer):
    """Project to twice the width, scan in one or several directions, project back.

    Directions share both projections and own everything between (VisionMamba has two, `parallel-k` has k). Of groups
    of channels each has the rank of its step sizes in proportion, so that together they cost what one scan costs.

    With `spec.carry_state` every scan begins in the state in which the layer before ended, each its own: S states
    (B, S, D, N), one for each scan, or one for all groups of channels. As in Arcee (arXiv 2511.11243) they are handed
    on as they are; only where the two layers differ in how many they have does a layer learn a weighted sum.
    """

    boundary: nn.Parameter | None  # of those sums, (S, S of the layer before)

    def __init__(
        self, hidden: int, scan: Layer, spec: MambaSpec | None = None, *, depth: int = 1, prefix: int = 0
    ) -> None:
        super().__init__(scan, prefix)
        spec = spec or MambaSpec()
        if spec.carry_state:
            if fault := cannot_carry(scan):
                raise ValueError(fault)
            self.states = 1 if self.mixing == "channels" else len(self.paths)
        self.boundary = None
        self.inner = inner = spec.expand * hidden
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.directions = nn.ModuleList(
            Direction(width, math.ceil(hidden / 16 * width / inner), spec)
            for width in self.widths(inner, "inner channels")
        )
        self.out_proj = last_projection(inner, hidden, depth)

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        return self.out_proj(self.along_paths(self.project(x), arranged, self.inner))

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is scanned and what gates it, (B, L, D) each."""
        # one product each: the gradients of two halves of one would have to be put together again
        scanned, gate = (F.linear(x, half) for half in self.in_proj.weight.chunk(2))
        return scanned, gate

    def follow(self, states: int) -> None:
        if self.states and states != self.states:
            self.boundary = nn.Parameter(torch.full((self.states, states), 1 / states))

    def carry(self, x: Tensor, arranged: bool, states: Tensor | None) -> tuple[Tensor, Tensor]:
        results, ends = zip(
            *(
                direction.carry(scanned, gate, path, arranged, state)
                for direction, path, (scanned, gate), state in zip(
                    cycle(cast(Sequence[Direction], self.directions)),
                    cast(Sequence[Path], self.paths),
                    self.streams_of_paths(self.project(x), self.inner),
                    self.begin(states),
                    strict=False,
                )
            ),
            strict=True,
        )
        together = torch.cat(ends, dim=1).unsqueeze(1) if self.mixing == "channels" else torch.stack(ends, 1)
        return self.out_proj(self.joined(results)), together

    def begin(self, states: Tensor | None) -> Sequence[Tensor | None]:
        """The state in which each path begins, from those (B, S, D, N) of the layer before."""
        if states is None:
            return [None] * len(self.paths)
        if self.boundary is not None:
            states = torch.einsum("ij,bjdn->bidn", self.boundary.to(states.dtype), states)
        if self.mixing == "channels":
            return states.squeeze(1).split(self.widths(self.inner, "inner channels"), dim=1)
        return states.unbind(1)
