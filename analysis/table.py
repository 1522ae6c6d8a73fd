"""A table as data, and as Markdown, LaTeX (booktabs) and CSV."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from itertools import groupby

from analysis.stats import Estimate

MISSING = "—"


@dataclass(frozen=True)
class Column:
    """A column: who reports it (the paper, or we at a scale), what it is, and which way is better."""

    group: str
    name: str
    lower_is_better: bool = True

    @property
    def arrow(self) -> str:
        return "↓" if self.lower_is_better else "↑"


Cell = float | Estimate | str | None


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns, with a caption and the notes that make the numbers readable."""

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    notes: tuple[str, ...]


def text(cell: Cell) -> str:
    """A cell as it is printed: `—` for what is missing, `1.23 ± 0.04` for an estimate over seeds."""
    if cell is None:
        return MISSING
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Estimate):
        if math.isnan(cell.half_width):
            return f"{cell.mean:.4g} ± {MISSING}"
        digits = max(0, 1 - math.floor(math.log10(cell.half_width))) if cell.half_width > 0 else 4
        return f"{cell.mean:.{digits}f} ± {cell.half_width:.{digits}f}"
    return str(cell)  # as printed: 121.0 stays 121.0


def markdown(table: Table) -> str:
    """GitHub Markdown, aligned so that it reads in a terminal too."""
    head = ["arm", *(f"{column.group} {column.name} {column.arrow}" for column in table.columns)]
    body = [[label, *map(text, cells)] for label, cells in table.rows]
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]

    def line(row: list[str]) -> str:
        first, *rest = row
        cells = [
            first.ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)),
        ]
        return f"| {' | '.join(cells)} |"

    rule = f"|{'-' * (widths[0] + 2)}|{'|'.join('-' * (width + 1) + ':' for width in widths[1:])}|"
    lines = [f"**{table.name}.** {table.caption}", "", line(head), rule, *map(line, body), ""]
    return "\n".join([*lines, *(f"- {note}" for note in table.notes), ""])


_TEX = {
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "—": "---",
    "±": r"$\pm$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
}


def latex(table: Table) -> str:
    """A `table` environment for a document that loads booktabs."""

    def tex(words: str) -> str:
        return "".join(_TEX.get(letter, letter) for letter in words)

    groups = [(group, len(list(columns))) for group, columns in groupby(table.columns, key=lambda c: c.group)]
    spans = " & ".join(rf"\multicolumn{{{n}}}{{c}}{{{tex(group)}}}" for group, n in groups)
    names = " & ".join(tex(f"{column.name} {column.arrow}") for column in table.columns)
    start, rules = 2, []
    for _, n in groups:
        rules.append(rf"\cmidrule(lr){{{start}-{start + n - 1}}}")
        start += n
    rows = [
        " & ".join([tex(label), *(tex(text(cell)) for cell in cells)]) + r" \\" for label, cells in table.rows
    ]
    notes = " ".join(tex(note) + "." for note in table.notes)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{tex(table.caption)}. {notes}}}",
            rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
            r"\toprule",
            rf" & {spans} \\",
            *rules,
            rf"arm & {names} \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def as_csv(table: Table) -> str:
    """One row per arm and column, numbers unrounded: who, what, mean, half-width of the interval, seeds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["arm", "source", "column", "value", "half_width_95", "seeds"])
    for label, cells in table.rows:
        for column, cell in zip(table.columns, cells, strict=True):
            if isinstance(cell, Estimate):
                half = "" if math.isnan(cell.half_width) else repr(cell.half_width)
                writer.writerow([label, column.group, column.name, repr(cell.mean), half, cell.n])
            else:
                writer.writerow([label, column.group, column.name, "" if cell is None else cell, "", ""])
    return out.getvalue()
