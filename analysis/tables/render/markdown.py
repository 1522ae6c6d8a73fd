"""Tables as GitHub Markdown, padded so that they read as plain text too."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.tables.render.text import in_markdown, strings
from analysis.tables.values import Part, Table


def markdown(table: Table) -> str:
    """A whole table with its notes."""
    lines = [f"**{in_markdown(table.name)}.** {in_markdown(table.caption)}", ""]
    for part in table.parts:
        lines += [f"*{in_markdown(part.title)}*", ""]
        lines += [*part_lines(part), ""] if part.rows else []
        lines += [*(f"- {in_markdown(str(note))}" for note in part.notes), ""]
    lines += [f"- {in_markdown(str(note))}" for note in table.notes]
    return "\n".join(lines).rstrip() + "\n"


def part_lines(part: Part, columns: Sequence[int] | None = None) -> list[str]:
    """A part's rows, all of its columns or some."""
    whole = strings(part)
    shown = whole if columns is None else whole.iloc[:, [0, *(i + 1 for i in columns)]]
    head = [" ".join(filter(None, column)) for column in shown.columns.to_list()]
    return pipes(head, shown.to_numpy().tolist())


def pipes(head: Sequence[str], body: Sequence[Sequence[str]], right: bool = True) -> list[str]:
    """A Markdown table; the first column to the left, the others to the right (or left as well)."""
    import pandas as pd

    names = [in_markdown(name) for name in head]
    frame = pd.DataFrame([[in_markdown(cell) for cell in row] for row in body], columns=range(len(names)))
    sides = ["left", *(["right" if right else "left"] * (len(names) - 1))]
    return frame.to_markdown(index=False, headers=names, colalign=sides, disable_numparse=True).splitlines()
