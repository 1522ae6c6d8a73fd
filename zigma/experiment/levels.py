"""Floors and ceilings of a data set under a protocol: what real images score, and what needs no training.

Computed once for a data set and setting, by the same code that measures networks, and kept beside the records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from zigma.data import load_data, to_uint8
from zigma.experiment.baselines import (
    LARGEST_COVARIANCE,
    Baseline,
    IndependentValues,
    LinearGaussian,
    batches_of,
)
from zigma.experiment.config import RunConfig
from zigma.experiment.drawing import fixed
from zigma.experiment.evaluator import Evaluator
from zigma.experiment.watch import Watch
from zigma.models import build_model
from zigma.optimum import patch_tokens

MOST_FITTED = 20_000  # training images that the baselines are fitted to
STRIP = 16  # real images of the strip
Level = dict[str, Any]


def compute_levels(
    config: RunConfig, tell: Callable[[str], None] = lambda message: None
) -> tuple[list[Level], Tensor]:
    """Each level with its metrics in the words of a record, and the first real images, uint8.

    `kind` is `floor` (real against real), `baseline`, or `start` (the network before training).

    Raises:
        ValueError: the data is drawn fresh at every step, so that its levels stand in each record.
    """
    if config.data.name == "fields":
        raise ValueError("runs on fields record their own levels: the optimum, its path's least, one token")
    data = load_data(config.data)
    evaluator = Evaluator(config, data, Watch(stage=tell))
    levels = [_real(config, evaluator)]
    shape = tuple(data.held_out.batch([0]).images.shape[1:])
    images = data.train.batch(list(range(min(len(data.train), MOST_FITTED)))).images
    for ways in _baselines(config, images, tell):
        tell(f"{ways[0].name}: held-out loss and samples")
        losses = [evaluator.held_out_loss(way, len(data.held_out)) for way in ways]
        loss, baseline = min(zip(losses, ways, strict=True), key=lambda pair: float(pair[0]["value"]))
        metrics = [loss]
        if baseline.name != "one patch" and config.data.view == "pixels":
            drawn = (to_uint8(batch) for batch in batches_of(baseline, config.evaluation.n_generated, shape))
            metrics += _compared(evaluator, drawn)
        levels.append({"name": baseline.name, "kind": "baseline", "metrics": metrics})
    tell("the network before training")
    torch.manual_seed(config.seed)
    model = build_model(config.model).eval()
    generated, _ = evaluator.generated(model, config.evaluation.n_generated)
    metrics = [
        evaluator.held_out_loss(model, len(data.held_out)),
        *evaluator.compare(generated, config.evaluation.metrics),
    ]
    levels.append({"name": "before training", "kind": "start", "metrics": metrics})
    return levels, to_uint8(data.held_out.batch(list(range(min(STRIP, len(data.held_out))))).images)


def _real(config: RunConfig, evaluator: Evaluator) -> Level:
    """The other real images against the reference, as many as a network draws: no network should be closer."""
    data, n = evaluator.data, config.evaluation.n_generated
    part = fixed(data.train if config.evaluation.reference == "held-out" else data.held_out)
    count = min(n, len(part))

    def images() -> Iterator[Tensor]:
        for start in range(0, count, 500):
            yield to_uint8(part.batch(list(range(start, min(count, start + 500)))).images)

    if config.data.view != "pixels":
        return {"name": "real against real", "kind": "floor", "metrics": [], "why_not": "latents"}
    return {"name": "real against real", "kind": "floor", "metrics": _compared(evaluator, images(), count)}


def _compared(evaluator: Evaluator, batches: Iterator[Tensor], n: int | None = None) -> list[dict[str, Any]]:
    count = evaluator.config.evaluation.n_generated if n is None else n
    return evaluator.compare(evaluator.features(batches, count), evaluator.config.evaluation.metrics)


def _baselines(
    config: RunConfig, images: Tensor, tell: Callable[[str], None]
) -> Iterator[tuple[Baseline, ...]]:
    """Each in the ways to fit it, of which the one with the least held-out loss stands for it."""
    values = images[0].numel()
    if config.data.view == "pixels":
        yield (IndependentValues(config.interpolant, images),)
    if values > LARGEST_COVARIANCE:
        tell(f"no linear Gaussian: {values} values are more than {LARGEST_COVARIANCE}")
        return
    yield _linear(config, images)
    if config.model.patch > 1 and images.dim() == 4:
        _, channels, height, width = images.shape
        tokens = patch_tokens((height, width), config.model.patch, channels)
        yield _linear(config, images, torch.as_tensor(tokens))


def _linear(config: RunConfig, images: Tensor, token_of: Tensor | None = None) -> tuple[Baseline, ...]:
    return tuple(LinearGaussian(config.interpolant, images, token_of, shrunk) for shrunk in (False, True))
