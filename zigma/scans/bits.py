"""Curves by the bits of the coordinates, in 2D and 3D: Morton's Z-order and the Gray-code curve."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from zigma.scans.order import Grid, IntArray
from zigma.scans.registry import register_scan


@register_scan("morton", dimensions=(2, 3))
def morton(grid: Grid) -> IntArray:
    """Cells by their interleaved coordinate bits (Morton 1966); codes of no cell of the grid are skipped."""
    return _by_code(grid, interleaved(grid))


@register_scan("gray", dimensions=(2, 3))
def gray(grid: Grid) -> IntArray:
    """Cells by the rank of their interleaved bits in the Gray code (Faloutsos 1988): a step changes one."""
    return _by_code(grid, [_gray_rank(codes) for codes in interleaved(grid)])


def interleaved(grid: Grid) -> list[IntArray]:
    """For each axis, the bits of its coordinates at their places in the interleaved code, int64 (side,).

    The last axis has the lowest bit; an axis without bits left is passed over.
    """
    codes = [np.zeros(side, np.int64) for side in grid]
    place = 0
    for bit in range(max(side - 1 for side in grid).bit_length()):
        for side, code in reversed(list(zip(grid, codes, strict=True))):
            if bit < (side - 1).bit_length():
                code |= (np.arange(side) >> bit & 1) << place
                place += 1
    return codes


def _gray_rank(codes: IntArray) -> IntArray:
    """The rank of each word in the reflected Gray code: each bit becomes the parity of the bits from it up.

    Parity is linear, so that the ranks of codes without common bits may be combined by exclusive or.
    """
    for shift in (1, 2, 4, 8, 16, 32):
        codes = codes ^ (codes >> shift)
    return codes


def _by_code(grid: Grid, codes: list[IntArray]) -> IntArray:
    """Row-major indices sorted by the exclusive or of their axes' codes; every code is below 2 ** bits."""
    code = reduce(np.bitwise_xor, np.ix_(*codes))
    cells = np.full(1 << sum((side - 1).bit_length() for side in grid), -1)
    cells[code.ravel()] = np.arange(math.prod(grid))
    return cells[cells >= 0]
