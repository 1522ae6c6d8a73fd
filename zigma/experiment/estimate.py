"""What a run will take, from its configuration alone: parameters, time and memory. No torch.

Parameters are exact. Time and memory are sums of a few terms whose constants were fitted to the processor time of
training steps with one thread on an AMD EPYC (18 networks, hidden 32 to 768, batch times tokens 512 to 8,192,
float32); they size runs before they start, and nothing else. For a GPU one was measured and the others are assumptions,
named as such below.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from zigma.experiment.config import Config, MeasurementConfig, RunConfig, ScanConfig
from zigma.experiment.network_costs import NetworkCost, network_cost
from zigma.models.config import ModelConfig
from zigma.training.config import HELD_OUT_DRAWS

Device = Literal["cpu", "gpu"]

MOST_IMAGES = 125  # of a batch that is evaluated: of samples, or of held-out images
# tokens times hidden width of such a batch: about 10 GB inside the network without gradients
MOST_VALUES = 2**27
EVALUATED_BYTES = 80  # of each of these values
EVALUATIONS = {"heun": 2, "sde-heun": 2}  # of the network in a step of a sampler; else 1
DOPRI5_EVALUATIONS = 60  # it chooses its steps itself; about what rtol 1e-3 takes on a trained network
SCAN_SECONDS = 5e-4  # to measure a plan on its grid, per token: 2 to 4 s for eight orders of 8x32x32


@dataclass(frozen=True)
class Rates:
    """Seconds of a training step: per multiply-add forward, and per token and channel read in a path."""

    per_layer: float  # at least, for the step of a layer: some ninety kernels, which take their time on a GPU
    per_multiply: float
    per_channel: float
    activation: float  # memory of an activation over its float32 size
    process_gib: float  # before the first network


# fitted: a step takes three times a forward pass
CPU = Rates(per_layer=0.0, per_multiply=8e-11, per_channel=6e-8, activation=1.0, process_gib=0.6)
# per layer as measured on an H200: 2.85 ms a step of 8 small layers, through a CUDA graph. The others are assumed: an
# A100 in bfloat16 at a quarter of its peak (3 passes / 3.9e13 multiply-adds a second), and 100 bytes moved per channel
# at 1.5 TB/s; 40 % of the activations stay in float32
GPU = Rates(per_layer=3.5e-4, per_multiply=7.7e-14, per_channel=6.7e-11, activation=0.7, process_gib=1.0)
RATES: dict[Device, Rates] = {"cpu": CPU, "gpu": GPU}


@dataclass(frozen=True)
class Estimate:
    """Wall time on one core or one GPU, and memory of one device that carries `batch / devices` of the images."""

    seconds: float
    memory_gib: float


def estimate(config: Config, device: Device, devices: int = 1) -> Estimate:
    """What a run takes on one CPU core, or on `devices` GPUs; rough for what it was not fitted to."""
    rates, devices = RATES[device], devices if device == "gpu" else 1
    if isinstance(config, ScanConfig):
        return Estimate(SCAN_SECONDS * math.prod(config.grid), CPU.process_gib / 3)
    cost, tokens = network_cost(config.model), math.prod(config.model.token_grid)
    # of a token, in a step
    layer_s = cost.multiplies * rates.per_multiply + cost.channels * rates.per_channel
    step_s = tokens * config.model.depth * layer_s  # of an image
    if isinstance(config, MeasurementConfig):
        return _measuring(config, cost, step_s / 3, rates)
    passes = (_drawn(config) * _evaluations(config) + _judged(config)) / 3  # of one image, as parts of a step
    steps = config.training.steps + passes / MOST_IMAGES
    images = config.training.steps * config.training.batch_images + passes
    # a kernel takes as long as its work, and no less than it takes with nothing to do
    seconds = max(steps * config.model.depth * rates.per_layer, step_s * images / devices)
    return Estimate(seconds, rates.process_gib + _training_gib(config, cost, rates, devices))


def batch_of(model: ModelConfig) -> int:
    """How many samples are drawn at once. It follows from the network alone, because it decides rounding."""
    return max(1, min(MOST_IMAGES, MOST_VALUES // (math.prod(model.token_grid) * model.hidden)))


def parameters(model: ModelConfig) -> int:
    """How many parameters `zigma.models.build_model` gives a network."""
    return network_cost(model).parameters


def scale_device(scale: str) -> Device:
    """Where a scale is meant to run."""
    return "cpu" if scale in ("tiny", "desk") else "gpu"


def _measuring(config: MeasurementConfig, cost: NetworkCost, forward_s: float, rates: Rates) -> Estimate:
    drawing = _forward_gib(config.model, cost, config.batch_images)
    if not {"speed", "memory", "flops"} & set(config.quantities):  # parameters alone are counted, not made
        return Estimate(1, rates.process_gib + drawing)
    passes = config.repeats + 4
    weights = cost.parameters * 4 / 2**30
    return Estimate(1 + passes * forward_s * config.batch_images, rates.process_gib + weights + drawing)


def _drawn(config: RunConfig) -> int:
    """Samples, on the way and at the end."""
    evaluation = config.evaluation
    on_the_way = _measured(config) * evaluation.n_on_the_way if evaluation.extractors else 0
    return evaluation.n_generated + on_the_way


def _judged(config: RunConfig) -> int:
    """Passes of held-out images through the network, for their loss and, of fields, for the excess."""
    evaluation = config.evaluation
    images = _measured(config) * evaluation.n_on_the_way + evaluation.n_real
    return images * (HELD_OUT_DRAWS + (config.data.field is not None))


def _measured(config: RunConfig) -> int:
    """How often the network is measured before its training is over."""
    every = config.evaluation.every_steps
    return 0 if every is None else (config.training.steps - 1) // every


def _evaluations(config: RunConfig) -> float:
    """Of the network for one sample."""
    sampling = config.sampling
    asked = sampling.steps * EVALUATIONS.get(sampling.sampler, 1)
    asked = DOPRI5_EVALUATIONS if sampling.sampler == "dopri5" else asked
    return asked * (2 if sampling.guidance != 1 else 1)


def _training_gib(config: RunConfig, cost: NetworkCost, rates: Rates, devices: int) -> float:
    """Weights, gradients, two moments and the average in float32; activations of a step, or of a batch that is
    evaluated, whichever are more; samples."""
    model = config.model
    held = cost.parameters * 4 * 5
    tokens = math.prod(model.token_grid) * math.ceil(config.training.batch_images / devices)
    layers = 2 if model.gradient_checkpointing else model.depth
    activations = tokens * layers * cost.kept * rates.activation
    values = batch_of(model) * math.prod(model.token_grid) * model.hidden
    evaluated = values * EVALUATED_BYTES * rates.activation
    samples = config.evaluation.n_generated * math.prod(model.grid) * model.in_channels * 8
    return (held + max(activations, evaluated) + samples) / 2**30


def _forward_gib(model: ModelConfig, cost: NetworkCost, images: int) -> float:
    """A forward pass holds the activations of one layer or so."""
    return images * math.prod(model.token_grid) * cost.kept / 2**30
