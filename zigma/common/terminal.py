"""Tables in the terminal: drawn by rich for a person, plain columns for `grep` and files."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from zigma.common.words import printable

BETWEEN = 2  # columns of a screen between two columns of a table


def print_table(
    rows: Sequence[Sequence[str]], left: int = 1, together: Sequence[Sequence[int]] | None = None
) -> None:
    """Print rows, the first of which is the heading; the first `left` columns flush left, the others flush right.

    What does not fit a person's screen side by side stands below each other, the columns on the left again beside
    each part. `together` says which of the other columns are never parted; by default each may stand alone.
    """
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if sys.stdout.isatty():
        _draw(rows, widths, left, together or [[number] for number in range(left, len(widths))])
        return
    for row in rows:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _draw(
    rows: Sequence[Sequence[str]], widths: Sequence[int], left: int, together: Sequence[Sequence[int]]
) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(soft_wrap=False)
    names = console.width // 2  # a long name is wrapped there, so that no number is ever cut
    for number, columns in enumerate(_fitting(widths, left, together, names, console.width)):
        if number:
            console.print()
        table = Table(box=box.SIMPLE_HEAD, padding=(0, BETWEEN - 1, 0, 0), pad_edge=False, show_edge=False)
        for i in range(left):
            table.add_column(Text(rows[0][i]), overflow="fold", max_width=names)
        for i in columns:
            table.add_column(Text(rows[0][i]), justify="right", overflow="fold")
        for row in rows[1:]:
            table.add_row(*(Text(row[i]) for i in (*range(left), *columns)))
        console.print(table)


def _fitting(
    widths: Sequence[int], left: int, together: Sequence[Sequence[int]], names: int, width: int
) -> list[list[int]]:
    """The columns of each part of a table: as many as fit beside those on the left, and one group at least."""
    taken = sum(min(one, names) + BETWEEN for one in widths[:left])
    parts: list[list[int]] = []
    for columns in together:
        if parts and taken + sum(widths[i] + BETWEEN for i in (*parts[-1], *columns)) - BETWEEN <= width:
            parts[-1] += columns
        else:
            parts.append(list(columns))
    return parts or [[]]
