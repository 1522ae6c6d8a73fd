"""A run that trains: train, sample, measure. Torch is imported here and nowhere above."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from studies.config import RunConfig
from studies.watch import Watch
from zigma.data import load_data, to_uint8
from zigma.interpolant import sample
from zigma.metrics import evaluate_images
from zigma.training import Trained, condition, held_out_loss, train
from zigma.training.randomness import derived_seed

SAMPLE_BATCH = 125


def train_and_evaluate(
    config: RunConfig, work: Path, watch: Watch, checkpoint_every_s: float
) -> dict[str, Any]:
    """Metrics, curves, wall time and cost of a run that trains; resumes from `work / "checkpoint.pt"`."""
    data = load_data(config.data)
    real = to_uint8(_reference(config, data))  # before the training: too few of them should cost nothing
    trained = train(
        config.model,
        data.train,
        config.interpolant,
        config.training,
        seed=config.seed,
        checkpoint=work / "checkpoint.pt",
        checkpoint_every_s=checkpoint_every_s,
        watch=watch.training,
    )
    started = time.monotonic()
    watch.stage("held-out loss")
    loss = held_out_loss(
        trained.model, config.model, data.held_out, config.interpolant, batch_images=SAMPLE_BATCH
    )
    metrics: list[dict[str, Any]] = [
        {"name": "held_out_loss", "value": loss, "n_real": len(data.held_out), "reference": "held-out"}
    ]
    watch.stage(f"drawing {config.evaluation.n_generated} samples")
    generated = _samples(config, trained, data)
    sampled = time.monotonic()
    watch.stage("metrics")
    for extractor in config.evaluation.extractors:
        metrics += evaluate_images(
            generated,
            real,
            extractor=extractor,
            reference=config.evaluation.reference,
            metrics=config.evaluation.metrics,
        )
    seconds = {
        "training": trained.seconds,
        "sampling": sampled - started,
        "metrics": time.monotonic() - sampled,
    }
    images = config.training.steps * config.training.batch_images
    return {
        "metrics": metrics,
        "curves": {"loss": {"step": trained.curve["step"], "value": trained.curve["loss"]}},
        "wall_time_s": {name: round(value, 3) for name, value in seconds.items()},
        "cost": {
            "device_hours": round(sum(seconds.values()) / 3600, 5),
            "parameters": trained.parameters,
            "images": images,
            "images_per_s": round(images / trained.seconds, 2),
        },
    }


@torch.no_grad()
def _samples(config: RunConfig, trained: Trained, data: Any) -> torch.Tensor:
    """The first `n_generated` samples of the run's seed, uint8 (n, C, H, W). Arms of one seed share their noise."""
    n, device = config.evaluation.n_generated, next(trained.model.parameters()).device
    generator = torch.Generator().manual_seed(derived_seed(config.seed, "samples"))
    shape = data.held_out.batch([0]).images.shape[1:]
    noise = torch.randn((n, *shape), generator=generator)
    drawn = []
    for indices in torch.arange(n).split(SAMPLE_BATCH):
        batch = data.held_out.batch((indices % len(data.held_out)).numpy())
        y = condition(batch, config.model)
        y = None if y is None else y.to(device)
        start = noise[indices].to(device)
        drawn.append(
            sample(config.interpolant, config.sampling, trained.model, start, y=y, generator=generator)
        )
    samples = torch.cat(drawn)
    if not torch.isfinite(samples).all():
        raise FloatingPointError("the sampler produced values that are not finite")
    return to_uint8(samples.cpu())


def _reference(config: RunConfig, data: Any) -> torch.Tensor:
    parts = {"held-out": data.held_out, "train": data.train}
    part, n = parts[config.evaluation.reference], config.evaluation.n_real
    if n > len(part):
        raise ValueError(
            f"evaluation.n_real={n} but the {config.evaluation.reference} part has {len(part)} images"
        )
    images: torch.Tensor = part.batch(torch.arange(n).numpy()).images
    return images
