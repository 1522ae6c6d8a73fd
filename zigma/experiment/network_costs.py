"""What a network costs, from its configuration alone. No torch.

Parameters are exact. The rest is for the estimate of time and memory: multiply-adds, channels that are read in a path
(or their like in time), and bytes kept for the backward pass.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

from zigma.experiment.mixer_costs import MixerCost, mixer_cost
from zigma.models.config import (
    ATTENTION_HEADS,
    HEAD_WIDTH,
    TIME_WIDTH,
    DiTConfig,
    ModelConfig,
    UViTConfig,
    ZigMaConfig,
)
from zigma.models.specs import OwnOrdering, ScoreOrdering

ATTENTION_WIDTH = ATTENTION_HEADS * HEAD_WIDTH


@dataclass(frozen=True)
class NetworkCost:
    """Parameters of the network; the rest for one token in one of its layers."""

    parameters: int
    multiplies: float
    channels: float
    kept: float


@cache
def network_cost(model: ModelConfig) -> NetworkCost:
    """What a forward pass takes and leaves."""
    if isinstance(model, DiTConfig):
        return _transformer(model, _dit_parameters(model))
    if isinstance(model, UViTConfig):
        return _transformer(model, _uvit_parameters(model))
    return _zigma(model)


def _transformer(model: DiTConfig | UViTConfig, parameters: int) -> NetworkCost:
    hidden, tokens = model.hidden, math.prod(model.token_grid)
    return NetworkCost(parameters, 12 * hidden**2 + 2 * tokens * hidden, 1.6 * hidden, 105.0 * hidden)


def _zigma(model: ZigMaConfig) -> NetworkCost:
    hidden, mixer = model.hidden, mixer_cost(model)
    multiplies, channels, kept = mixer.multiplies, mixer.channels, 57.0 * hidden + mixer.kept
    if model.text_width is not None and model.conditioning == "cross-attention":
        attention = _attention(hidden, math.prod(model.token_grid), model.text_tokens)
        multiplies, channels = multiplies + attention.multiplies, channels + attention.channels
        kept += attention.kept
    if model.ordering is not None:  # tokens are gathered twice and kept once: assumed, not fitted
        channels, kept = channels + 0.2 * hidden, kept + 8.0 * hidden
    return NetworkCost(_zigma_parameters(model, mixer), multiplies, channels, kept)


@dataclass(frozen=True)
class _Attention:
    """What cross-attention adds to a block, for each of the image's tokens."""

    multiplies: float
    channels: float
    kept: float  # bytes, for the backward pass


def _attention(hidden: int, tokens: int, text_tokens: int) -> _Attention:
    """By the order of products that zigma.models.cross_attention takes: the one of fewer multiplications."""
    keys_and_values = 2 * ATTENTION_WIDTH * hidden * text_tokens / tokens
    through_heads = _Attention(
        2 * ATTENTION_WIDTH * (hidden + text_tokens) + keys_and_values,
        0.19 * ATTENTION_WIDTH,
        12 * ATTENTION_WIDTH,
    )
    scores = ATTENTION_HEADS * text_tokens
    through_caption = _Attention(
        2 * hidden * scores + 2 * keys_and_values, 0.2 * scores, 6 * scores + 24 * hidden
    )
    return min(through_heads, through_caption, key=lambda way: way.multiplies)


def _dit_parameters(model: DiTConfig) -> int:
    hidden, patch = model.hidden, model.patch**2 * model.in_channels
    out = patch * (2 if model.learn_sigma else 1)
    embeddings = patch * hidden + hidden + _time_parameters(hidden) + (model.classes or 0) * hidden
    blocks = model.depth * (18 * hidden**2 + 15 * hidden)
    return embeddings + blocks + 2 * hidden**2 + 2 * hidden + hidden * out + out


def _uvit_parameters(model: UViTConfig) -> int:
    hidden, depth, patch = model.hidden, model.depth, model.patch**2 * model.in_channels
    told, extra = 0, 1  # tokens beside the image's
    if model.text_width is not None:
        told, extra = model.text_width * hidden + hidden, 1 + model.text_tokens
    elif model.classes is not None:
        told, extra = model.classes * hidden, 2
    block = 12 * hidden**2 + 10 * hidden
    blocks = (depth + 1) * block + depth // 2 * (2 * hidden**2 + hidden)
    positions = (extra + math.prod(model.token_grid)) * hidden
    ends = patch * hidden + hidden + 2 * hidden + hidden * patch + patch + positions + told
    return blocks + ends + (9 * model.in_channels**2 + model.in_channels if model.convolution else 0)


def _zigma_parameters(model: ZigMaConfig, mixer: MixerCost) -> int:
    hidden, text, patch = model.hidden, model.text_width is not None, model.patch**2 * model.in_channels
    attends = text and model.conditioning == "cross-attention"
    block = hidden + (6 if attends else 3) * (hidden**2 + hidden)
    block += 4 * hidden * ATTENTION_WIDTH + hidden if attends else 0
    ends = patch * hidden + hidden + _time_parameters(hidden) + hidden + hidden * patch + patch
    ends += (model.text_width or 0) * hidden + hidden if text else (model.classes or 0) * hidden
    ends += math.prod(model.token_grid) * hidden if model.position == "learned" else 0
    ends += model.grid[0] * hidden if model.temporal_position else 0
    return model.depth * (block + _ordering_parameters(model)) + mixer.parameters + ends


def _ordering_parameters(model: ZigMaConfig) -> int:
    """Of a layer; of a person's own by making one, which may need torch."""
    if isinstance(model.ordering, OwnOrdering):
        from zigma.models.orderings import own_parameters

        return own_parameters(model.hidden, model.ordering)
    return model.hidden if isinstance(model.ordering, ScoreOrdering) else 0


def _time_parameters(hidden: int) -> int:
    return TIME_WIDTH * hidden + hidden + hidden**2 + hidden
