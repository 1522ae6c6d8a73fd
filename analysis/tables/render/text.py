"""A cell as text, and names that strangers chose as text that no format reads as its own."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from analysis.stats import SeedMean
from analysis.tables.values import Cell, Exact, Part, Progress, Ranged
from zigma.common.words import one_line

if TYPE_CHECKING:
    import pandas as pd

MISSING = "—"
WIDE = 1e7  # from here on in powers of ten
ROUNDING = 1e-12  # of a mean: what adding up in another order changes


def text(cell: Cell) -> str:
    """A cell as it is printed: `—` for what is missing, `1.23 ± 0.04` for a mean over seeds."""
    if cell is None:
        return MISSING
    if isinstance(cell, str):
        return one_line(cell)
    if isinstance(cell, Exact):
        return number(cell.value, digits=5)
    if isinstance(cell, Ranged):
        return f"{number(cell.value)} ({number(cell.low)} to {number(cell.high)})"
    if isinstance(cell, Progress):
        return f"{round(cell.share, 2) + 0.0:.2f}"  # never -0.00
    if isinstance(cell, SeedMean):
        return _mean(cell)
    return str(cell)  # as printed: 121.0 stays 121.0


def _mean(cell: SeedMean) -> str:
    if not math.isfinite(cell.half_width):  # one seed, or numbers so large that their spread is none
        return f"{number(cell.mean)} ± {MISSING}"
    if cell.half_width <= ROUNDING * abs(cell.mean):
        return f"{number(cell.mean)} ± 0"
    digits = max(0, 1 - math.floor(math.log10(cell.half_width)))
    if digits > 6 or max(abs(cell.mean), cell.half_width) >= WIDE:  # not a row of noughts
        # the mean has its digits as far as its interval's two
        finest = math.floor(math.log10(cell.half_width)) - 1
        behind = 3 if cell.mean == 0 else min(15, max(3, math.floor(math.log10(abs(cell.mean))) - finest))
        return f"{cell.mean:.{behind}e} ± {cell.half_width:.1e}"
    return f"{cell.mean:.{digits}f} ± {cell.half_width:.{digits}f}"


def number(value: float, digits: int = 4) -> str:
    """So many digits that matter, no exponent where it can be helped, whole numbers whole."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-3 <= abs(value) < WIDE:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        plain = f"{value:.{places}f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return f"{value:.{digits - 1}e}"


def in_markdown(words: str) -> str:
    """Text that Markdown shows as it is. Inside a word `_` is no emphasis, so names stay readable as plain text."""
    escaped = re.sub(r"([\\`*|<]|\](?=\())", r"\\\1", one_line(words))
    return re.sub(r"(?<![^\W_])_|_(?![^\W_])", r"\\_", escaped)


def in_csv(words: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    plain = one_line(words)
    return f"'{plain}" if plain.startswith(("=", "+", "-", "@")) else plain


def strings(part: Part) -> pd.DataFrame:
    """A part as a frame of printed cells: (group, head) over each column, the rows' names in the first."""
    import pandas as pd

    heads = [("", part.corner), *((column.group, column.head) for column in part.columns)]
    rows = [[one_line(row.label), *map(text, row.cells)] for row in (*part.rows, *part.levels)]
    columns = pd.MultiIndex.from_tuples([(one_line(a), one_line(b)) for a, b in heads])
    return pd.DataFrame(rows, columns=columns, dtype="object")
