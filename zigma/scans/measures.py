"""How local an order is: its steps, the gaps it puts between neighbours, its stretch and its clusters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from zigma.scans.order import (
    Grid,
    IntArray,
    ScanOrder,
    as_grid,
    at_least_1,
    check_permutation,
    coordinates,
    grid_text,
    invert,
    refuse_masked,
)

AXES = ("temporal", "vertical", "horizontal")


def locality(order: ScanOrder | npt.ArrayLike, grid: Iterable[int], query: int = 4) -> dict[str, float]:
    """Measures of an order on a grid (H, W) or (T, H, W); distances in cells, gaps in steps of the walk.

    - `unit_steps`: share of steps to one of the 4 (in 3D 6) neighbours: the paper's spatial continuity
      (section 3.2). `step_mean`, `step_p95`, `step_max`: Manhattan length of a step.
    - `turns`: steps in another direction or of another length than the one before. `horizontal`, `vertical`
      (and `temporal`): share of steps along that axis alone.
    - `gap_mean`, `gap_median`, `gap_p95`: steps of the walk between two neighbouring cells, over all
      neighbouring pairs (Mitchison and Durbin 1986).
    - `stretch`: max of (Euclidean distance)^d / (steps between), d the dimension (Gotsman and Lindenbaum 1996).
      Towards 6 for Hilbert's curve on large grids.
    - `box_stretch`: max of (cells of the bounding box of a section) / (cells of the section), the worst-case
      bounding-box area ratio (Haverkort and van Walderveen 2010). About 2.4 for Hilbert's curve.
    - `clusters`: runs of the walk inside a square (cube) of `query` cells a side, averaged over all its places:
      the clustering number (Moon, Jagadish, Faloutsos and Saltz 2001). Never below 1.

    Of an order in segments, which are read apart, steps, pairs and sections are those inside one segment.
    A grid of one token has no steps: shares of steps are 1, lengths, turns, gaps and stretch 0. The two
    stretches are exact and take O(L^2) time at worst: a second at 128x128, minutes at 512x512.
    """
    at_least_1("query", query)
    sides = as_grid(grid)
    if isinstance(order, ScanOrder) and order.grid != sides:
        raise ValueError(f"this order is of the {grid_text(order.grid)} grid, not of {grid_text(sides)}")
    refuse_masked(order, "an order")
    walk = order.order if isinstance(order, ScanOrder) else np.asarray(order)
    check_permutation(walk, sides)
    segments = order.segments if isinstance(order, ScanOrder) else 1
    cells = coordinates(walk, sides).reshape(len(sides), segments, -1)
    return {
        **_steps(np.diff(cells, axis=2)),
        **_gaps(invert(walk), sides, segments),
        "stretch": _stretch(cells, sides),
        "box_stretch": _box_stretch(cells, sides),
        "clusters": _clusters(cells, sides, query),
    }


def _steps(steps: IntArray) -> dict[str, float]:
    """Of steps (dimensions, segments, steps of one)."""
    lengths = np.abs(steps).sum(axis=0)
    axes = AXES[-len(steps) :]
    alone = {axis: _share(np.abs(along) == lengths) for axis, along in zip(axes, steps, strict=True)}
    return {
        "unit_steps": _share(lengths == 1),
        "step_mean": _statistic(np.mean, lengths),
        "step_p95": _statistic(np.percentile, lengths, 95),
        "step_max": _statistic(np.max, lengths),
        "turns": float(np.any(np.diff(steps, axis=2), axis=0).sum()),
        **{axis: alone[axis] for axis in reversed(axes)},
    }


def _gaps(ranks: IntArray, grid: Grid, segments: int) -> dict[str, float]:
    table, run = ranks.reshape(grid), ranks.size // segments
    pairs = [np.moveaxis(table, axis, 0) for axis in range(table.ndim)]
    one, other = (np.concatenate([t[at].ravel() for t in pairs]) for at in (slice(1, None), slice(None, -1)))
    gaps = np.abs(one - other)[one // run == other // run]
    return {
        "gap_mean": _statistic(np.mean, gaps),
        "gap_median": _statistic(np.median, gaps),
        "gap_p95": _statistic(np.percentile, gaps, 95),
    }


def _stretch(cells: IntArray, grid: Grid) -> float:
    farthest = sum((side - 1) ** 2 for side in grid)
    worst, power = 0.0, len(grid) / 2
    for lag in range(1, cells.shape[2]):
        if farthest**power / lag <= worst:  # no two cells are far enough apart to do worse from here on
            break
        apart = cells[..., lag:] - cells[..., :-lag]
        worst = max(worst, float(np.einsum("ijk,ijk->jk", apart, apart).max()) ** power / lag)
    return worst


def _box_stretch(cells: IntArray, grid: Grid) -> float:
    size = cells[0].size
    worst, low, high = 1.0, cells, cells  # bounding boxes of all sections of one cell
    for lag in range(1, cells.shape[2]):
        if size / (lag + 1) <= worst:  # no box is larger than the grid
            break
        low, high = np.minimum(low[..., :-1], cells[..., lag:]), np.maximum(high[..., :-1], cells[..., lag:])
        worst = max(worst, float(np.prod(high - low + 1, axis=0).max()) / (lag + 1))
    return worst


def _clusters(cells: IntArray, grid: Grid, query: int) -> float:
    """Runs inside a query are its cells less the steps inside it, those with both ends in it."""
    sides = [min(query, side) for side in grid]
    inside = np.ones((cells.shape[1], cells.shape[2] - 1), np.int64)
    for along, side, extent in zip(cells, sides, grid, strict=True):
        low, high = np.minimum(along[:, 1:], along[:, :-1]), np.maximum(along[:, 1:], along[:, :-1])
        first, last = np.maximum(0, high - side + 1), np.minimum(low, extent - side)
        inside *= np.maximum(0, last - first + 1)
    places = np.prod([extent - side + 1 for side, extent in zip(sides, grid, strict=True)])
    return float(np.prod(sides) - inside.sum() / places)


def _share(true: npt.NDArray[np.bool_]) -> float:
    return float(true.mean()) if true.size else 1.0


def _statistic(statistic: Any, values: IntArray, *arguments: Any) -> float:
    return float(statistic(values, *arguments)) if values.size else 0.0
