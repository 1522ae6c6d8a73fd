"""How the page opens: what was run, where its arms stand, and what they draw beside real images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis.records import Sheet, devices_of
from analysis.records.artifacts import shown_grid
from analysis.records.standing import REAL, sample_rows, why_no_verdict
from analysis.report.images import encode
from zigma.common.words import counted
from zigma.experiment.config import RunConfig

SIDE = 384  # pixels of a picture's longer side


@dataclass(frozen=True)
class WhatWasRun:
    """A setting of a study in words: its data, network, training, seeds and devices."""

    study: str
    place: str  # tiny, digits-8
    data: str
    network: str
    training: str
    seeds: str
    devices: str
    verdict: str  # why there is none; empty where there may be one


@dataclass(frozen=True)
class Beside:
    """A picture of samples or of real images."""

    name: str
    uri: str


def what_was_run(parts: Iterable[Sheet]) -> list[WhatWasRun]:
    """A line for each setting that trains something."""
    return [line for part in parts if (line := _run(part)) is not None]


def _run(part: Sheet) -> WhatWasRun | None:
    config = part.study.scales[part.scale][part.setting]
    if not isinstance(config, RunConfig) or not part.records:
        return None
    done = {arm: len(part.done(arm)) for arm in part.arms if part.done(arm)}
    parameters = {r.data.get("cost", {}).get("parameters") for r in part.records} - {None}
    model, training = config.model, config.training
    counts = sorted(set(done.values())) or [0]
    sides = "x".join(map(str, model.token_grid))
    return WhatWasRun(
        study=part.study.name,
        place=f"{part.scale}, {part.setting}",
        data=f"{config.data.name}, {config.data.size} pixels, {sides} tokens",
        network=f"hidden {model.hidden}, depth {model.depth}" + _parameters(parameters),
        training=f"{counted(training.steps, 'step')} of {counted(training.batch_images, 'image')}",
        seeds=f"{counted(len(done), 'arm')}, {_from(counts)}{counted(counts[-1], 'seed')}",
        devices="; ".join(devices_of(part.records)),
        verdict=why_no_verdict(part),
    )


def _from(counts: list[int]) -> str:
    return f"{counts[0]} to " if len(counts) > 1 else ""


def _parameters(counts: set[float]) -> str:
    numbers = sorted(round(count) for count in counts)
    if not numbers:
        return ""
    ends = dict.fromkeys((numbers[0], numbers[-1]))
    return f", {' to '.join(f'{n:,}' for n in ends)} parameters"


def beside(parts: Sequence[Sheet], results: Path) -> dict[str, list[Beside]]:
    """Place -> real images, then the first samples of each arm's lowest seed, where they were saved: as many each."""
    shown: dict[str, list[Beside]] = {}
    for part in parts:
        aspect = None
        for name, file in sample_rows(part, results).items():
            pixels = shown_grid(file, SIDE)
            if pixels is None:
                continue
            height, width = pixels.shape[:2]
            aspect = height / width if name == REAL else aspect
            first = pixels if aspect is None else pixels[: max(1, round(aspect * width))]
            shown.setdefault(f"{part.scale}, {part.setting}", []).append(Beside(name, encode(first)))
    return shown
