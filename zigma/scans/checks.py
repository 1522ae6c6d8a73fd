"""What a curve returned, brought to the one form an order has, and its claims checked."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from zigma.scans.order import Grid, IntArray, check_permutation, coordinates, grid_text, invert


def order_of(drawn: npt.NDArray[Any], grid: Grid, returns: Literal["order", "rank"]) -> IntArray:
    """Indices (L,), cells (L, dimensions) or ranks (L,) or `grid`-shaped, as an order int64 (L,)."""
    if not np.issubdtype(drawn.dtype, np.integer):
        raise ValueError(f"a curve gives whole numbers, not {drawn.dtype} of shape {drawn.shape}")
    if returns == "rank":
        ranks = drawn.ravel() if drawn.shape == grid else drawn
        check_permutation(ranks, grid)
        return invert(ranks)
    if drawn.shape == grid and drawn.size == np.prod(grid):
        raise ValueError(
            f"a table of shape {grid_text(grid)} holds ranks: register the curve with returns='rank'"
        )
    if drawn.ndim == 2 and drawn.shape[1] == len(grid):
        return _indices(drawn, grid)
    check_permutation(drawn, grid)
    return drawn.astype(np.int64, copy=False)


def _indices(cells: npt.NDArray[Any], grid: Grid) -> IntArray:
    outside = ((cells < 0) | (cells >= np.array(grid))).any(axis=1)
    if outside.any():
        raise ValueError(f"cell {tuple(cells[outside][0].tolist())} is outside the {grid_text(grid)} grid")
    order = np.ravel_multi_index(tuple(cells.T), grid).astype(np.int64)
    check_permutation(order, grid)
    return order


def check_continuous(order: IntArray, grid: Grid, diagonal_steps: float) -> None:
    """ValueError unless each step goes to a neighbour, at most `diagonal_steps` of them diagonally."""
    fault = _first_fault(order, grid, diagonal_steps)
    if fault is None:
        return
    hint = ""
    if _first_fault(invert(order), grid, diagonal_steps) is None:
        hint = "; read as ranks it is continuous: register it with returns='rank'"
    here, next_cell = (tuple(cell.tolist()) for cell in coordinates(order[fault : fault + 2], grid).T)
    raise ValueError(f"claims to be continuous, but step {fault + 1} goes from {here} to {next_cell}{hint}")


def _first_fault(order: IntArray, grid: Grid, diagonal_steps: float) -> int | None:
    """The first step too many: a jump, or a diagonal step beyond the number allowed."""
    steps = np.abs(np.diff(coordinates(order, grid), axis=1))
    jumps = steps.max(axis=0) > 1
    diagonals = steps.sum(axis=0) > 1
    faults = np.flatnonzero(jumps | (diagonals & (np.cumsum(diagonals) > diagonal_steps)))
    return int(faults[0]) if faults.size else None
