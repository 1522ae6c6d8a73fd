"""What the mixers of a network cost, by their spec and what the layers read. No torch.

Parameters are exact. The rest is per token, for the estimate of time and memory: multiply-adds, channels read in a
path or their like in time, and bytes kept for the backward pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from zigma.models.config import GatedLinearAttentionSpec, MambaSpec, MixerSpec, ZigMaConfig
from zigma.scans import parse_plan, shares
from zigma.scans.order import Mixing

GATE_RANK = 16  # of gated linear attention's forget gates


@dataclass(frozen=True)
class MixerCost:
    """Parameters of all layers together; the rest is a mean over the layers."""

    parameters: int
    multiplies: float
    channels: float
    kept: float


def mixer_cost(model: ZigMaConfig) -> MixerCost:
    """Of a network's mixers. Groups of channels cost together what one scan costs."""
    layers = parse_plan(model.scan).layer_plans(model.depth)
    paths = sum(1 if layer.mixing == "channels" else len(layer.readings) for layer in layers) / model.depth
    hidden, spec = model.hidden, model.mixer
    parameters = sum(_parameters(spec, hidden, len(layer.readings), layer.mixing) for layer in layers)
    if isinstance(spec, GatedLinearAttentionSpec):
        return MixerCost(
            parameters,
            4.0 * hidden**2 + paths * GATE_RANK * 1.5 * hidden,
            4.0 * paths * hidden,
            paths * (40 * hidden + 4 * hidden**2 / spec.heads),
        )
    inner, rank = spec.expand * hidden, math.ceil(hidden / 16)
    return MixerCost(
        parameters,
        3.0 * inner * hidden + paths * inner * (2 * rank + 2 * spec.state + spec.taps),
        paths * inner * (0.5 + spec.state / 32),
        paths * 18 * inner,
    )


@cache
def _parameters(spec: MixerSpec, hidden: int, paths: int, mixing: Mixing | None) -> int:
    if isinstance(spec, GatedLinearAttentionSpec):
        width = hidden // spec.heads
        directions = [
            hidden * GATE_RANK + (GATE_RANK + 1) * (heads * width // 2) + width
            for heads in shares(spec.heads, paths, mixing)
        ]
        return 2 * (hidden // 2) * hidden + 3 * hidden**2 + sum(directions)
    assert isinstance(spec, MambaSpec)
    inner = spec.expand * hidden
    directions = []
    for width in shares(inner, paths, mixing):
        rank = math.ceil(hidden / 16 * width / inner)
        directions.append(width * (spec.taps + 1 + rank + 2 * spec.state + rank + 1 + spec.state + 1))
    return 3 * inner * hidden + sum(directions)
