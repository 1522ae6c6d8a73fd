"""A table as values: parts (one per scale and setting), rows, cells, notes. How it is written is in `render`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from analysis.metrics import Better
from analysis.records import Protocol
from analysis.stats import SeedMean

PAPER, OURS = "paper", "ours"
ARROWS: dict[Better, str] = {"lower": "↓", "higher": "↑", "neither": ""}


@dataclass(frozen=True)
class Column:
    """A column: who reports it (`paper` or `ours`), what it is, and which way is better."""

    group: str
    name: str
    better: Better = "lower"
    metric: str = ""  # of our records; empty for the paper's
    setting: str = ""  # whose records stand in it, where a part shows several settings side by side
    protocol: Protocol | None = None  # by which all its values were made; None: of none, or of any
    number: int | None = None  # among the columns of its metric, where they follow several protocols

    @property
    def label(self) -> str:
        """Its name, with its number where there are several."""
        return self.name if self.number is None else f"{self.name} [{self.number}]"

    @property
    def head(self) -> str:
        """What stands over it."""
        return f"{self.label} {ARROWS[self.better]}".rstrip()


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


@dataclass(frozen=True)
class Progress:
    """How far an arm has come from the best baseline, at 0, to the floor, at 1."""

    share: float


class NoNumber(StrEnum):
    """Why a cell whose arm was run has no number."""

    FAILED = "failed"
    STALE = "stale"


# a float is the paper's, a str a word
Cell = float | SeedMean | Exact | Ranged | Progress | NoNumber | str | None


class Row(NamedTuple):
    """A row: an arm with a cell for each column."""

    label: str
    cells: tuple[Cell, ...]


NoteKind = Literal[
    "stand-in",
    "changed",
    "levels",
    "no verdict",
    "seeds",
    "meaning",
    "agreement",
    "origin",
    "shared",
    "failed",
    "stale",
    "protocol",
    "better",
    "preset",
    "difference",
    "missing",
    "other",
]


@dataclass(frozen=True)
class Note:
    """A line below a part or a table, and what it is about."""

    kind: NoteKind
    text: str
    setting: str = ""  # of which of several settings it speaks

    def __str__(self) -> str:
        return f"{self.setting}: {self.text}" if self.setting else self.text


@dataclass(frozen=True)
class Part:
    """Rows of cells under columns, of one scale and setting: nothing else may stand beside it."""

    scale: str
    setting: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[Note, ...]
    corner: str = "arm"  # over the rows' names
    levels: tuple[Row, ...] = ()  # below the arms: what needs no training, and what cannot be beaten


@dataclass(frozen=True)
class Table:
    """A table or the numbers of a figure of the paper, in one part per scale and setting."""

    name: str  # as in the paper: Table 1
    file: str  # table_1
    caption: str
    parts: tuple[Part, ...]
    notes: tuple[Note, ...] = ()
    records: tuple[str, ...] = ()  # identities of those behind it, failed and stale ones included
    study: str = ""  # whose it is

    @property
    def recorded(self) -> bool:
        return bool(self.records)


def rows_of(labels: Iterable[str], columns: Iterable[Iterable[Cell]]) -> tuple[Row, ...]:
    """Cells column by column as rows."""
    whole = [list(column) for column in columns]
    return tuple(Row(label, tuple(column[i] for column in whole)) for i, label in enumerate(labels))
