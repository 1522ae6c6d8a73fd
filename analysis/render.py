"""Tables as Markdown, LaTeX (booktabs), CSV, and text for a terminal."""

from __future__ import annotations

import csv
import io
import math
import textwrap
from collections.abc import Sequence
from itertools import groupby

from analysis.stats import SeedMean
from analysis.table import Column, Exact, Part, Ranged, Table, text


def markdown(table: Table) -> str:
    """GitHub Markdown, aligned so that it reads as plain text too."""
    lines = [f"**{table.name}.** {table.caption}", ""]
    for part in table.parts:
        lines += [
            f"*{part.title}*",
            "",
            *(_pipes(part) if part.rows else []),
            "",
            *(f"- {note}" for note in part.notes),
            "",
        ]
    lines += [f"- {note}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def _pipes(part: Part) -> list[str]:
    head = [part.corner, *(f"{column.group} {column.head}" for column in part.columns)]
    return pipes(head, [[label, *map(text, cells)] for label, cells in part.rows])


def pipes(head: Sequence[str], body: Sequence[Sequence[str]], right: bool = True) -> list[str]:
    """A Markdown table, padded; the first column to the left, the others to the right (or left as well)."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in [head, *body]]
    widths = [max(3, *(len(row[i]) for row in rows)) for i in range(len(head))]

    def line(row: list[str]) -> str:
        padded = [
            cell.rjust(width) if right and i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    ends = ["-" * (width + 1) + (":" if right and i else "-") for i, width in enumerate(widths)]
    return [line(rows[0]), f"|{'|'.join(ends)}|", *map(line, rows[1:])]


def terminal(table: Table, width: int) -> str:
    """Text for a screen: the heads of groups over their columns, parted where a line would not fit."""
    lines = [*textwrap.wrap(f"{table.name}. {table.caption}", width), ""]
    for part in table.parts:
        lines += [part.title, ""]
        for columns in _fitting(part, width) if part.rows else ():
            lines += [*_grid(part, columns), ""]
        lines += [*_bullets(part.notes, width), ""]
    lines += _bullets(table.notes, width)
    return "\n".join(lines).rstrip() + "\n"


def _bullets(notes: Sequence[str], width: int) -> list[str]:
    return [
        line
        for note in notes
        for line in textwrap.wrap(note, width, initial_indent="- ", subsequent_indent="  ")
    ]


def _column_width(part: Part, index: int) -> int:
    return max([len(part.columns[index].head), 1, *(len(text(cells[index])) for _, cells in part.rows)])


def _label_width(part: Part) -> int:
    return max([len(part.corner), 1, *(len(label) for label, _ in part.rows)])


def _fitting(part: Part, width: int) -> list[list[int]]:
    """The columns in runs that fit the width; a group stays whole where it can."""
    runs: list[list[int]] = [[]]
    whole = room = width - _label_width(part)
    for _, members in groupby(range(len(part.columns)), key=lambda i: part.columns[i].group):
        group = list(members)
        needed = sum(_column_width(part, i) + 2 for i in group)
        if room < needed <= whole and runs[-1]:
            runs.append([])
            room = whole
        for i in group:
            if _column_width(part, i) + 2 > room and runs[-1]:
                runs.append([])
                room = whole
            runs[-1].append(i)
            room -= _column_width(part, i) + 2
    return runs


def _grid(part: Part, columns: Sequence[int]) -> list[str]:
    widths = {i: _column_width(part, i) for i in columns}
    groups = [
        (name, list(members)) for name, members in groupby(columns, key=lambda i: part.columns[i].group)
    ]
    for name, members in groups:  # a group's name needs room too
        spare = len(name) - sum(widths[i] for i in members) - 2 * (len(members) - 1)
        widths[members[-1]] += max(0, spare)
    first = _label_width(part)
    above = " " * first
    rules = "-" * first
    for name, members in groups:
        span = sum(widths[i] for i in members) + 2 * (len(members) - 1)
        above += "  " + name.center(span).rstrip().ljust(span)
        rules += "  " + "-" * span
    head = part.corner.ljust(first) + "".join("  " + part.columns[i].head.rjust(widths[i]) for i in columns)
    rows = [
        label.ljust(first) + "".join("  " + text(cells[i]).rjust(widths[i]) for i in columns)
        for label, cells in part.rows
    ]
    return [line.rstrip() for line in (above, head, rules, *rows)]


_TEX = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
    "—": "---",
    "–": "--",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": r"$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\rightarrow$",
    "↓": r"$\downarrow$",
    "↑": r"$\uparrow$",
    "²": r"$^2$",
    "…": r"\ldots{}",
}
# A file compiles by itself and can be \input in a document: \@nodocument is \relax once a document has begun.
_ALONE = r"""\expandafter\ifx\csname @nodocument\endcsname\relax\else
  \documentclass{article}
  \usepackage[utf8]{inputenc}
  \usepackage[margin=2cm]{geometry}
  \usepackage{booktabs,graphicx}
  \def\zigmatable{}
  \begin{document}
\fi"""
_END = r"""\ifdefined\zigmatable\end{document}\fi"""


def tex(words: str) -> str:
    """Text with what LaTeX would read as its own escaped; letters that it lacks as a question mark."""
    escaped = (_TEX.get(letter, letter if ord(letter) < 0x180 else "?") for letter in words)
    return "".join(escaped)


def latex(table: Table) -> str:
    """A `table` environment per part: compiles as it is, or `\\input` where booktabs and graphicx are loaded."""
    parts = [_environment(table, part) for part in table.parts]
    return "\n".join([f"% {table.name}: written by analysis from records", _ALONE, *parts, _END, ""])


def _environment(table: Table, part: Part) -> str:
    groups = [(group, len(list(columns))) for group, columns in groupby(part.columns, key=lambda c: c.group)]
    spans = " & ".join(rf"\multicolumn{{{n}}}{{c}}{{{tex(group)}}}" for group, n in groups)
    names = " & ".join(tex(column.head) for column in part.columns)
    start, rules = 2, []
    for _, n in groups:
        rules.append(rf"\cmidrule(lr){{{start}-{start + n - 1}}}")
        start += n
    rows = [
        " & ".join([tex(label), *(tex(text(cell)) for cell in cells)]) + r" \\" for label, cells in part.rows
    ]
    caption = f"{table.name} of the paper, rebuilt: {table.caption}. {part.title}."
    notes = [rf"\item {tex(note)}." for note in (*part.notes, *table.notes)]
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering\small\setlength{\tabcolsep}{4pt}\setlength{\belowcaptionskip}{6pt}",
            rf"\caption{{{tex(caption)}}}",
            rf"\setbox0=\hbox{{\begin{{tabular}}{{l{'r' * len(part.columns)}}}",
            r"\toprule",
            rf" & {spans} \\",
            "".join(rules),
            rf"{tex(part.corner)} & {names} \\",
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}}",
            r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\box0}\else\box0\fi",
            *([r"\begin{itemize}\footnotesize\raggedright", *notes, r"\end{itemize}"] if notes else []),
            r"\end{table}",
        ]
    )


def as_csv(table: Table) -> str:
    """One row per part, arm and column, numbers unrounded: mean, half-width of the interval, seeds."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["scale", "setting", "arm", "source", "column", "metric", "value", "half_width_95", "seeds"]
    )
    for part in table.parts:
        for label, cells in part.rows:
            for column, cell in zip(part.columns, cells, strict=True):
                writer.writerow([part.scale, part.setting, label, *_named(column), *_numbers(cell)])
    return out.getvalue()


def _named(column: Column) -> list[str]:
    return [column.group, column.name, column.metric]


def _numbers(cell: object) -> list[object]:
    if isinstance(cell, SeedMean):
        half = "" if math.isnan(cell.half_width) else repr(cell.half_width)
        return [repr(cell.mean), half, cell.n]
    if isinstance(cell, Exact | Ranged):
        return [repr(cell.value), "", ""]
    return ["" if cell is None else cell, "", ""]


ENDINGS = (("md", markdown), ("tex", latex), ("csv", as_csv))
