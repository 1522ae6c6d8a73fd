"""The eight variants of a curve: the symmetries of a rectangle.

A variant transposes the curve or not, then flips its rows or not, then its columns or not. Where the grid is
not square, a transposing variant is the transposed picture of the curve of the transposed grid, so that every
grid has all eight. In 3D a variant acts on each frame, and time runs backwards where the rows are flipped.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from zigma.scans.order import Grid, IntArray


class Symmetry(NamedTuple):
    transposed: bool
    rows_flipped: bool
    columns_flipped: bool

    def source_grid(self, grid: Grid) -> Grid:
        """The grid on which the untransformed curve is drawn."""
        return (*grid[:-2], grid[-1], grid[-2]) if self.transposed else grid

    def apply(self, order: IntArray, grid: Grid) -> IntArray:
        """The image on `grid` of an order of `source_grid(grid)`, int64 (L,)."""
        if self == IDENTITY:
            return order
        cells = np.arange(order.size).reshape(grid)  # pulled back: cells[source cell] = index of its image
        if self.rows_flipped:
            cells = np.flip(cells, axis=tuple(range(cells.ndim - 1)))  # the rows, and in 3D time with them
        if self.columns_flipped:
            cells = cells[..., ::-1]
        if self.transposed:
            cells = cells.swapaxes(-1, -2)
        return cells.ravel()[order]


IDENTITY = Symmetry(False, False, False)

# Figure 3(c) as released: from top left, top right, bottom left, bottom right, each by rows and by columns.
CORNERS = tuple(
    Symmetry(transposed, rows, columns)
    for rows in (False, True)
    for columns in (False, True)
    for transposed in (False, True)
)

# The Hilbert curve as released: turned by 0, 90, 180 and 270 degrees, each turn followed by its transpose.
ROTATIONS = (
    IDENTITY,
    Symmetry(True, False, False),
    Symmetry(True, True, False),
    Symmetry(False, False, True),
    Symmetry(False, True, True),
    Symmetry(True, True, True),
    Symmetry(True, False, True),
    Symmetry(False, True, False),
)


def check_axes(axes: object, dimensions: tuple[int, ...]) -> None:
    """ValueError unless `axes` holds the letters of a grid of one of these dimensions."""
    letters = ["thw"[-dimension:] for dimension in dimensions]
    if not isinstance(axes, str) or sorted(axes) not in [sorted(each) for each in letters]:
        raise ValueError(f"axes are the letters {' or '.join(letters)}, the slowest axis first, not {axes!r}")


def permuted(grid: Grid, axes: str) -> Grid:
    """The grid with its axes in the order of their letters, slowest first: (T, H, W) by "hwt" is (H, W, T)."""
    check_axes(axes, (len(grid),))
    return tuple(grid["thw"[-len(grid) :].index(letter)] for letter in axes)


def along_axes(order: IntArray, grid: Grid, axes: str) -> IntArray:
    """The order on `grid` of an order of `permuted(grid, axes)`, int64 (L,)."""
    cells = np.arange(order.size).reshape(grid)
    return cells.transpose(["thw"[-len(grid) :].index(letter) for letter in axes]).ravel()[order]
