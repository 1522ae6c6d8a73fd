"""A table as data: parts (one per scale and setting), rows, cells. How it is written is in `analysis.render`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from analysis.metrics import Better
from analysis.stats import SeedMean

MISSING = "—"
PAPER = "paper"
ARROWS: dict[Better, str] = {"lower": "↓", "higher": "↑", "neither": ""}


@dataclass(frozen=True)
class Column:
    """A column: who reports it (`paper` or `ours`), what it is, and which way is better."""

    group: str
    name: str
    better: Better = "lower"
    metric: str = ""  # of our records; empty for the paper's

    @property
    def head(self) -> str:
        return f"{self.name} {ARROWS[self.better]}".rstrip()


@dataclass(frozen=True)
class Exact:
    """A number that was counted: no seed changes it, so it has no interval."""

    value: float


@dataclass(frozen=True)
class Ranged:
    """One timing with the middle half or range of its repeats, as the record has them."""

    value: float
    low: float
    high: float


Cell = float | SeedMean | Exact | Ranged | str | None


@dataclass(frozen=True)
class Part:
    """Rows of cells under columns, of one scale and setting: nothing else may stand beside it."""

    scale: str
    setting: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    notes: tuple[str, ...]
    corner: str = "arm"  # over the rows' names


@dataclass(frozen=True)
class Table:
    """A table or the numbers of a figure of the paper, in one part per scale and setting."""

    name: str  # as in the paper: Table 1
    file: str  # table_1
    caption: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...] = ()
    records: tuple[str, ...] = ()  # identities of those behind it, failed and stale ones included

    @property
    def recorded(self) -> bool:
        return bool(self.records)


def text(cell: Cell) -> str:
    """A cell as it is printed: `—` for what is missing, `1.23 ± 0.04` for an estimate over seeds."""
    if cell is None:
        return MISSING
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Exact):
        return number(cell.value, digits=5)
    if isinstance(cell, Ranged):
        return f"{number(cell.value)} ({number(cell.low)} to {number(cell.high)})"
    if isinstance(cell, SeedMean):
        if math.isnan(cell.half_width):
            return f"{number(cell.mean)} ± {MISSING}"
        if cell.half_width == 0.0:
            return f"{number(cell.mean)} ± 0"
        digits = max(0, 1 - math.floor(math.log10(cell.half_width)))
        if digits > 6:  # a spread far below the value, or a tiny value: not a row of noughts
            return f"{cell.mean:.3e} ± {cell.half_width:.1e}"
        return f"{cell.mean:.{digits}f} ± {cell.half_width:.{digits}f}"
    return str(cell)  # as printed: 121.0 stays 121.0


def number(value: float, digits: int = 4) -> str:
    """So many digits that matter, no exponent where it can be helped, whole numbers whole."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if 1e-3 <= abs(value) < 1e7:
        places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
        plain = f"{value:.{places}f}"
        return plain.rstrip("0").rstrip(".") if "." in plain else plain
    return f"{value:.{digits - 1}e}"
