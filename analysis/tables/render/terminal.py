"""Tables for a screen."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from analysis.tables.render.text import text
from analysis.tables.values import Note, Part, Table
from zigma.common.words import one_line


def terminal(table: Table, width: int) -> str:
    """A whole table with its notes; what does not fit the width beside each other stands below each other."""
    lines = [*textwrap.wrap(one_line(f"{table.name}. {table.caption}"), width), ""]
    for part in table.parts:
        lines += [*textwrap.wrap(one_line(part.title), width), "", *part_lines(part, width)]
        lines += [*_bullets(part.notes, width), ""]
    lines += _bullets(table.notes, width)
    return "\n".join(lines).rstrip() + "\n"


def part_lines(part: Part, width: int) -> list[str]:
    """A part's rows, in as many grids as its columns need."""
    if not part.rows:
        return []
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    for columns in _fitting(part, console):
        console.print(_grid(part, columns, width))
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in printed.splitlines()]


def words_grid(head: Sequence[str], body: Iterable[Sequence[str]], width: int) -> list[str]:
    """Rows of words under a head, wrapped inside their cells."""
    console = Console(file=io.StringIO(), width=width, color_system=None, force_terminal=False)
    grid = Grid(box=box.SIMPLE, show_edge=False, pad_edge=False)
    for name in head:
        grid.add_column(Text(one_line(name)), overflow="fold")
    for row in body:
        grid.add_row(*(Text(one_line(cell)) for cell in row))
    console.print(grid)
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return [line.rstrip() for line in printed.splitlines()]


def _bullets(notes: Sequence[Note], width: int) -> list[str]:
    return [
        line
        for note in notes
        for line in textwrap.wrap(one_line(str(note)), width, initial_indent="- ", subsequent_indent="  ")
    ]


def _grid(part: Part, columns: Sequence[int], width: int) -> Grid:
    grid = Grid(box=box.SIMPLE, show_edge=False, pad_edge=False)
    # a long name is wrapped, so that no number is ever cut
    grid.add_column(Text(f"\n{one_line(part.corner)}"), overflow="fold", max_width=max(1, width // 2))
    shown = None
    for i in columns:
        column = part.columns[i]
        group = "" if column.group == shown else one_line(column.group)  # over its first column alone
        shown = column.group
        grid.add_column(Text(f"{group}\n{one_line(column.head)}"), justify="right", no_wrap=True)
    for rows in filter(None, (part.rows, part.levels)):
        for row in rows:
            grid.add_row(Text(one_line(row.label)), *(Text(text(row.cells[i])) for i in columns))
        grid.add_section()
    return grid


def _fitting(part: Part, console: Console) -> list[list[int]]:
    """The columns in runs that fit the width."""
    runs: list[list[int]] = [[]]
    for i in range(len(part.columns)):
        grid = _grid(part, [*runs[-1], i], console.width)
        needed = Measurement.get(console, console.options.update(width=10_000), grid)
        if needed.maximum > console.width and runs[-1]:
            runs.append([])
        runs[-1].append(i)
    return runs
