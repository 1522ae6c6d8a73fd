"""Tables in the terminal: drawn by rich for a person, plain columns for `grep` and files."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from zigma.common.words import printable


def print_table(rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print rows, the first of which is the heading; the first `left` columns flush left, the others flush right."""
    rows = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _draw(rows, left)
        return
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if number < left else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def _draw(rows: Sequence[Sequence[str]], left: int) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, head in enumerate(rows[0]):
        table.add_column(Text(head), justify="left" if number < left else "right", overflow="fold")
    for row in rows[1:]:
        table.add_row(*map(Text, row))
    Console(soft_wrap=False).print(table)
