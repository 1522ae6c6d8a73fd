"""Carry out one run: train, sample, measure, record. Torch is imported here and nowhere above."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from studies.environment import environment
from studies.plan import CHECKPOINT_EVERY_S, Mode, to_run
from studies.record import SCHEMA, read_record, record_path, recorded, write_record
from studies.study import Run, RunConfig, fingerprints
from zigma.data import load_data, to_uint8
from zigma.interpolant import sample
from zigma.metrics import evaluate_images
from zigma.training import Progress, Trained, condition, held_out_loss, train
from zigma.training.randomness import derived_seed

SAMPLE_BATCH = 125
OWNER_PATIENCE_S = 2.0  # a process that was just killed lets go of its run in less


class Owned(RuntimeError):
    """Another process is carrying out this run."""


@dataclass(frozen=True)
class Watch:
    """Who is told how a run goes."""

    training: Callable[[Progress], None] = lambda progress: None
    stage: Callable[[str], None] = lambda message: None


WATCH_NOTHING = Watch()


def work_folder(results: Path, run: Run) -> Path:
    """Where a run keeps its checkpoint and samples; nothing there is needed once its record is written."""
    return results / "work" / run.identity


def carry_out(
    run: Run,
    results: Path,
    watch: Watch = WATCH_NOTHING,
    mode: Mode = "cached",
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
) -> dict[str, Any]:
    """Train and evaluate `run` and write its record; resume from the last checkpoint where there is one.

    A run that raises leaves a record with status `failed` and the error, never a number. Mode `cached` takes any
    record there is, `retry` repeats failed ones from their last checkpoint, `force` repeats all from nothing; the
    record that is replaced is kept (see `write_record`).

    Raises:
        Owned: another process holds the run; two processes never write one record.
    """
    work = work_folder(results, run)
    work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(work / "owner.lock", timeout=OWNER_PATIENCE_S):
            checkpoint, path = work / "checkpoint.pt", recorded(results).get(run.identity)
            if path is not None:  # perhaps since the run was planned, by another process
                known = read_record(path).data
                if not to_run(known["status"], mode):
                    return known
                older = checkpoint.exists() and checkpoint.stat().st_mtime <= path.stat().st_mtime
                if (
                    mode == "force" and older
                ):  # a newer one is of this very repetition, interrupted: go on from it
                    checkpoint.unlink()
            record = _record(run, work, watch, checkpoint_every_s)
            write_record(path or record_path(results, run), record)
            if record["status"] == "done":
                checkpoint.unlink(missing_ok=True)
            return record
    except Timeout:
        raise Owned(f"{run.label} is being run by another process") from None


def _record(run: Run, work: Path, watch: Watch, checkpoint_every_s: float) -> dict[str, Any]:
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "study": run.study,
        "arm": run.arm,
        "scale": run.scale,
        "setting": run.setting,
        "seed": run.config.seed,
        "identity": run.identity,
        "config": asdict(run.config),
        "fingerprints": fingerprints(run.config),
        "status": "done",
        "error": None,
        "metrics": [],
        "curves": {},
        "wall_time_s": {},
        "cost": {},
        "started": _now(),
    }
    try:
        record |= _measure(run.config, work, watch, checkpoint_every_s)
    except (
        Exception
    ) as error:  # whatever went wrong is the run's result; it is recorded, never replaced by a number
        (work / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        record |= {"status": "failed", "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return record | {"finished": _now(), "environment": environment()}


def _measure(config: RunConfig, work: Path, watch: Watch, checkpoint_every_s: float) -> dict[str, Any]:
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
    metrics += evaluate_images(
        generated,
        real,
        extractor=config.evaluation.extractor,
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
        "curves": trained.curve,
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
