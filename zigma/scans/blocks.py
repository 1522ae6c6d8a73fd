"""Curves within curves: windowed, grouped and atrous orders, each of an outer and an inner curve."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import numpy as np

from zigma.common.numbers import is_whole
from zigma.scans.order import IntArray
from zigma.scans.registry import find_curve, register_scan, scan_order

Block = int | tuple[int, int]


@register_scan("windowed")
def windowed(
    height: int,
    width: int,
    variant: int = 0,
    window: Block = 4,
    inner: str = "sweep",
    outer: str = "sweep",
    seed: int = 0,
) -> IntArray:
    """Windows in the order of one curve, their tokens in that of another (LocalMamba, arXiv 2403.09338).

    `window` is a side or (height, width); windows at the far borders may be smaller. Variant j takes variant
    j of both curves; `seed` is for a random one.
    """
    return _in_blocks((height, width), _pair("window", window), inner, outer, variant, seed)


@register_scan("grouped")
def grouped(
    height: int,
    width: int,
    variant: int = 0,
    group: Block = 4,
    inner: str = "zigzag",
    outer: str = "zigzag",
    seed: int = 0,
) -> IntArray:
    """Groups of patches in zigzag order (section 8.2: groups of 2, 4, 8, 16), or shuffled: outer="random".

    The paper does not say how the patches of a group are ordered; a zigzag makes the plain zigzag the limit
    of large groups, as its Figure 11 suggests. `group` is a side or (height, width).
    """
    return _in_blocks((height, width), _pair("group", group), inner, outer, variant, seed)


@register_scan("atrous")
def atrous(
    height: int,
    width: int,
    variant: int = 0,
    step: Block = 2,
    inner: str = "sweep",
    outer: str = "sweep",
    seed: int = 0,
    turned: int = 0,
) -> IntArray:
    """Every `step`-th token of every `step`-th row, then the same from the next offset, and so on.

    The skips of EfficientVMamba (arXiv 2403.09977). `inner` orders the tokens of one offset, `outer` the
    offsets. As published, with `turned=1`, offsets follow each other by columns, and every second one is read so.
    """
    if turned not in (0, 1):
        raise ValueError(f"turned is 0 or 1, not {turned!r}")
    step_rows, step_columns = _pair("step", step)
    rows, columns = min(step_rows, height), min(step_columns, width)
    starts = np.arange(rows)[:, None] * width + np.arange(columns)
    heights = -(-(height - np.arange(rows)) // step_rows)
    widths = -(-(width - np.arange(columns)) // step_columns)
    strides = (step_rows * width, step_columns)
    walks, places = _curves(inner, outer, variant, seed)
    if not turned:
        return _nested(starts, heights, widths, strides, (walks, walks), places)
    # of the corners, two and two are transposed
    transposed, places = _curves(inner, outer, variant ^ 1, seed)
    return _nested(starts, heights, widths, strides, (walks, transposed), places)


@register_scan("stripes")
def stripes(height: int, width: int, stripe: int = 4, first: int = 0) -> IntArray:
    """Stripes of so many columns, one down and the next up, each walked to and fro across (MaIR, arXiv 2412.20066).

    `first` is the width of the first stripe, where that is another: 0 is as wide as all.
    """
    for name, value, least in (("stripe", stripe, 1), ("first", first, 0)):
        if not is_whole(value) or value < least:
            raise ValueError(f"{name} is a whole number from {least} on, not {value!r}")
    edges = [0, *range(first or stripe, width, stripe), width]
    cells = np.arange(height * width).reshape(height, width)
    walks = []
    for number, (left, right) in enumerate(pairwise(edges)):
        cut = cells[:: -1 if number % 2 else 1, left:right].copy()
        cut[1::2] = cut[1::2, ::-1]
        walks.append(cut.ravel())
    return np.concatenate(walks)


def _in_blocks(
    grid: tuple[int, int], block: tuple[int, int], inner: str, outer: str, variant: int, seed: int
) -> IntArray:
    (height, width), (block_height, block_width) = grid, block
    tops, lefts = np.arange(0, height, block_height), np.arange(0, width, block_width)
    heights = np.minimum(block_height, height - tops)
    widths = np.minimum(block_width, width - lefts)
    walks, places = _curves(inner, outer, variant, seed)
    return _nested(tops[:, None] * width + lefts, heights, widths, (width, 1), (walks, walks), places)


Rule = Callable[[tuple[int, int]], IntArray]


def _curves(inner: str, outer: str, variant: int, seed: int) -> tuple[Rule, Rule]:
    """The inner and the outer curve as functions of a grid."""

    def rule(name: str) -> Rule:
        options: dict[str, Any] = {"seed": seed} if "seed" in find_curve(name).options else {}
        return lambda grid: scan_order(name, grid, variant, **options)

    return rule(inner), rule(outer)


def _nested(
    starts: IntArray,
    heights: IntArray,
    widths: IntArray,
    strides: tuple[int, int],
    inner: tuple[Rule, Rule],
    outer: Rule,
) -> IntArray:
    """The tokens block after block, int64 (L,).

    `starts` (rows, columns) holds each block's first token; a block of row i and column j has heights[i] rows
    and widths[j] columns, whose distances in memory are `strides`. `inner` are the walks of the first block, the
    third, ... and of those between. Blocks of equal shape are placed at once.
    """
    row, column = np.divmod(outer((heights.size, widths.size)), widths.size)
    start, height, width = starts[row, column], heights[row], widths[column]
    first = np.cumsum(height * width) - height * width  # the step at which each block begins
    order = np.empty(first[-1] + height[-1] * width[-1], np.int64)
    shapes = {(int(h), int(w)) for h in set(heights.tolist()) for w in set(widths.tolist())}
    for turn, shape in product((0, 1) if inner[0] is not inner[1] else (0,), shapes):
        same = (height == shape[0]) & (width == shape[1])
        if inner[0] is not inner[1]:
            same &= np.arange(same.size) % 2 == turn
        walk = np.divmod(inner[turn](shape), shape[1])
        tokens = walk[0] * strides[0] + walk[1] * strides[1]
        order[first[same][:, None] + np.arange(tokens.size)] = start[same][:, None] + tokens
    return order


def _pair(option: str, value: Any) -> tuple[int, int]:
    sides = value if isinstance(value, (tuple, list)) else (value, value)
    if len(sides) != 2 or not all(map(is_whole, sides)) or min(sides) < 1:
        raise ValueError(f"{option} is a side of at least 1 or a pair of them, not {value!r}")
    return int(sides[0]), int(sides[1])
