"""Which tokens can influence which through a stack of causal scans."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle, islice

import numpy as np
import numpy.typing as npt

from zigma.scans.order import Layer, ScanOrder, at_least_1, grid_text

BoolArray = npt.NDArray[np.bool_]


def reach(layers: Sequence[Layer], depth: int | None = None) -> BoolArray:
    """Which token can influence which after layers 1..d, bool (depth, L, L).

    `reach(layers)[d - 1, i, j]` says whether token j can influence token i: a scan carries what has reached a
    token on to every token after it in its segment, and parallel scans add up. `layers` come from `scan_plan`;
    they repeat where `depth` asks for more.

    Raises ValueError for a depth below 1, and for what are no layers of one grid, as the other two do.
    """
    return np.stack(
        [
            np.unpackbits(sources, axis=1, count=len(sources)).astype(bool)
            for sources in _sources(layers, depth)
        ]
    )


def reach_shares(layers: Sequence[Layer], depth: int | None = None) -> list[float]:
    """The share of the L^2 ordered pairs in `reach` after each layer; one order stays at (L + 1) / 2L."""
    return [float(np.unpackbits(sources).sum()) / len(sources) ** 2 for sources in _sources(layers, depth)]


def _repeated(layers: Sequence[Layer], depth: int | None) -> Iterator[Layer]:
    """As many layers as are asked for, from the first again after the last."""
    if isinstance(layers, Layer) or not all(isinstance(layer, Layer) for layer in layers):
        raise ValueError(
            "layers are a list as scan_plan gives it, with a ScanOrder or a ParallelScan for each layer"
        )
    if not layers:
        raise ValueError("there is no layer to go through")
    if len(grids := dict.fromkeys(grid_text(layer.grid) for layer in layers)) > 1:
        raise ValueError(f"layers are of one grid, not of {', '.join(grids)}")
    return islice(cycle(layers), len(layers) if depth is None else at_least_1("depth", depth))


def _sources(layers: Sequence[Layer], depth: int | None) -> Iterator[npt.NDArray[np.uint8]]:
    """After each layer, one row of bits per token: the tokens that can influence it, uint8 (L, ceil(L / 8))."""
    repeated = _repeated(layers, depth)
    tokens = len(layers[0].scans[0])
    sources = np.packbits(np.eye(tokens, dtype=bool), axis=1)
    for layer in repeated:
        sources = np.bitwise_or.reduce([after_scan(scan, sources) for scan in layer.scans])
        yield sources


def after_scan(scan: ScanOrder, sources: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """One causal scan: each token is reached by all that had reached those before it in its segment."""
    runs = sources[scan.order].reshape(scan.segments, -1, sources.shape[1])
    gathered = np.bitwise_or.accumulate(runs, axis=1).reshape(sources.shape)
    return gathered[scan.inverse]


def coverage(layers: Sequence[Layer], steps: int, depth: int | None = None) -> list[float]:
    """The share of neighbouring cells at most `steps` apart in at least one scan of layers 1..d, for each d.

    Neighbours are the 4 of a cell, in 3D the 6. Two cells in different segments of a scan are not apart by
    any number of steps. 1 on a grid without neighbours.
    """
    at_least_1("steps", steps)
    repeated = _repeated(layers, depth)
    grid = layers[0].grid
    cells = np.arange(np.prod(grid)).reshape(grid)
    pairs = np.concatenate([_neighbours(cells, axis) for axis in range(cells.ndim)])
    near, shares = np.zeros(len(pairs), bool), []
    for layer in repeated:
        for scan in layer.scans:
            first, second = scan.inverse[pairs].T
            run = len(scan) // scan.segments
            near |= (np.abs(first - second) <= steps) & (first // run == second // run)
        shares.append(float(near.mean()) if near.size else 1.0)
    return shares


def _neighbours(cells: npt.NDArray[np.int64], axis: int) -> npt.NDArray[np.int64]:
    swapped = cells.swapaxes(0, axis)
    return np.stack([swapped[:-1].ravel(), swapped[1:].ravel()], axis=1)
