"""What the mixers of a network cost, by their spec and what the layers read. No torch.

Parameters are exact. The rest is per token, for the estimate of time and memory: multiply-adds, channels read in a
path or their like in time, and bytes kept for the backward pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from zigma.models.config import ZigMaConfig
from zigma.models.specs import (
    GATE_RANK,
    GatedDeltaNetSpec,
    GatedLinearAttentionSpec,
    HGRN2Spec,
    Mamba2Spec,
    MambaSpec,
    MixerSpec,
    MLSTMSpec,
    OwnMixerSpec,
    RWKV6Spec,
    inner_width,
)
from zigma.scans import parse_plan, shares
from zigma.scans.order import Mixing

CHUNK = 64  # steps that a recurrence of zigma.models.mixers computes at once


@dataclass(frozen=True)
class MixerCost:
    """Parameters of all layers together; the rest is a mean over the layers."""

    parameters: int
    multiplies: float
    channels: float
    kept: float


def mixer_cost(model: ZigMaConfig) -> MixerCost:
    """Of a network's mixers. Groups of channels cost together what one scan costs."""
    spec = model.mixer
    return _ours(model, spec) if not isinstance(spec, OwnMixerSpec) else _own(model, spec)


def _ours(model: ZigMaConfig, spec: MixerSpec) -> MixerCost:
    assert not isinstance(spec, OwnMixerSpec)
    layers, hidden = parse_plan(model.scan).layer_plans(model.depth), model.hidden
    paths = sum(1 if layer.mixing == "channels" else len(layer.readings) for layer in layers) / model.depth
    parameters = sum(_parameters(spec, hidden, len(layer.readings), layer.mixing) for layer in layers)
    if isinstance(spec, MambaSpec) and spec.carry_state:
        states = [1 if layer.mixing == "channels" else len(layer.readings) for layer in layers]
        parameters += sum(before * here for before, here in pairwise(states) if before != here)
    if isinstance(spec, HGRN2Spec) and spec.lower_bound:
        parameters += model.depth * inner_width(spec, hidden)
    if isinstance(spec, GatedLinearAttentionSpec):
        width = inner_width(spec, hidden)
        return MixerCost(
            parameters,
            4.0 * hidden * width + paths * GATE_RANK * 1.5 * hidden,
            4.0 * paths * width,
            paths * (40 * width + 4 * width**2 / spec.heads),
        )
    if isinstance(spec, MambaSpec):
        inner, rank = spec.expand * hidden, math.ceil(hidden / 16)
        return MixerCost(
            parameters,
            3.0 * inner * hidden + paths * inner * (2 * rank + 2 * spec.state + spec.taps),
            paths * inner * (0.5 + spec.state / 32),
            paths * 18 * inner,
        )
    # in chunks, not fitted: a product for each weight, and scores and states of a chunk's steps
    width, scores = inner_width(spec, hidden), CHUNK
    weights = _parameters(spec, hidden, 1, None)
    return MixerCost(
        parameters,
        paths * (weights + 2 * scores * width),
        2.0 * paths * width,
        paths * (60 * width + 12 * spec.heads * scores),
    )


def _own(model: ZigMaConfig, spec: OwnMixerSpec) -> MixerCost:
    """Of a mixer that this package does not have: parameters by building it, the rest as of a mixer that multiplies
    each token by each of them, with four streams of the hidden width: assumed, not fitted. It may need torch."""
    from zigma.models.mixers.own import own_parameters

    in_context = model.text_width is not None and model.conditioning == "in-context"
    prefix = model.text_tokens if in_context else 0
    layers = parse_plan(model.scan).layers(model.token_grid, model.depth)
    each = {id(layer): layer for layer in layers}
    counts = {
        key: own_parameters(model.hidden, layer, spec, model.depth, prefix) for key, layer in each.items()
    }
    parameters = sum(counts[id(layer)] for layer in layers)
    return MixerCost(parameters, parameters / model.depth, 4.0 * model.hidden, 60.0 * model.hidden)


@cache
def _parameters(spec: MixerSpec, hidden: int, paths: int, mixing: Mixing | None) -> int:
    if isinstance(spec, MambaSpec):
        return _of_mamba(spec, hidden, paths, mixing)
    assert not isinstance(spec, OwnMixerSpec)
    shared, direction = COUNTS[type(spec)](spec, hidden)
    return shared + sum(map(direction, shares(spec.heads, paths, mixing)))


# what all directions share, and a direction of so many heads
Count = tuple[int, Callable[[int], int]]


def _of_mamba(spec: MambaSpec, hidden: int, paths: int, mixing: Mixing | None) -> int:
    inner, directions = spec.expand * hidden, []
    for width in shares(inner, paths, mixing):
        rank = math.ceil(hidden / 16 * width / inner)
        directions.append(width * (spec.taps + 1 + rank + 2 * spec.state + rank + 1 + spec.state + 1))
    return 3 * inner * hidden + sum(directions)


def _of_gated_linear_attention(spec: GatedLinearAttentionSpec, hidden: int) -> Count:
    inner = inner_width(spec, hidden)
    width = inner // spec.heads
    return (
        (2 * (inner // 2) + 3 * inner) * hidden,
        lambda heads: hidden * GATE_RANK + (GATE_RANK + 1) * (heads * width // 2) + width,
    )


def _of_mamba2(spec: Mamba2Spec, hidden: int) -> Count:
    inner, states = inner_width(spec, hidden), 2 * spec.state
    width = inner // spec.heads
    return (
        3 * inner * hidden,
        lambda heads: (
            hidden * (states + heads) + (heads * width + states) * (spec.taps + 1) + 3 * heads + heads * width
        ),
    )


def _of_gated_delta_net(spec: GatedDeltaNetSpec, hidden: int) -> Count:
    keys = inner_width(spec, hidden) // (2 * spec.heads)
    return (
        8 * spec.heads * keys * hidden,
        lambda heads: 2 * heads * hidden + 4 * heads * keys * (spec.taps + 1) + 2 * heads + 2 * keys,
    )


def _of_hgrn2(spec: HGRN2Spec, hidden: int) -> Count:
    inner = inner_width(spec, hidden)
    return 3 * inner * hidden, lambda heads: heads * (inner // spec.heads) * (hidden + 1)


def _of_mlstm(spec: MLSTMSpec, hidden: int) -> Count:
    inner = inner_width(spec, hidden)
    width = inner // spec.heads
    block = math.gcd(width, spec.block)
    return (
        3 * inner * hidden,
        lambda heads: heads * width * (spec.taps + 1 + 3 * block + 6 * heads + 1) + 2 * heads + width,
    )


def _of_rwkv6(spec: RWKV6Spec, hidden: int) -> Count:
    inner, blends = inner_width(spec, hidden), 5
    width = inner // spec.heads
    return (
        inner * hidden,
        lambda heads: (
            hidden * (1 + blends + 2 * blends * spec.rank + 2 * spec.rank)
            + heads * width * (4 * hidden + 2 * spec.rank + 1 + 1 + 2)
        ),
    )


COUNTS: dict[type, Callable[..., Count]] = {
    GatedLinearAttentionSpec: _of_gated_linear_attention,
    Mamba2Spec: _of_mamba2,
    GatedDeltaNetSpec: _of_gated_delta_net,
    HGRN2Spec: _of_hgrn2,
    MLSTMSpec: _of_mlstm,
    RWKV6Spec: _of_rwkv6,
}
