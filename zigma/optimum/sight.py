"""Which tokens the output at each token may look at: along a path, with a memory, through a whole plan."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from zigma.common.numbers import is_whole
from zigma.optimum.checks import BoolArray, IntArray, as_array, as_order
from zigma.scans import Plan, ScanOrder, parse_plan
from zigma.scans.order import at_least_1, invert
from zigma.scans.reach import after_scan


def path_sight(order: Any, lags: int | None = None) -> BoolArray:
    """What a causal scan in this order sees, bool (L, L): row i the tokens up to and including i along it.

    Args:
        order: (L,) row-major indices in the order of the walk, or a `ScanOrder`, whose segments are walked apart.
        lags: see only the latest `lags` of those, i among them.
    """
    scan = order if isinstance(order, ScanOrder) else None
    indices = as_array(order.order if scan else order)
    indices = as_order(indices, indices.size)
    rank = invert(indices)
    steps_back = rank[:, None] - rank
    sight = steps_back >= 0
    if lags is not None:
        sight &= steps_back < at_least_1("lags", lags)
    if scan is not None and scan.segments > 1:
        segment = rank // (indices.size // scan.segments)
        sight &= segment[:, None] == segment
    return sight


def plan_sight(plan: Any, grid: Iterable[int], depth: int, lags: int | None = None) -> BoolArray:
    """What the output at each token may depend on after `depth` layers of a plan, bool (L, L).

    A layer hands a token what the tokens before it on its path have gathered in the layers below, and what a token
    has gathered itself is kept (the residual stream). Without `lags` this is the last of `zigma.scans.reach`.

    Args:
        plan: `zigzag-8`, `bidirectional`, ...: a text as `zigma.scans.parse_plan` reads it, or a `Plan`.
        grid: of the tokens.
        lags: the memory of each layer, in tokens along its path; None for all of it.
    """
    layers = (plan if isinstance(plan, Plan) else parse_plan(plan)).layers(grid, depth)
    memory = None if lags is None else at_least_1("lags", lags)
    tokens = int(np.prod(layers[0].grid))
    gathered = np.packbits(np.eye(tokens, dtype=bool), axis=1)
    for layer in layers:
        gathered = np.bitwise_or.reduce([_handed_on(gathered, scan, memory) for scan in layer.scans])
    return np.unpackbits(gathered, axis=1, count=tokens).astype(bool)


def one_token_sight(tokens: int) -> BoolArray:
    """Each output sees its own token alone: the level of a predictor that no scan serves."""
    return np.eye(at_least_1("tokens", tokens), dtype=bool)


def patch_tokens(grid: tuple[int, int], patch: int = 1, channels: int = 1) -> IntArray:
    """The token of each value of an image (channels, H, W), int64 (channels * H * W,), row-major as `ravel` gives it.

    A token is a patch of `patch` x `patch` pixels with all their channels; tokens are numbered row by row.
    """
    sides = tuple(grid) if isinstance(grid, Iterable) else (grid,)
    if not all(map(is_whole, (*sides, patch, channels))):
        raise ValueError(
            f"grid, patch and channels are whole numbers, not {sides}, {patch!r} and {channels!r}"
        )
    if len(sides) != 2 or min(sides) < 1:
        raise ValueError(f"patches are cut from a grid (H, W) with sides of at least 1, not {sides}")
    height, width = sides
    if patch < 1 or channels < 1 or height % patch or width % patch:
        raise ValueError(
            f"a patch of {patch} must divide the grid {height}x{width}, with at least one channel"
        )
    rows, columns = np.arange(height) // patch, np.arange(width) // patch
    tokens = rows[:, None] * (width // patch) + columns
    return np.tile(tokens.ravel(), channels)


def _handed_on(gathered: npt.NDArray[np.uint8], scan: ScanOrder, lags: int | None) -> npt.NDArray[np.uint8]:
    """One causal scan: each token gathers what the latest `lags` tokens of its segment had, itself among them."""
    if lags is None or lags >= len(scan) // scan.segments:
        return after_scan(scan, gathered)
    runs = gathered[scan.order].reshape(scan.segments, -1, gathered.shape[1])
    return _or_of_latest(runs, lags).reshape(gathered.shape)[scan.inverse]


def _or_of_latest(runs: npt.NDArray[np.uint8], lags: int) -> npt.NDArray[np.uint8]:
    """Row i becomes the union of rows i - lags + 1 to i, in about log2(lags) steps of twice the length."""
    length = 1
    while length < lags:
        shift = min(length, lags - length)
        longer = runs.copy()
        longer[:, shift:] |= runs[:, :-shift]
        runs, length = longer, length + shift
    return runs
