"""Where a sheet stands between its floors and its baselines. Runs on fields record their own."""

from __future__ import annotations

import shlex
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from analysis.metrics import EXCESS, LOSS, OF_SAMPLES, find_metric, main_metric
from analysis.records.artifacts import first_grids
from analysis.records.learned import learned
from analysis.records.levels import Level, best_baseline
from analysis.records.sheet import Sheet
from studies.declare.levels import has_levels, levels_key
from zigma.experiment.config import RunConfig

REAL = "real images"


def levels_of(sheet: Sheet) -> tuple[Level, ...]:
    """The levels of a sheet; empty where none have been computed, or it trains nothing."""
    config = sheet.config
    if not isinstance(config, RunConfig):
        return ()
    if not has_levels(config):
        return _recorded(sheet)
    file = sheet.source.levels.get(levels_key(config))
    return () if file is None else file.of(config)


def _recorded(sheet: Sheet) -> tuple[Level, ...]:
    """Of fields: the optimum, which has no excess, what as many true fields score, and one token in sight."""
    places = [(EXCESS, rules) for rules in sheet.protocols(EXCESS)]
    tokens = [value for arm in sheet.arms for value in sheet.values(arm, f"{EXCESS}_one_token")]
    floors = {
        (metric, rules): float(np.mean(values))
        for metric in OF_SAMPLES
        if (values := [value for arm in sheet.arms for value in sheet.values(arm, f"{metric}_floor")])
        for rules in sheet.protocols(metric)
    }
    levels = (
        Level("optimum", "floor", dict.fromkeys(places, 0.0) if tokens else {}),
        Level("as many true fields", "floor", floors),
        Level("one token", "baseline", dict.fromkeys(places, float(np.mean(tokens))) if tokens else {}),
    )
    return tuple(level for level in levels if level.values)


def unbeaten(sheet: Sheet) -> str:
    """Which baseline the best arm of a sheet does not beat, by its distance or its held-out loss; empty if all are.

    Empty too where no levels are known: their absence is not evidence, and is said by the sheet's notes.
    """
    levels, main = levels_of(sheet), main_metric(sheet.metric_names)
    for metric in dict.fromkeys(name for name in (main, LOSS) if name is not None):
        for rules in sheet.protocols(metric):
            baseline = best_baseline(levels, (metric, rules))
            means = sheet.means(metric, rules)
            if baseline is None or not means or find_metric(metric).better != "lower":
                continue
            best = min(means, key=lambda arm: means[arm])
            if means[best] >= baseline[1]:
                return (
                    f"by {metric} the best arm, {best} ({means[best]:.4g}), does not beat {baseline[0]} "
                    f"({baseline[1]:.4g})"
                )
    return ""


def levels_command(sheet: Sheet) -> str:
    """What computes the levels of a sheet's data, and draws its real images."""
    given = "".join(f" --set {shlex.quote(f'{path}={value}')}" for path, value in sheet.changes.items())
    return (
        f"python -m studies levels {sheet.study.word} --scale {sheet.scale} --setting {sheet.setting}{given}"
    )


def real_strip(sheet: Sheet) -> Path | None:
    """A picture of real images of a sheet's data."""
    config: Any = sheet.config
    if not has_levels(config):
        return None
    file = sheet.source.levels.get(levels_key(config))
    picture = file.path.with_suffix(".png") if file is not None else None
    return picture if picture is not None and picture.is_file() else None


def sample_rows(sheet: Sheet, results: Path) -> dict[str, Path | None]:
    """Name -> a picture of real images, then of the first samples of each arm that saved some."""
    first = first_grids(sheet, results)
    return {REAL: real_strip(sheet), **{arm: file for arm, (_, file) in first.items()}}


@lru_cache(maxsize=1024)
def why_no_verdict(sheet: Sheet) -> str:
    """Why nothing may be concluded from a sheet, whatever its intervals say; empty where something may."""
    config = sheet.config
    return (unbeaten(sheet) or learned(sheet).why) if isinstance(config, RunConfig) else ""
