"""Orders that are given as numbers: an array in Python, or a file of them. They stand where a curve does."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zigma.common.words import counted
from zigma.scans.order import Grid, IntArray, grid_text, refuse_masked

PREFIX = "array-"  # of the names of arrays: their hash follows, so that equal arrays are equal plans
HASH = 12  # letters of it
_arrays: dict[str, GivenOrders] = {}


@dataclass(frozen=True)
class GivenOrders:
    """k orders of L tokens, for any grid of that many tokens; `variant` is the row."""

    name: str
    data: bytes  # int64 (k, L)
    variants: int  # k
    segments: int = 1  # of each order, see `ScanOrder`
    file: Path | None = None

    options = ()
    dimensions = (2, 3)

    @classmethod
    def of(cls, table: npt.ArrayLike, name: str, file: Path | None = None, segments: int = 1) -> GivenOrders:
        """From whole numbers (L,) or (k, L). ValueError unless each row holds 0..L-1 once."""
        refuse_masked(table, f"the table of orders {name!r}")
        try:
            rows = np.atleast_2d(np.asarray(table))
        except ValueError as error:
            raise ValueError(f"orders {name!r} have rows of different lengths") from error
        if rows.ndim != 2 or rows.size == 0 or not np.issubdtype(rows.dtype, np.integer):
            shape = np.asarray(table).shape
            raise ValueError(
                f"orders {name!r} are whole numbers of shape (L,) or (k, L), not {rows.dtype} of shape {shape}"
            )
        expected = np.arange(rows.shape[1])
        for row, order in enumerate(rows):
            if not np.array_equal(np.sort(order), expected):
                whole = np.array_equal(np.sort(rows, axis=None), np.arange(rows.size))
                hint = f"; one order of {rows.size} tokens has the shape ({rows.size},)" if whole else ""
                raise ValueError(
                    f"row {row} of orders {name!r} is not a permutation: it must hold each of 0..{expected[-1]} once"
                    f"{hint}"
                )
        return cls(name, rows.astype(np.int64).tobytes(), len(rows), segments, file)

    @cached_property
    def table(self) -> IntArray:
        return np.frombuffer(self.data, np.int64).reshape(self.variants, -1)

    def check(self, variant: int, options: Any) -> None:
        if not 0 <= variant < self.variants:
            raise ValueError(f"orders {self.name!r} have rows 0..{self.variants - 1}, not {variant!r}")
        for option in options:
            raise ValueError(f"orders {self.name!r} are given as they are: they have no option {option!r}")

    def kept(self, options: Any) -> bool:
        return True

    def order(self, grid: Grid, variant: int = 0, options: Any = None) -> IntArray:
        """One row, int64 (L,), for a grid of L tokens."""
        self.check(variant, options or ())
        if self.table.shape[1] != np.prod(grid):
            raise ValueError(
                f"orders {self.name!r} are of {counted(self.table.shape[1], 'token')}, the {grid_text(grid)} grid has "
                f"{np.prod(grid)}"
            )
        return self.table[variant].copy()


def remember(table: npt.ArrayLike, segments: int = 1) -> GivenOrders:
    """An array's orders under a name of their own, by which plans of this process can call them."""
    given = GivenOrders.of(table, "array", segments=segments)
    name = PREFIX + hashlib.sha256(f"{given.variants} {segments} ".encode() + given.data).hexdigest()[:HASH]
    return _arrays.setdefault(name, GivenOrders(name, given.data, given.variants, segments))


def recall(name: str) -> GivenOrders | None:
    """The array of that name, or None. ValueError for the name of an array of another process."""
    if name not in _arrays and re.fullmatch(f"{PREFIX}[0-9a-f]{{{HASH}}}", name):
        raise ValueError(
            f"the orders {name!r} were given as an array to another process; save them with np.save and name the file"
        )
    return _arrays.get(name)
