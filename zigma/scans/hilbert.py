"""The Hilbert curve of any rectangle or box, after J. Cerveny's construction, and Moore's closed one.

A box is given by its sides, each a signed length with the distance in memory between neighbours along it. The
walk of a box is an array of offsets from its first cell, put together from the walks of a few smaller boxes.
Boxes of equal sides have equal walks, so that only the distinct ones, some dozens, are ever built.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

from zigma.scans.order import Grid, IntArray, invert
from zigma.scans.registry import register_scan
from zigma.scans.symmetry import CORNERS, ROTATIONS, Symmetry


class Side(NamedTuple):
    length: int  # in cells, negative when walked backwards
    stride: int  # between neighbours along it, in row-major indices

    @property
    def cells(self) -> int:
        return abs(self.length)

    @property
    def unit(self) -> int:
        """Offset of one step along it."""
        return self.stride if self.length > 0 else -self.stride

    @property
    def beyond(self) -> int:
        """Offset of the first cell past its end."""
        return self.length * self.stride

    @property
    def last(self) -> int:
        """Offset of its last cell."""
        return self.beyond - self.unit

    def __neg__(self) -> Side:
        return Side(-self.length, self.stride)

    def halves(self, even: bool = True) -> tuple[Side, Side]:
        """Two parts, the first of an even length where that can be had: it keeps corners on one colour."""
        half = self.length // 2  # rounds down, also when negative, as the published construction does
        if even and half % 2 and self.cells > 2:
            half += 1 if self.length > 0 else -1
        return Side(half, self.stride), Side(self.length - half, self.stride)

    def line(self) -> IntArray:
        return np.arange(self.cells) * self.unit


def rectangle_walk(along: Side, across: Side) -> IntArray:
    """Offsets of a walk from the first corner to the far end of the side `along`, int64 (cells,)."""

    @cache
    def walk(a: Side, b: Side) -> IntArray:
        if b.cells == 1:
            return a.line()
        if a.cells == 1:
            return b.line()
        if 2 * a.cells > 3 * b.cells:  # long: two rectangles in a row
            a1, a2 = a.halves()
            return np.concatenate([walk(a1, b), a1.beyond + walk(a2, b)])
        a1, a2 = a.halves(even=False)
        b1, b2 = b.halves()
        up, top = walk(b1, a1), walk(a, b2)
        down = walk(-b1, -a2)
        return np.concatenate([up, b1.beyond + top, a.last + b1.last + down])

    return walk(along, across)


def box_walk(along: Side, across: Side, above: Side) -> IntArray:
    """The same in a box of three sides, from the first corner to the far end of `along`."""

    @cache
    def walk(a: Side, b: Side, c: Side) -> IntArray:
        for side, other, another in ((a, b, c), (b, a, c), (c, a, b)):
            if other.cells == another.cells == 1:
                return side.line()
        (a1, a2), (b1, b2), (c1, c2) = a.halves(), b.halves(), c.halves()
        if 2 * a.cells > 3 * b.cells and 2 * a.cells > 3 * c.cells:
            parts = [(0, a1, b, c), (a1.beyond, a2, b, c)]
        elif 3 * b.cells > 4 * c.cells:  # flat: c stays whole
            parts = [(0, b1, c, a1), (b1.beyond, a, b2, c), (a.last + b1.last, -b1, c, -a2)]
        elif 3 * c.cells > 4 * b.cells:  # flat: b stays whole
            parts = [(0, c1, a1, b), (c1.beyond, a, b, c2), (a.last + c1.last, -c1, -a2, b)]
        else:
            parts = [
                (0, b1, c1, a1),
                (b1.beyond, c, a1, b2),
                (b1.last + c.last, a, -b1, -c2),
                (a.last + b1.beyond + c.last, -c, -a2, b2),
                (a.last + b1.last, -b1, c1, -a2),
            ]
        return np.concatenate([offset + walk(*sides) for offset, *sides in parts])

    return walk(along, across, above)


def sides_of(grid: Grid) -> list[Side]:
    """The sides of a grid in row-major memory, first axis first."""
    strides = np.cumprod((1, *grid[:0:-1]))[::-1]
    return [Side(length, int(stride)) for length, stride in zip(grid, strides, strict=True)]


def _continuous(grid: Grid) -> bool:
    """In 2D always; a box with an odd side may need jumps, as the published construction warns."""
    return len(grid) == 2 or not any(side % 2 for side in grid)


@register_scan("hilbert", dimensions=(2, 3), continuous=_continuous, diagonal_steps=1)
def hilbert(grid: Grid, variant: int = 0) -> IntArray:
    """The generalised Hilbert curve; variants in the released order.

    Variant 0 starts in the first corner and ends at the far end of the longest side (of the first among
    equals). One step is diagonal where the longer side of a rectangle is odd and the shorter even. In a
    rectangle the transposed curve is the curve itself, so the transposing variants cross the shorter side
    instead, or, where that would force a diagonal step, walk the curve from its end, or, where that is a variant too,
    walk another curve from end to end. Eight variants are eight orders on every grid with sides of at least 2.
    """
    symmetry = ROTATIONS[variant]
    sides = sides_of(symmetry.source_grid(grid))
    sides.sort(key=lambda side: -side.cells)  # stable: among equals the first axis leads
    order = _in_rectangle(sides, symmetry) if len(sides) == 2 else _in_box(sides, symmetry, grid)
    return symmetry.apply(order, grid)


def _in_rectangle(sides: list[Side], symmetry: Symmetry) -> IntArray:
    along, across = sides
    plain = rectangle_walk(along, across)
    if not symmetry.transposed or along.cells == across.cells:
        return plain
    if not across.cells % 2 or along.cells % 2:
        return rectangle_walk(across, along)
    # the way across would need a diagonal step
    place = plain // along.stride % along.cells
    mirrored = plain + (along.cells - 1 - 2 * place) * along.stride
    if across.cells > 1 and np.array_equal(mirrored, plain[::-1]):  # a variant already
        return _other_walk(along, across)
    return plain[::-1]


def _other_walk(along: Side, across: Side) -> IntArray:
    """Another walk of a rectangle, the longer side even and the shorter odd, with the same ends as Hilbert's.

    Where Hilbert's construction cuts the longer side in two, this one cuts it elsewhere; where it cuts both sides or
    nowhere else is left, this one goes to and fro across.
    """
    first = along.halves()[0].length - 2
    if 2 * along.cells <= 3 * across.cells or first < 2:
        lines = along.line()[:, None] + across.line()
        lines[1::2] = lines[1::2, ::-1]
        return lines.ravel()
    part, rest = Side(first, along.stride), Side(along.length - first, along.stride)
    return np.concatenate([rectangle_walk(part, across), part.beyond + rectangle_walk(rest, across)])


def _in_box(sides: list[Side], symmetry: Symmetry, grid: Grid) -> IntArray:
    longest, *others = sides
    first, second = sorted(others, key=lambda side: -side.stride)
    order = box_walk(longest, first, second)
    transposed = Symmetry(True, False, False)
    if symmetry.transposed and np.array_equal(transposed.apply(order, grid), hilbert(grid, 0)):
        return box_walk(longest, second, first)  # the transposed curve is the curve itself
    return order


@register_scan("hilbert-released", dimensions=(2, 3))
def hilbert_released(grid: Grid, variant: int = 0) -> IntArray:
    """What the released code scans as "Hilbert": the curve's ranks taken for its order, that is, its inverse.

    At 16x16 under half of its steps go to a neighbour. It repeats the released experiments beside `hilbert`.
    """
    return invert(hilbert(grid, variant))


@register_scan("moore", continuous=True, diagonal_steps=1)
def moore(height: int, width: int, variant: int = 0) -> IntArray:
    """The closed Hilbert curve (Moore 1900) of any rectangle: up one half and down the other.

    Its ends are neighbours. Where both sides are odd a closed walk needs one diagonal step; where one of them is
    three, that may be the step that closes it. A single row or column is walked from end to end. Where one side is
    odd and the other even, the transposed curve is the curve itself: the transposing variants walk it from its end.
    """
    symmetry = CORNERS[variant]
    sides = symmetry.source_grid((height, width))
    order = _closed(*sides)
    if symmetry.transposed and (height + width) % 2 and 1 not in sides:
        order = order[::-1]
    return symmetry.apply(order, (height, width))


def _closed(height: int, width: int) -> IntArray:
    rows, columns = sides_of((height, width))
    if 1 in (height, width):
        return np.arange(height * width)
    along, across = (columns, rows) if height % 2 and not width % 2 else (rows, columns)
    half = Side(across.cells // 2, across.stride)
    rest = Side(across.cells - half.length, across.stride)
    up = along.last + half.last - rectangle_walk(along, half)  # the walk turned by 180 degrees
    return np.concatenate([up, half.beyond + rectangle_walk(along, rest)])
