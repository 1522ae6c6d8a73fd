"""Records with made-up numbers, written as a run writes them: declared configurations, real identities."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from studies.declare.identity import as_recorded, fingerprints, identity_of
from studies.declare.registry import find_study
from studies.declare.study import Run, Study, runs
from studies.run.record import SCHEMA, record_path
from zigma.experiment.config import MeasurementConfig, RunConfig, ScanConfig

PROTOCOL = {
    "n_generated": 500,
    "n_real": 500,
    "extractor": "digits",
    "extractor_identity": "0123456789abcdef",
    "resize": "none",
    "reference": "held-out",
}
Value = Callable[[Run, np.random.Generator], float]


def record_of(run: Run, metrics: Iterable[Mapping[str, Any]], **fields: Any) -> dict[str, Any]:
    """A whole record of a run, as `studies.run.carry_out` makes it."""
    return {
        "schema": SCHEMA,
        **run.about,
        "identity": run.identity,
        "config": as_recorded(run.config),
        "fingerprints": fingerprints(run.config),
        "status": "done",
        "error": None,
        "metrics": [dict(metric) for metric in metrics],
        # learned: flat at the end
        "curves": {"loss": {"step": [100, 200, 300, 400], "value": [1.0, 0.8, 0.7, 0.7]}},
        "wall_time_s": {"training": 80.0},
        "cost": {"device_hours": 0.02},
        "environment": {
            "commit": "c" * 40,
            "dirty": False,
            "torch": "2.9.0",
            "device": "some processor (2 cores)",
            "device_kind": "cpu",
            "scan_backend": "cpu",
        },
        **fields,
    }


def drawn_metrics(run: Run, quality: float, protocol: Mapping[str, Any] = PROTOCOL) -> list[dict[str, Any]]:
    """Metrics of the kind that a run has; `quality` is its Frechet distance, or its latency."""
    if isinstance(run.config, RunConfig) and run.config.data.field is not None:
        levels = {
            "excess_velocity": quality / 100,
            "excess_velocity_plan": 0.01,
            "excess_velocity_one_token": 0.7,
        }
        return [{"name": name, "value": value} for name, value in levels.items()]
    if isinstance(run.config, RunConfig):
        distance = "frame_fd_digits" if run.config.data.frames else "fd_digits"
        return [
            {"name": "held_out_loss", "value": 0.5 + quality / 100, "n_real": 500, "reference": "held-out"},
            {"name": distance, "value": quality, **protocol},
            {"name": distance.replace("fd", "kid"), "value": quality / 40, **protocol},
        ]
    if isinstance(run.config, ScanConfig):
        return [{"name": "unit_steps", "value": 0.9}, {"name": "reach", "value": 1.0}]
    assert isinstance(run.config, MeasurementConfig)
    where = {"batch_images": run.config.batch_images, "device": "cpu", "precision": "no"}
    return [
        {"name": "parameters", "value": 133_800_000},
        {"name": "flops_as_paper", "value": 5.2e9},
        {"name": "flops", "value": 5.4e9},
        {"name": "images_per_s", "value": 1000 / quality, **where},
        {
            "name": "latency_ms",
            "value": quality,
            "lower_ms": quality * 0.9,
            "upper_ms": quality * 1.2,
            "repeats": 10,
            **where,
        },
        {"name": "peak_memory_mib", "value": 500.0, **where},
    ]


def write(results: Path, run: Run, record: Mapping[str, Any], folder: str = "records") -> Path:
    """Write a record where a run would, or under `published/`."""
    path = record_path(results, run)
    return write_beside(results / folder / path.relative_to(results / "records"), record)


def write_beside(path: Path, record: Mapping[str, Any]) -> Path:
    """Write a record, changed or not, with the identity that it has, in the folder of `path` and under such a name.

    Without a checksum, as records of before have none: so tests may change a number in the file.
    """
    identity = identity_of(record["config"], record.get("fingerprints") or {})
    whole = {name: value for name, value in record.items() if name != "checksum"} | {"identity": identity}
    new = path.with_name(f"{path.name.rsplit('.', 2)[0]}.{identity}.json")
    new.parent.mkdir(parents=True, exist_ok=True)
    new.write_text(json.dumps(whole, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return new


def fill(
    results: Path,
    study: Study | str = "scan_ablation",
    scale: str = "tiny",
    *,
    seeds: int = 3,
    setting: str | None = None,
    means: Mapping[str, float] | None = None,
    spread: float = 0.3,
    skip: Callable[[Run], bool] = lambda run: False,
    **fields: Any,
) -> list[Path]:
    """Records of every arm of a study in one setting (the first by default); arms get worse down the list unless
    `means` says otherwise. A run of a seed shares part of its noise with the others of that seed."""
    study = find_study(study) if isinstance(study, str) else study
    setting = setting or next(iter(study.scales[scale]))
    means = means or {arm.name: 5.0 + i for i, arm in enumerate(study.arms)}
    written = []
    for run in runs(study, scale, range(seeds)):
        if run.setting != setting or run.arm not in means or skip(run):
            continue
        shared = np.random.default_rng(run.config.seed).normal()
        own = np.random.default_rng([run.config.seed, list(means).index(run.arm)]).normal()
        value = means[run.arm] + spread * (0.7 * shared + 0.7 * own)
        written.append(write(results, run, record_of(run, drawn_metrics(run, value), **fields)))
    return written
