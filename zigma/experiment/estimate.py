"""What a run will take, from its configuration alone: parameters, time and memory. No torch.

Parameters are exact. Time and memory are sums of a few terms whose constants were fitted to the processor time of
training steps with one thread on an AMD EPYC (18 networks, hidden 32 to 768, batch times tokens 512 to 8,192,
float32); they size runs before they start, and nothing else. For a GPU they are assumptions, named as such below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from zigma.experiment.config import Config, MeasurementConfig, RunConfig, ScanConfig
from zigma.experiment.mixer_costs import mixer_cost, mixer_parameters
from zigma.models.config import DiTConfig, ModelConfig, ZigMaConfig

Device = Literal["cpu", "gpu"]

TIME_WIDTH = 256  # of the code of t (zigma.models.embeddings)
HEADS, ATTENTION_WIDTH = 8, 512  # of cross-attention

SAMPLE_BATCH = 125  # images drawn at a time
EVALUATIONS = {"heun": 2, "sde-heun": 2}  # of the network in a step of a sampler; else 1
DOPRI5_EVALUATIONS = 60  # it chooses its steps itself; about what rtol 1e-3 takes on a trained network
SCAN_SECONDS = 5e-4  # to measure a plan on its grid, per token: 2 to 4 s for eight orders of 8x32x32


@dataclass(frozen=True)
class Rates:
    """Seconds of a training step, per multiply-add of its forward pass and per token and channel read in a path."""

    per_multiply: float
    per_channel: float
    activation: float  # memory of an activation over its float32 size
    process_gib: float  # before the first network


# fitted: a step takes three times a forward pass
CPU = Rates(per_multiply=8e-11, per_channel=6e-8, activation=1.0, process_gib=0.6)
# assumed, not measured: an A100 in bfloat16 at a quarter of its peak (3 passes / 3.9e13 multiply-adds a second), and
# 100 bytes moved per channel at 1.5 TB/s; 40 % of the activations stay in float32
GPU = Rates(per_multiply=7.7e-14, per_channel=6.7e-11, activation=0.7, process_gib=1.0)
RATES: dict[Device, Rates] = {"cpu": CPU, "gpu": GPU}


@dataclass(frozen=True)
class Estimate:
    """Wall time on one core or one GPU, and memory of one device that carries `batch / devices` of the images."""

    seconds: float
    memory_gib: float


def estimate(config: Config, device: Device, devices: int = 1) -> Estimate:
    """What a run takes on one CPU core, or on `devices` GPUs; rough for what it was not fitted to."""
    rates = RATES[device]
    if isinstance(config, ScanConfig):
        return Estimate(SCAN_SECONDS * math.prod(config.grid), CPU.process_gib / 3)
    if isinstance(config, MeasurementConfig):
        forward = _step_seconds(config.model, rates) / 3 * config.batch_images
        passes = config.repeats + 4 if {"speed", "memory", "flops"} & set(config.quantities) else 0
        gib = (
            parameters(config.model) * 4 / 2**30 if passes else 0.0
        )  # parameters alone are counted, not made
        return Estimate(
            1 + passes * forward, rates.process_gib + gib + _forward_gib(config.model, config.batch_images)
        )
    steps, batch = config.training.steps, config.training.batch_images
    trained = steps * batch
    drawn = config.evaluation.n_generated
    if config.evaluation.every_steps is not None and config.evaluation.extractors:
        drawn += (steps - 1) // config.evaluation.every_steps * config.evaluation.n_on_the_way
    step = _step_seconds(config.model, rates)
    seconds = step * (trained + drawn * _evaluations(config) / 3) / devices
    return Estimate(seconds, rates.process_gib + _training_gib(config, rates, devices))


def parameters(model: ModelConfig) -> int:
    """How many parameters `zigma.models.build_model` gives a network."""
    return _count(model)


def scale_device(scale: str) -> Device:
    """Where a scale is meant to run."""
    return "cpu" if scale in ("tiny", "desk") else "gpu"


def _evaluations(config: RunConfig) -> float:
    """Of the network for one sample."""
    sampling = config.sampling
    asked = sampling.steps * EVALUATIONS.get(sampling.sampler, 1)
    asked = DOPRI5_EVALUATIONS if sampling.sampler == "dopri5" else asked
    return asked * (2 if sampling.guidance != 1 else 1)


def _step_seconds(model: ModelConfig, rates: Rates) -> float:
    """Of one image in a training step."""
    tokens = math.prod(model.token_grid)
    multiplies, channels = _block(model, tokens)
    return tokens * model.depth * (multiplies * rates.per_multiply + channels * rates.per_channel)


def _block(model: ModelConfig, tokens: int) -> tuple[float, float]:
    """Multiply-adds of a block per token, and how many channels it reads in a path, or their like in time."""
    hidden = model.hidden
    if not isinstance(model, ZigMaConfig):
        return 12 * hidden**2 + 2 * tokens * hidden, 1.6 * hidden
    cost = mixer_cost(model)
    multiplies, channels = cost.multiplies, cost.channels
    if model.text_width is not None and model.conditioning == "cross-attention":
        attention = _attention(hidden, tokens, model.text_tokens)
        multiplies, channels = multiplies + attention.multiplies, channels + attention.channels
    return multiplies, channels


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
    scores = HEADS * text_tokens
    through_caption = _Attention(
        2 * hidden * scores + 2 * keys_and_values, 0.2 * scores, 6 * scores + 24 * hidden
    )
    return min(through_heads, through_caption, key=lambda way: way.multiplies)


def _training_gib(config: RunConfig, rates: Rates, devices: int) -> float:
    """Weights, gradients, two moments and the average in float32; activations; the images drawn."""
    model = config.model
    held = parameters(model) * 4 * 5
    tokens = math.prod(model.token_grid) * math.ceil(config.training.batch_images / devices)
    layers = 2 if model.gradient_checkpointing else model.depth
    activations = tokens * layers * _activation_bytes(model) * rates.activation
    drawing = _forward_gib(model, min(SAMPLE_BATCH, config.evaluation.n_generated)) * rates.activation
    samples = config.evaluation.n_generated * math.prod(model.grid) * model.in_channels * 8
    return max((held + activations) / 2**30, held / 2**30 + drawing) + samples / 2**30


def _activation_bytes(model: ModelConfig) -> float:
    """What a layer keeps of a token for the backward pass, in float32."""
    if not isinstance(model, ZigMaConfig):
        return 105.0 * model.hidden
    kept = 57.0 * model.hidden + mixer_cost(model).kept
    if model.text_width is not None and model.conditioning == "cross-attention":
        kept += _attention(model.hidden, math.prod(model.token_grid), model.text_tokens).kept
    return kept


def _forward_gib(model: ModelConfig, images: int) -> float:
    """A forward pass holds the activations of one layer or so."""
    return images * math.prod(model.token_grid) * _activation_bytes(model) / 2**30


def _count(model: ModelConfig) -> int:
    hidden, depth = model.hidden, model.depth
    patch = model.patch**2 * model.in_channels
    if isinstance(model, ZigMaConfig):
        return _count_zigma(model, patch)
    tokens = math.prod(model.token_grid)
    if isinstance(model, DiTConfig):
        out = patch * (2 if model.learn_sigma else 1)
        embeddings = patch * hidden + hidden + _count_time(hidden) + (model.classes or 0) * hidden
        blocks = depth * (18 * hidden**2 + 15 * hidden)
        return embeddings + blocks + 2 * hidden**2 + 2 * hidden + hidden * out + out
    told, extra = 0, 1
    if model.text_width is not None:
        told, extra = model.text_width * hidden + hidden, 1 + model.text_tokens
    elif model.classes is not None:
        told, extra = model.classes * hidden, 2
    block = 12 * hidden**2 + 10 * hidden
    blocks = (depth + 1) * block + depth // 2 * (2 * hidden**2 + hidden)
    ends = patch * hidden + hidden + 2 * hidden + hidden * patch + patch + (extra + tokens) * hidden + told
    return blocks + ends + (9 * model.in_channels**2 + model.in_channels if model.convolution else 0)


def _count_time(hidden: int) -> int:
    return TIME_WIDTH * hidden + hidden + hidden**2 + hidden


def _count_zigma(model: ZigMaConfig, patch: int) -> int:
    hidden, text = model.hidden, model.text_width is not None
    attends = text and model.conditioning == "cross-attention"
    block = hidden + (6 if attends else 3) * (hidden**2 + hidden)
    block += 4 * hidden * ATTENTION_WIDTH + hidden if attends else 0
    ends = patch * hidden + hidden + _count_time(hidden) + hidden + hidden * patch + patch
    ends += (model.text_width or 0) * hidden + hidden if text else (model.classes or 0) * hidden
    ends += math.prod(model.token_grid) * hidden if model.position == "learned" else 0
    ends += model.grid[0] * hidden if model.temporal_position else 0
    return model.depth * block + mixer_parameters(model) + ends
