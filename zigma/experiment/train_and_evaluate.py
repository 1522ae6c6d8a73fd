"""A run that trains: train, sample, measure, and leave what was made. Torch is imported here and nowhere above."""

from __future__ import annotations

import time
from typing import Any

from zigma.common.words import counted
from zigma.data import load_data
from zigma.experiment.artifacts import Places, save_artifacts
from zigma.experiment.config import RunConfig
from zigma.experiment.evaluator import Evaluator
from zigma.experiment.watch import Watch
from zigma.training import train
from zigma.training.processes import from_main, processes


def train_and_evaluate(
    config: RunConfig, places: Places, watch: Watch, checkpoint_every_s: float
) -> dict[str, Any]:
    """Metrics, curves, wall time, cost and artifacts of a run that trains; resumes from its last checkpoint.

    Several processes share the work, and each returns the same.
    """
    data = load_data(config.data)
    if fault := config.classes_fault(data.classes):
        raise ValueError(fault)
    started = time.monotonic()
    watch.stage("reading the real images")
    evaluator = Evaluator(config, data, watch)  # before the training: what is missing should cost nothing
    seconds = {"metrics": time.monotonic() - started}
    evaluation = config.evaluation
    trained = train(
        config.model,
        data.train,
        config.interpolant,
        config.training,
        seed=config.seed,
        checkpoint=places.work / "checkpoint.pt",
        checkpoint_every_s=checkpoint_every_s,
        watch=watch.training,
        every_steps=evaluation.every_steps,
        measure=evaluator.on_the_way,
    )
    seconds = {"training": trained.seconds, "on_the_way": trained.seconds_on_the_way} | seconds
    started = time.monotonic()
    watch.stage("held-out loss")
    metrics = evaluator.without_samples(trained.model, len(data.held_out))
    metrics += [] if evaluator.excess is None else evaluator.excess.levels()
    watch.stage(f"drawing {counted(evaluation.n_generated, 'sample')}")
    generated, samples = evaluator.generated(trained.model, evaluation.n_generated)
    seconds["sampling"] = time.monotonic() - started
    started = time.monotonic()
    watch.stage("metrics")
    metrics += evaluator.compare(generated, evaluation.metrics)
    metrics += [] if evaluator.field_samples is None else evaluator.field_samples.measure()
    pairs = list(zip(generated, evaluator.real, strict=True))
    artifacts = from_main(lambda: save_artifacts(places, samples, pairs, trained.model))
    seconds["metrics"] += time.monotonic() - started
    images = config.training.steps * config.training.batch_images
    devices = processes().num_processes
    return {
        "metrics": metrics,
        "curves": trained.curves,
        "wall_time_s": {name: round(value, 3) for name, value in seconds.items()},
        "cost": {
            "devices": devices,
            "device_hours": round(devices * sum(seconds.values()) / 3600, 5),
            "parameters": trained.parameters,
            "images": images,
            "images_per_s": round(images / trained.seconds, 2),
        },
        "artifacts": artifacts,
        "skipped": {
            "training": dict(getattr(data.train, "skipped", {})),
            "held-out": dict(getattr(data.held_out, "skipped", {})),
            "real": evaluator.skipped,
        },
    }
