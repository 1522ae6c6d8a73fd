"""The Mamba mixer: tokens talk to each other along one path, or along several in parallel."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.ops import causal_conv1d, selective_scan
from zigma.scans import ParallelScan, ScanOrder

KERNEL = 4  # taps of the short convolution
EXPAND = 2  # inner width over hidden width
STEP_MIN, STEP_MAX, STEP_FLOOR = 1e-3, 0.1, 1e-4  # of delta at the start


class Direction(nn.Module):
    """A short convolution and a selective scan along one order, with their parameters.

    Inner width D, state width N, rank R of the step size. x and z are (B, L, D), tokens row-major.
    """

    order: Tensor

    def __init__(self, inner: int, rank: int, state: int, scan: ScanOrder, prefix: int = 0) -> None:
        super().__init__()
        self.conv1d = nn.Conv1d(inner, inner, KERNEL, groups=inner, padding=KERNEL - 1)
        self.x_proj = nn.Linear(inner, rank + 2 * state, bias=False)
        self.dt_proj = nn.Linear(rank, inner)
        self.A_log = nn.Parameter(torch.arange(1.0, state + 1).log().repeat(inner, 1))  # S4D-real
        self.D = nn.Parameter(torch.ones(inner))
        self.rank, self.state, self.segments = rank, state, scan.segments
        nn.init.uniform_(self.dt_proj.weight, -(rank**-0.5), rank**-0.5)
        step = torch.exp(torch.rand(inner) * math.log(STEP_MAX / STEP_MIN) + math.log(STEP_MIN))
        step = step.clamp(min=STEP_FLOOR)
        with torch.no_grad():  # softplus(bias) = step
            self.dt_proj.bias.copy_(step + torch.log(-torch.expm1(-step)))
        # caption tokens, where they stand before the image tokens, are read first and in their own order
        order = np.concatenate([np.arange(prefix), prefix + scan.order])
        # a random order cannot be drawn again from its name alone, so it travels with the weights
        self.register_buffer("order", torch.tensor(order), persistent=scan.name == "random")
        self.row_major = bool((order == np.arange(len(order))).all())

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        if self.segments == 1:
            return self.scan(x, z, None if self.row_major else self.order)
        # independent sequences of equal length: frames for space, places for time
        x, z = (t[:, self.order].unflatten(1, (self.segments, -1)).flatten(0, 1) for t in (x, z))
        y = self.scan(x, z, None).unflatten(0, (-1, self.segments)).flatten(1, 2)
        return torch.empty_like(y).index_copy(1, self.order, y)

    def scan(self, x: Tensor, z: Tensor, order: Tensor | None) -> Tensor:
        """Convolve and scan along `order` (None: as the tokens stand), gate by z; each token stays at its place."""
        u = causal_conv1d(x, self.conv1d.weight.squeeze(1), self.conv1d.bias, silu=True, order=order)
        step, B, C = self.x_proj(u).split([self.rank, self.state, self.state], dim=-1)
        delta = F.linear(step, self.dt_proj.weight)
        A = -torch.exp(self.A_log.float())  # the state stays in float32 under mixed precision
        bias, skip = self.dt_proj.bias.float(), self.D.float()
        return selective_scan(u, delta, A, B, C, skip, z=z, delta_bias=bias, delta_softplus=True, order=order)


class Mamba(nn.Module):
    """(B, L, D) -> (B, L, D): project to twice the width, scan in one or several directions, project back.

    Directions share both projections and own everything between (VisionMamba has two, `parallel-k` has k).
    """

    def __init__(
        self, hidden: int, scan: ScanOrder | ParallelScan, *, state: int, depth: int, prefix: int = 0
    ) -> None:
        super().__init__()
        inner, rank = EXPAND * hidden, math.ceil(hidden / 16)
        scans = scan.scans if isinstance(scan, ParallelScan) else (scan,)
        self.in_proj = nn.Linear(hidden, 2 * inner, bias=False)
        self.directions = nn.ModuleList(Direction(inner, rank, state, each, prefix) for each in scans)
        self.out_proj = nn.Linear(inner, hidden, bias=False)
        with torch.no_grad():  # GPT-2's scaling of what is added to the residual
            self.out_proj.weight /= math.sqrt(depth)

    def forward(self, x: Tensor) -> Tensor:
        x, z = self.in_proj(x).chunk(2, dim=-1)
        first, *others = (direction(x, z) for direction in self.directions)
        return self.out_proj(sum(others, start=first))
