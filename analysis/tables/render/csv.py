"""Tables as CSV for other programs: one row per part, arm and column, every digit kept."""

from __future__ import annotations

import math
from typing import Any

from analysis.stats import SeedMean
from analysis.tables.render.text import in_csv
from analysis.tables.values import Cell, Column, Exact, Part, Progress, Ranged, Row, Table
from zigma.common.words import one_line

COLUMNS = (
    "scale",
    "setting",
    "arm",
    "source",
    "column",
    "metric",
    "value",
    "half_width_95",
    "seeds",
    "protocol",
)


def as_csv(table: Table) -> str:
    """Mean, half-width of the interval, seeds and protocol of every cell."""
    import pandas as pd

    rows = [
        _row(part, row, column, cell)
        for part in table.parts
        for row in (*part.rows, *part.levels)
        for column, cell in zip(part.columns, row.cells, strict=True)
    ]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")
    text: str = frame.to_csv(index=False, lineterminator="\n")
    return text


def _row(part: Part, row: Row, column: Column, cell: Cell) -> list[Any]:
    named = [part.scale, column.setting or part.setting, row.label, column.group, column.name, column.metric]
    rules = "" if column.protocol is None else str(column.protocol)
    return [*map(in_csv, named), *_numbers(cell), in_csv(rules)]


def _numbers(cell: Cell) -> tuple[Any, Any, Any]:
    if isinstance(cell, SeedMean):
        return repr(cell.mean), "" if math.isnan(cell.half_width) else repr(cell.half_width), cell.n
    if isinstance(cell, Exact | Ranged):
        return repr(cell.value), "", ""
    if isinstance(cell, Progress):
        return repr(cell.share), "", ""
    if isinstance(cell, str):
        return in_csv(one_line(cell)), "", ""
    return "" if cell is None else repr(cell), "", ""
