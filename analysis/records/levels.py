"""Floors and ceilings of a sheet: what real images score, what needs no training, and how far an arm came between.

`python -m studies levels` computes them once for a data set and protocol and writes a file; here they are read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from analysis.records.protocol import Protocol, protocol_of
from analysis.records.schema import FAULTS
from studies.declare.identity import as_recorded
from studies.declare.levels import FOLDER
from studies.declare.shipped import PUBLISHED, published_folder, shipped
from studies.run.record import Record
from zigma.common.files import read_json
from zigma.common.words import one_line
from zigma.experiment.config import RunConfig

Kind = Literal["floor", "baseline", "start"]
Place = tuple[str, Protocol]  # a metric and the rules by which it was made


@dataclass(frozen=True)
class Level:
    """What real images (`floor`), a rule without training (`baseline`) or an untrained network (`start`) scores."""

    name: str
    kind: Kind
    values: Mapping[Place, float] = field(default_factory=dict)


@dataclass(frozen=True)
class LevelFile:
    """The levels of the settings with one key."""

    path: Path
    levels: tuple[Level, ...]
    config: Mapping[str, Any]  # with which they were computed, as records hold it

    def of(self, config: RunConfig) -> tuple[Level, ...]:
        """Those of a setting; of an untrained network only where the setting has the same one, drawn from alike."""
        plain = as_recorded(config)
        same = all(plain[part] == self.config.get(part) for part in ("model", "sampling"))
        return tuple(level for level in self.levels if same or level.kind != "start")


def level_folders(results: Path) -> list[Path]:
    """Where the levels of a results folder are looked for: its own, what it publishes, and what ships.

    A named folder shows no shipped records, but its arms are held against shipped levels: they belong to data and
    protocol, whoever trained.
    """
    return list(dict.fromkeys((results, published_folder(results), shipped() / PUBLISHED)))


def read_levels(folders: Iterable[Path], faults: list[str]) -> dict[str, LevelFile]:
    """Key -> levels below these folders, the first that has one; what cannot be read is named in `faults`."""
    files: dict[str, LevelFile] = {}
    for folder in folders:
        for path in sorted((folder / FOLDER).glob("*.json")):
            try:
                whole = read_json(path)
                file = LevelFile(path, tuple(_levels(path, whole)), dict(whole["config"]))
                files.setdefault(path.stem.rpartition(".")[2], file)
            except (OSError, *FAULTS) as error:
                faults.append(f"{path} holds no levels: {one_line(error, 200)}")
    return files


def _levels(path: Path, whole: Mapping[str, Any]) -> Iterable[Level]:
    behind = Record(path, {"environment": whole["environment"], "fingerprints": whole["fingerprints"]})
    for level in whole["levels"]:
        if level["kind"] not in get_args(Kind) or not isinstance(level["name"], str):
            raise ValueError(f"a level has a name and is one of {', '.join(get_args(Kind))}")
        values = {(m["name"], protocol_of(behind, m)): float(m["value"]) for m in level["metrics"]}
        if not np.isfinite(list(values.values())).all():
            raise ValueError("the value of a level is finite")
        yield Level(level["name"], level["kind"], values)


def best_baseline(levels: Iterable[Level], place: Place) -> tuple[str, float] | None:
    """The baseline that is hardest to beat by a metric of which lower is better: its name and value."""
    values = [
        (level.values[place], level.name)
        for level in levels
        if level.kind == "baseline" and place in level.values
    ]
    if not values:
        return None
    value, name = min(values)
    return name, value


def floor_of(levels: Iterable[Level], place: Place) -> float | None:
    """What no network should fall below."""
    return next(
        (level.values[place] for level in levels if level.kind == "floor" and place in level.values), None
    )


def progress(value: float, levels: Iterable[Level], place: Place) -> float | None:
    """How far a value has come: 0 at the best baseline, 1 at the floor; None without both."""
    levels = tuple(levels)
    baseline, floor = best_baseline(levels, place), floor_of(levels, place)
    if baseline is None or floor is None or baseline[1] <= floor:
        return None
    return (baseline[1] - value) / (baseline[1] - floor)
