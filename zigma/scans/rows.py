"""Curves made of straight lines: sweep, zigzag, diagonals, spirals; and no curve at all, a random order."""

from __future__ import annotations

import math

import numpy as np

from zigma.common.numbers import is_whole
from zigma.scans.order import Grid, IntArray
from zigma.scans.registry import register_scan


@register_scan("sweep", dimensions=(2, 3))
def sweep(grid: Grid) -> IntArray:
    """Row-major order (Figure 3a); variant 1 is column-major, 6 and 7 are the reverse of 0 and 1."""
    return np.arange(math.prod(grid))


@register_scan("zigzag", dimensions=(2, 3), continuous=True)
def zigzag(grid: Grid) -> IntArray:
    """Rows walked to and fro (Figure 3b, c); in 3D every second frame is walked from its end (Figure 5b)."""
    *frames, height, width = grid
    cells = np.arange(height * width).reshape(height, width)
    cells[1::2] = cells[1::2, ::-1]
    frame = cells.ravel()
    starts = frame.size * np.arange(math.prod(frames))[:, None]
    walk = starts + frame
    walk[1::2] = walk[1::2, ::-1]  # a frame starts where the one before it ended
    return walk.ravel()


@register_scan("random", dimensions=(2, 3), variants=math.inf)
def random(grid: Grid, variant: int = 0, seed: int = 0) -> IntArray:
    """A shuffle drawn from (seed, variant). Save it with what uses it: numpy may change its generator."""
    if not is_whole(seed) or seed < 0:
        raise ValueError(f"seed is a whole number from 0 on, not {seed!r}")
    return np.random.default_rng([seed, variant]).permutation(math.prod(grid))


@register_scan("diagonal")
def diagonal(height: int, width: int) -> IntArray:
    """The antidiagonals from the top left corner, each walked down to the left."""
    return _diagonals(height, width, alternate=False)


@register_scan("diagonal-zigzag", continuous=True, diagonal_steps=math.inf)
def diagonal_zigzag(height: int, width: int) -> IntArray:
    """The antidiagonals walked to and fro, as JPEG orders its coefficients (ISO/IEC 10918-1)."""
    return _diagonals(height, width, alternate=True)


def _diagonals(height: int, width: int, alternate: bool) -> IntArray:
    diagonals = np.arange(height + width - 1)  # row + column
    first = np.maximum(0, diagonals - width + 1)  # top row of each
    lengths = np.minimum(diagonals, height - 1) - first + 1
    diagonal = np.repeat(diagonals, lengths)
    along = np.arange(height * width) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    row = first[diagonal] + along
    if alternate:
        row = np.where(diagonal % 2, row, (first + lengths - 1)[diagonal] - along)
    return row * width + diagonal - row


@register_scan("spiral-in", continuous=True)
def spiral_in(height: int, width: int) -> IntArray:
    """Clockwise rings from the top left corner to the centre."""
    return np.concatenate([_ring(height, width, depth) for depth in range((min(height, width) + 1) // 2)])


@register_scan("spiral", continuous=True)
def spiral(height: int, width: int) -> IntArray:
    """From the centre outwards: the reverse of `spiral-in`."""
    return spiral_in(height, width)[::-1]


def _ring(height: int, width: int, depth: int) -> IntArray:
    """The ring of cells `depth` cells from the border, clockwise from its top left corner."""
    top, left, bottom, right = depth, depth, height - 1 - depth, width - 1 - depth
    sides = [np.arange(left, right + 1) + top * width, np.arange(top + 1, bottom + 1) * width + right]
    if top < bottom and left < right:
        sides.append(np.arange(right - 1, left - 1, -1) + bottom * width)
        sides.append(np.arange(bottom - 1, top, -1) * width + left)
    return np.concatenate(sides)
