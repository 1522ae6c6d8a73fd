"""The columns of a sheet and its cells: the paper's beside ours, one column for each protocol of a metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from analysis.metrics import CONFIGURED, QUALITY, find_metric, paper_better, paper_metric
from analysis.records import TIMED, Sheet, protocol_of
from analysis.stats import mean_over_seeds
from analysis.tables.values import OURS, PAPER, Cell, Column, Exact, NoNumber, Ranged

NOTHING_YET = ("held_out_loss",)  # what an empty sheet shows a column of


def paper_columns(sheet: Sheet, names: Iterable[str]) -> list[Column]:
    """The paper's columns that a sheet stands in for; samples beside what judges samples, costs beside costs."""
    if sheet.own_data:
        return []
    printed = list(dict.fromkeys(column for arm in sheet.study.arms for column in arm.paper))
    stands_for = sheet.study.stands_for.get(sheet.setting)
    if stands_for:
        group = paper_metric(stands_for)[0]
        printed = [column for column in printed if paper_metric(column)[0] == group]
    answered = {find_metric(name).column for name in names} - {""}
    if stands_for:
        answered.add(paper_metric(stands_for)[1])
    if answered:
        judged = bool(answered & set(QUALITY))
        printed = [column for column in printed if (paper_metric(column)[1] in QUALITY) == judged]
    return [Column(PAPER, column, paper_better(column)) for column in printed]


def printed_cells(sheet: Sheet, column: Column) -> list[Cell]:
    """What the paper printed of each arm."""
    printed = {arm.name: arm.paper for arm in sheet.study.arms}
    return [printed.get(arm, {}).get(column.name) for arm in sheet.arms]


def configured(sheet: Sheet, columns: Iterable[Column]) -> list[tuple[Column, list[Cell]]]:
    """Where the paper quotes the configuration, our own beside it."""
    quoted = [name for name in CONFIGURED if any(column.name == name for column in columns)]
    return [
        (
            Column(OURS, name.lower(), "neither"),
            [_configured(sheet, arm, CONFIGURED[name]) for arm in sheet.arms],
        )
        for name in quoted
    ]


def _configured(sheet: Sheet, arm: str, path: str) -> Cell:
    values = set()
    for record in sheet.arms.get(arm, []):
        value: Any = record["config"]
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        values.add(value if isinstance(value, int | float) else None)
    value = values.pop() if len(values) == 1 else None
    return None if value is None else Exact(value)


def metric_columns(sheet: Sheet, name: str, head: str | None = None) -> list[Column]:
    """One column for each protocol of a metric, so that values made by different rules never meet in a cell."""
    metric = find_metric(name)
    column = Column(OURS, head or metric.head(name), metric.better, name)
    rules = sheet.protocols(name)
    if len(rules) < 2:
        return [replace(column, protocol=rules[0] if rules else None)]
    return [replace(column, protocol=rule, number=i) for i, rule in enumerate(rules, start=1)]


def cell(sheet: Sheet, arm: str, column: Column) -> Cell:
    """The mean of an arm's seeds, or why there is none."""
    name, metric = column.metric, find_metric(column.metric)
    values = [value / metric.unit for value in sheet.by_seed(arm, name, column.protocol).values()]
    if not values:
        if sheet.failed(arm) and not sheet.done(arm):
            return NoNumber.FAILED
        return NoNumber.STALE if sheet.is_stale(arm) else None
    if metric.exact and len(set(values)) == 1:
        return Exact(values[0])
    if len(values) == 1:
        measured = ((r, m) for r in sheet.done(arm) for m in r["metrics"] if m["name"] == name)
        timing = next(m for r, m in measured if column.protocol in (None, protocol_of(r, m)))
        if {"lower_ms", "upper_ms"} <= timing.keys() and name.endswith("_ms"):
            return Ranged(values[0], timing["lower_ms"] / metric.unit, timing["upper_ms"] / metric.unit)
        if name in TIMED:
            return Exact(values[0])
    return mean_over_seeds(values)


def cells(sheet: Sheet, column: Column, arms: Sequence[str] | None = None) -> list[Cell]:
    """A column of ours."""
    return [cell(sheet, arm, column) for arm in (sheet.arms if arms is None else arms)]
