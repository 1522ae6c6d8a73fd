"""Floors, baselines and the progress between them, as rows, columns and notes of a sheet's part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from analysis.metrics import find_metric, main_metric
from analysis.records import Sheet
from analysis.records.levels import Level, best_baseline, floor_of, progress
from analysis.records.standing import levels_command, levels_of, why_no_verdict
from analysis.tables.render.text import number
from analysis.tables.values import OURS, Cell, Column, Exact, Note, Progress, Row
from zigma.experiment.config import RunConfig


def level_rows(sheet: Sheet, columns: Sequence[Column]) -> tuple[Row, ...]:
    """A row for each level, below the arms."""
    rows = [Row(level.name, tuple(_cell(level, column) for column in columns)) for level in levels_of(sheet)]
    return tuple(row for row in rows if any(cell is not None for cell in row.cells))


def _cell(level: Level, column: Column) -> Cell:
    if column.protocol is None or (column.metric, column.protocol) not in level.values:
        return None
    return Exact(level.values[column.metric, column.protocol] / find_metric(column.metric).unit)


def progress_column(sheet: Sheet, column: Column) -> list[tuple[Column, list[Cell]]]:
    """Beside a column of the metric that judges, how far every arm has come; nothing without floor and baseline."""
    main = main_metric(sheet.metric_names)
    if column.metric != main or column.protocol is None:
        return []
    levels, means, cells = levels_of(sheet), sheet.means(main, column.protocol), list[Cell]()
    for arm in sheet.arms:
        share = progress(means[arm], levels, (main, column.protocol)) if arm in means else None
        cells.append(None if share is None else Progress(share))
    if all(cell is None for cell in cells):
        return []
    return [(Column(OURS, f"progress by {column.label}", "higher"), cells)]


def level_notes(sheet: Sheet, columns: Iterable[Column]) -> list[Note]:
    """What progress is measured between, and whether the sheet allows a verdict at all."""
    config = sheet.config
    if not isinstance(config, RunConfig) or not sheet.metric_names:
        return []
    notes, levels = [], levels_of(sheet)
    if not levels:
        notes.append(Note("levels", f"no floors and baselines beside it yet: {levels_command(sheet)}"))
    main = main_metric(sheet.metric_names)
    for column in columns:
        if column.metric == main and column.protocol is not None:
            place = (main, column.protocol)
            baseline, floor = best_baseline(levels, place), floor_of(levels, place)
            if baseline is not None and floor is not None and baseline[1] > floor:
                between = (
                    f"0 at {baseline[0]} ({number(baseline[1])}), 1 at {_floor(levels)} ({number(floor)})"
                )
                notes.append(Note("levels", f"progress by {column.label}: {between}"))
    why = why_no_verdict(sheet)
    return [*notes, Note("no verdict", f"no verdict: {why}")] if why else notes


def _floor(levels: Iterable[Level]) -> str:
    return next(level.name for level in levels if level.kind == "floor")
