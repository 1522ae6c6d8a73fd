"""Functions of records that give what the figures plot: curves over training, a metric per arm, a cost per size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analysis.records import Records, Sheet, sheets
from analysis.stats import SeedMean, mean_over_seeds
from analysis.stats.pairs import half_width
from studies.declare.study import Study
from studies.run.record import Record

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Band:
    """A curve over training: its mean over seeds and 95 % interval at each step; nan where one seed is alone."""

    step: Array  # (P,)
    mean: Array  # (P,)
    half_width: Array  # (P,)
    seeds: int
    left_out: int = 0  # runs that were logged at other steps


def band(values: npt.ArrayLike) -> tuple[Array, Array]:
    """Mean and half-width of the 95 % interval of each column of (seeds, points)."""
    # a column's values lie together, so that they are summed as those of one mean are
    columns = np.ascontiguousarray(np.asarray(values, float).T)
    return columns.mean(axis=1), half_width(columns)


def curve(record: Record, name: str) -> tuple[list[float], list[float]] | None:
    """Steps and values of a recorded curve, or None."""
    points = record["curves"].get(name)
    return None if points is None else (points["step"], points["value"])


def curve_names(records: Iterable[Record]) -> list[str]:
    """The curves of which these records hold points, each once."""
    curves = (pair for record in records for pair in record["curves"].items())
    return list(dict.fromkeys(name for name, points in curves if points["step"]))


def mean_curve(records: Iterable[Record], name: str) -> Band | None:
    """The curve of that name over seeds: at the steps that most runs share; None where no finished run has it."""
    recorded = [curve(record, name) for record in records if record["status"] == "done"]
    curves = [(tuple(part[0]), part[1]) for part in recorded if part is not None and part[0]]
    if not curves:
        return None
    steps, _ = Counter(steps for steps, _ in curves).most_common(1)[0]
    values = [value for at, value in curves if at == steps]
    mean, half = band(values)
    return Band(np.asarray(steps, float), mean, half, len(values), len(curves) - len(values))


def by_arm(part: Sheet, metric: str) -> dict[str, SeedMean]:
    """Mean and interval over seeds of every arm that has the metric by the rules that most of its values follow.

    What was timed on another machine, or judged by other rules, stands in the table, in a column of its own.
    """
    rules = part.commonest_protocol(metric, part.arms)
    values = {arm: part.by_seed(arm, metric, rules) for arm in part.arms}
    return {arm: mean_over_seeds(list(seeds.values())) for arm, seeds in values.items() if seeds}


def recorded_sheets(study: Study, records: Records) -> list[Sheet]:
    """The study's records, one sheet for each scale and setting that has any."""
    recorded = {scale for _, scale, _ in records.by_place}
    parts = [
        part for scale in study.scales if scale in recorded for part in sheets(study, records, scale).values()
    ]
    return [part for part in parts if part.records]


def token_count(record: Record) -> int:
    """Tokens of a record's network, from its configuration."""
    model = record["config"]["model"]
    *frames, height, width = model["grid"]
    return math.prod(frames) * (height // model["patch"]) * (width // model["patch"])


def ratio(over: Mapping[int, float], under: Mapping[int, float]) -> tuple[int, float] | None:
    """At the largest size that both have: the size, and how many times `over` is `under`."""
    common = [size for size in over.keys() & under.keys() if under[size]]
    return (max(common), over[max(common)] / under[max(common)]) if common else None


def growth_exponent(points: Mapping[int, float]) -> float | None:
    """The exponent p of value = c * size ** p by least squares in the logarithms of the upper half of the sizes.

    Small sizes are left out: there a fixed cost hides the growth. None for fewer than two sizes.
    """
    sizes = sorted(size for size, value in points.items() if value > 0)
    sizes = sizes[min(len(sizes) // 2, max(0, len(sizes) - 2)) :] if len(sizes) > 2 else sizes
    if len(sizes) < 2:
        return None
    x, y = np.log(sizes), np.log([points[size] for size in sizes])
    return float(np.polyfit(x, y, 1)[0])
