"""What is known of a curve before anything is trained: measures, reach and least excess, beside the zoo's curves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from analysis.compare_scans import ROUNDING, exponential_covariance, short_excess
from analysis.metrics import SHORT
from studies.declare.registry import find_study
from zigma.experiment.config import RunConfig
from zigma.optimum import least_excess, plan_sight
from zigma.scans import Plan, ScanOrder, locality, parse_plan, reach_shares

ZOO = "scan_zoo"
# measure -> what it is, and whether less of it should serve a network better
MEASURES: Mapping[str, tuple[str, bool]] = {
    SHORT: ("least excess along the first path, with a memory of half a row and no positions", True),
    "excess": ("least excess of all that the whole plan lets through its layers", True),
    "gap_mean": ("steps between neighbouring cells, on average", True),
    "box_stretch": ("how far a section of the path sprawls, at worst", True),
    "unit_steps": ("share of steps to a neighbouring cell (the paper's continuity)", False),
    "reach": ("share of pairs of tokens of which one can influence the other, after half the layers", False),
}


@dataclass(frozen=True)
class Form:
    """A plan and its measures."""

    name: str
    paths: tuple[ScanOrder, ...]  # the first of each curve that its layers scan
    measures: Mapping[str, float]


def length_of(config: RunConfig) -> float:
    """The length of the fields that stand for a run's data, in tokens: its own fields', or half a row."""
    return config.data.field.lengths[0] if config.data.field is not None else config.model.token_grid[-1] / 2


@lru_cache(maxsize=256)
def form(plan: Plan, grid: tuple[int, ...], depth: int, length: float) -> Form:
    """Measure a plan on a grid of tokens; excesses are those on fields of exponential covariance of that length."""
    layers = plan.layers(grid, depth)
    first = layers[0].scans[0]
    covariance = exponential_covariance(grid, length)
    of_path = locality(first, grid)
    half = max(1, depth // 2)
    measures = {
        "excess": least_excess(covariance, seen=plan_sight(plan, grid, depth)),
        "reach": float(reach_shares(layers, half)[-1]),
        **{name: float(of_path[name]) for name in ("gap_mean", "box_stretch", "unit_steps")},
        **short_excess(first, covariance),
    }
    paths: dict[str, ScanOrder] = {}
    for layer in layers:
        for scan in layer.scans:
            paths.setdefault(scan.name, scan)
    return Form(
        plan.name,
        tuple(paths.values()),
        {name: round(float(value), 9) + 0.0 for name, value in measures.items()},
    )


def zoo(grid: tuple[int, ...], depth: int, length: float) -> dict[str, Form]:
    """The curves of the study `scan_zoo`, each in eight variants over the layers."""
    plans = [parse_plan(str(arm.changes["model.scan"])) for arm in find_study(ZOO).arms]
    return {plan.name: form(plan, grid, depth, length) for plan in plans}


def level_with(name: str, values: Mapping[str, float]) -> list[str]:
    """Which others have the value of `name`, as a plan has that begins with the same curve."""
    return [other for other in values if other != name and abs(values[other] - values[name]) <= ROUNDING]


def rank(name: str, values: Mapping[str, float], less_is_better: bool = True) -> tuple[int, int] | None:
    """Place of `name` among the values, 1 the best, equals sharing the best place, and of how many; None without it."""
    if name not in values or np.isnan(values[name]):
        return None
    sign = 1.0 if less_is_better else -1.0
    own = sign * values[name]
    return 1 + sum(sign * value < own - ROUNDING for value in values.values()), len(values)
