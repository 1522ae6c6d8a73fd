"""Curves made of straight lines: sweep, zigzag, diagonals, spirals; and no curve at all, a random order."""

from __future__ import annotations

import math

import numpy as np

from zigma.scans.order import Grid, IntArray
from zigma.scans.registry import register_scan


@register_scan("sweep", dimensions=(2, 3))
def sweep(grid: Grid) -> IntArray:
    """Row-major order (Figure 3a); variant 1 is column-major, 6 and 7 are the reverse of 0 and 1."""
    return np.arange(math.prod(grid))


@register_scan("zigzag", dimensions=(2, 3), continuous=True)
def zigzag(grid: Grid) -> IntArray:
    """Rows walked to and fro (Figure 3b and c); in 3D every second frame is walked from its end (Figure 5b)."""
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
    """A shuffle drawn from (seed, variant). Numpy may change its generator: save the order with what uses it."""
    return np.random.default_rng([seed, variant]).permutation(math.prod(grid))
