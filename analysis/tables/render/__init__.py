"""Tables as Markdown, LaTeX, CSV, and text for a screen: from values to text, here and nowhere else."""

from collections.abc import Iterable

from analysis.tables.render.csv import as_csv
from analysis.tables.render.latex import latex, tex
from analysis.tables.render.markdown import markdown, part_lines, pipes
from analysis.tables.render.terminal import terminal
from analysis.tables.render.text import MISSING, number, text
from analysis.tables.values import Table

FORMATS = {"md": markdown, "tex": latex, "csv": as_csv}


def rendered(tables: Iterable[Table]) -> dict[str, str]:
    """File name -> contents, in every format."""
    return {f"{table.file}.{ending}": write(table) for table in tables for ending, write in FORMATS.items()}


__all__ = [
    "FORMATS",
    "MISSING",
    "as_csv",
    "latex",
    "markdown",
    "number",
    "part_lines",
    "pipes",
    "rendered",
    "terminal",
    "tex",
    "text",
]
