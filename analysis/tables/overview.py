"""All tables at a glance."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from analysis.records import Records
from analysis.stats import SeedMean
from analysis.tables.render.terminal import words_grid
from analysis.tables.values import OURS, NoNumber, Part, Table
from studies.declare.registry import studies
from studies.declare.shipped import same_results
from zigma.common.words import counted

LISTED = 4  # settings that are named


def overview(tables: Iterable[Table], width: int, results: Path) -> list[str]:
    """A line for each study: what it shows, and what of it is recorded."""
    rows = [(table.study, table.name, _recorded(table)) for table in tables]
    lines = words_grid(("study", "shows", "recorded: arms with a number, seeds"), rows, width)
    return [*lines, "", f"a table in full: python -m analysis make-tables STUDY{same_results(results)}"]


def _recorded(table: Table) -> str:
    if not table.recorded:
        return "nothing yet"
    each = list(dict.fromkeys(text for part in table.parts if (text := _of_part(part))))
    more = f" and {len(each) - LISTED} more" if len(each) > LISTED else ""
    if not each:
        dead = any(
            isinstance(cell, NoNumber) for part in table.parts for row in part.rows for cell in row.cells
        )
        return "only what is stale or failed" if dead else "the table has a form of its own"
    return "; ".join(each[:LISTED]) + more


def _of_part(part: Part) -> str:
    """`tiny digits-8: 4 of 4, n 5`."""
    ours = [i for i, column in enumerate(part.columns) if column.group == OURS]
    cells = [[row.cells[i] for i in ours] for row in part.rows]
    filled = sum(any(cell is not None and not isinstance(cell, str) for cell in row) for row in cells)
    seeds = sorted({cell.n for row in cells for cell in row if isinstance(cell, SeedMean)})
    if not filled:
        return ""
    counts = f", n {seeds[0]}" + (f" to {seeds[-1]}" if len(seeds) > 1 else "") if seeds else ""
    settings = {column.setting for column in part.columns} - {""}
    where = f"in {counted(len(settings), 'setting')}" if settings else part.setting
    return f"{part.scale} {where}: {filled} of {len(part.rows)}{counts}"


def latest_study(records: Records, results: Path) -> str | None:
    """The study of the user's own latest record; None where she has none."""
    own = [i for i, record in enumerate(records) if record.path.is_relative_to(results / "records")]
    names = records.frame.loc[own].sort_values("finished", kind="stable")["study"]
    declared = [name for name in names if name in studies()]
    return declared[-1] if declared else None
