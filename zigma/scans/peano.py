"""Peano's curve on any rectangle: walks from corner to opposite corner, put together from thirds."""

from __future__ import annotations

from functools import cache

import numpy as np

from zigma.scans.hilbert import Side, sides_of
from zigma.scans.order import IntArray
from zigma.scans.registry import register_scan
from zigma.scans.symmetry import CORNERS


@register_scan("peano", continuous=True)
def peano(height: int, width: int, variant: int = 0) -> IntArray:
    """The generalised Peano curve, never a diagonal step; on 3^k x 3^k it is Peano's (1890), columns first.

    A block with an odd side can be walked from a corner to the opposite one. Sides are therefore cut into
    three parts, the first two odd: only the last block, whose end is free, can have two even sides. Two rows or
    columns are walked across, and by the transposing variants along, for these would be the others again.
    """
    symmetry = CORNERS[variant]
    sides = sides_of(symmetry.source_grid((height, width)))
    short, long = sorted(sides, key=lambda side: side.cells)
    two_rows = symmetry.transposed and short.cells == 2 < long.cells
    return symmetry.apply(_to_and_fro(long, short) if two_rows else _walk(*sides), (height, width))


@cache
def thirds(length: int) -> tuple[int, int, int]:
    """Three near-equal parts, the first two odd."""
    first = length // 6 * 2 + 1
    second = (length - first) // 4 * 2 + 1
    return first, second, length - first - second


def _walk(along: Side, across: Side) -> IntArray:
    """Offsets of the walk from the first corner of a block to its opposite corner, int64 (cells,)."""

    @cache
    def walk(a: Side, b: Side) -> IntArray:
        if a.cells < 3 or b.cells < 3:
            return _to_and_fro(a, b) if a.cells < b.cells else _to_and_fro(b, a)
        column = [a] if b.cells >= 2 * a.cells else _cut(a)  # a long block is cut along its length only
        parts, start = [], 0
        for b_part in [b] if a.cells >= 2 * b.cells else _cut(b):
            for a_part in column:
                parts.append(start + walk(a_part, b_part))
                start += a_part.beyond + b_part.last
                b_part = -b_part  # each block is entered on the side where the one before it was left
            start += b.unit - column[-1].unit  # to the next column, not on along this one
            column = [-a_part for a_part in reversed(column)]
        return np.concatenate(parts)

    return walk(along, across)


def _cut(side: Side) -> list[Side]:
    return [Side(part if side.length > 0 else -part, side.stride) for part in thirds(side.cells)]


def _to_and_fro(side: Side, other: Side) -> IntArray:
    """Along one side and back, step by step of the other."""
    walk = other.line()[:, None] + side.line()
    walk[1::2] = walk[1::2, ::-1]
    return walk.ravel()
