"""An order of tokens: a permutation of a grid, checked once, when it is made."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from zigma.common.numbers import is_whole
from zigma.common.words import counted, shown, unknown

IntArray = npt.NDArray[np.int64]
Grid = tuple[int, ...]
# how the scans of one layer share its parameters: each has its own, all have the same, or each has its own group of
# channels
Mixing = Literal["parallel", "shared", "channels"]
MIXINGS: tuple[Mixing, ...] = get_args(Mixing)


@dataclass(frozen=True, eq=False)
class ScanOrder:
    """The order in which one scan visits the tokens of a grid (Omega_i of Eq. 1).

    `order[i]` is the row-major index of the token visited at step i, so `sequence = tokens[:, order]`; L is
    the number of tokens. With `segments` > 1 the order is a concatenation of that many runs of equal length
    which are scanned independently, the state starting afresh in each: a factorised video layer over space
    has T segments, one over time has H * W.

    Raises ValueError where `order` is not a permutation of the grid, naming missing and repeated cells, and where
    segments cannot be of equal length.
    """

    order: IntArray
    grid: Grid
    name: str = ""
    variant: int = 0
    segments: int = 1
    kept: bool = False  # with the weights that use it: it cannot be made again from its name alone

    def __post_init__(self) -> None:
        grid = as_grid(self.grid)
        refuse_masked(self.order, "an order")
        order = np.array(self.order)  # a copy: what the caller does to his array later changes nothing here
        check_permutation(order, grid)
        if order.size % at_least_1("segments", self.segments):
            raise ValueError(f"{order.size} tokens do not fall into {self.segments} segments of equal length")
        order = order.astype(np.int64, copy=False)
        order.flags.writeable = False
        object.__setattr__(self, "order", order)
        object.__setattr__(self, "grid", grid)

    def __len__(self) -> int:
        return self.order.size

    @property
    def scans(self) -> tuple[ScanOrder, ...]:
        """All scans of a layer that scans once: this one. `ParallelScan` has the same property."""
        return (self,)

    @cached_property
    def inverse(self) -> IntArray:
        """The rank of each token, int64 (L,): `sequence[:, inverse]` are the tokens again (Eq. 3)."""
        inverse = invert(self.order)
        inverse.flags.writeable = False
        return inverse

    def reversed(self) -> ScanOrder:
        """The same path walked from its end."""
        return ScanOrder(
            self.order[::-1], self.grid, f"{self.name} reversed", self.variant, self.segments, self.kept
        )


@dataclass(frozen=True, eq=False)
class ParallelScan:
    """Several scans of the same tokens inside one layer.

    `mixing` says what each scan works on: "parallel" all channels with parameters of its own (section 3.2), "shared"
    all channels with the parameters that all scans share, "channels" its own group of the channels.
    """

    scans: tuple[ScanOrder, ...]
    mixing: Mixing = "parallel"

    def __post_init__(self) -> None:
        if not self.scans or any(scan.grid != self.scans[0].grid for scan in self.scans):
            raise ValueError("a parallel scan needs one or more orders of one grid")
        if self.mixing not in MIXINGS:
            raise unknown("mixing", str(self.mixing), MIXINGS)

    @property
    def grid(self) -> Grid:
        return self.scans[0].grid


Layer = ScanOrder | ParallelScan


def cannot_carry(layer: Layer) -> str | None:
    """Why a layer cannot hand its state on to the next one, in one line; None where it can."""
    scan = _with_segments(layer)
    return (
        None
        if scan is None
        else (
            f"a state is handed on by scans of all tokens: {scan.name!r} has {scan.segments} segments, each with "
            "its own; take a plan such as video-zigzag3d-8"
        )
    )


def cannot_sort(layer: Layer) -> str | None:
    """Why a layer cannot read the sorted tokens of a sample, in one line; None where it can."""
    scan = _with_segments(layer)
    return (
        None
        if scan is None
        else (
            f"tokens are sorted over the whole sample, and {scan.name!r} reads {scan.segments} segments apart; "
            "take a plan such as video-zigzag3d-8"
        )
    )


def _with_segments(layer: Layer) -> ScanOrder | None:
    """The first scan of a layer that does not read all tokens in one go."""
    return next((scan for scan in layer.scans if scan.segments > 1), None)


def shares(units: int, scans: int, mixing: Mixing | None, what: str = "channels") -> list[int]:
    """On how many of `units` (channels, heads) each set of parameters of a layer works: all, or its share of them.

    Raises ValueError where a scan would have none.
    """
    if mixing == "shared":
        return [units]
    if mixing != "channels":
        return [units] * scans
    share, larger = divmod(units, scans)
    if not share:
        raise ValueError(f"{scans} groups of channels need as many {what}, not {units}")
    return [share + (i < larger) for i in range(scans)]


def at_least_1(name: str, value: Any) -> int:
    """A whole number of at least 1; ValueError, with what it is for, where it is none."""
    if not is_whole(value) or value < 1:
        raise ValueError(f"{name} is a whole number of at least 1, not {value!r}")
    return int(value)


def refuse_masked(values: Any, what: str) -> None:
    """ValueError for a masked array with something masked: NumPy would take what lies below the mask in silence."""
    if np.ma.is_masked(values):
        masked = counted(np.ma.count_masked(values), "masked entry", "masked entries")
        raise ValueError(f"{what} needs a value everywhere, and has {masked}")


def as_grid(grid: Iterable[Any]) -> Grid:
    """(H, W) or (T, H, W) as a tuple of int; ValueError for anything else."""
    sides = tuple(grid) if isinstance(grid, Iterable) else (grid,)
    if len(sides) not in (2, 3) or not all(map(is_whole, sides)) or any(side < 1 for side in sides):
        raise ValueError(f"a grid is (H, W) or (T, H, W) with whole sides of at least 1, not {sides}")
    return tuple(int(side) for side in sides)


def grid_text(grid: Grid) -> str:
    return "x".join(map(str, grid))


def parse_grid(text: str) -> Grid:
    """What a person types after --grid, `16x16` or `4x16x16`: the inverse of `grid_text`. ValueError for others."""
    if not re.fullmatch(r"[1-9][0-9]{0,8}(x[1-9][0-9]{0,8}){1,2}", text):
        raise ValueError(f"--grid takes HxW or TxHxW, such as 16x16 or 4x16x16, not {shown(text)!r}")
    return as_grid(map(int, text.split("x")))


def invert(order: IntArray) -> IntArray:
    """The inverse permutation, int64 (L,)."""
    inverse = np.empty(order.size, np.int64)
    inverse[order] = np.arange(order.size)
    return inverse


def coordinates(order: IntArray, grid: Grid) -> IntArray:
    """Cells in the order of the walk, int64 (dimensions, L): row and column, after the frame in 3D."""
    return np.stack(np.unravel_index(order, grid)).astype(np.int64, copy=False)


def check_permutation(order: npt.NDArray[Any], grid: Grid) -> None:
    """ValueError, with the missing and repeated cells, unless `order` holds each index of the grid once."""
    size, name = int(np.prod(grid)), grid_text(grid)
    if order.ndim != 1 or not np.issubdtype(order.dtype, np.integer):
        raise ValueError(f"an order is one row of whole numbers, not {order.dtype} of shape {order.shape}")
    outside = order[(order < 0) | (order >= size)]
    if outside.size:
        raise ValueError(f"index {outside[0]} is outside the {name} grid, whose indices are 0..{size - 1}")
    visits = np.bincount(order, minlength=size)
    if order.size == size and visits.min() == 1:
        return
    missing, repeated = np.flatnonzero(visits == 0), np.flatnonzero(visits > 1)
    faults = [
        f"{what} {_cells(cells, grid)}"
        for what, cells in (("never visits", missing), ("visits more than once", repeated))
        if cells.size
    ]
    raise ValueError(f"not a permutation of the {name} grid: {' and '.join(faults)}")


def _cells(indices: IntArray, grid: Grid, shown: int = 4) -> str:
    cells = [str(tuple(int(i) for i in np.unravel_index(index, grid))) for index in indices[:shown]]
    more = f" and {indices.size - shown} more" if indices.size > shown else ""
    return ", ".join(cells) + more
