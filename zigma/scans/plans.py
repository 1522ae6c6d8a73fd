"""Plans: which order each layer of a network scans. How a plan is written: `zigma.scans.grammar`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np

from zigma.common.numbers import is_whole
from zigma.scans.given import GivenOrders
from zigma.scans.order import Grid, IntArray, Layer, Mixing, ParallelScan, ScanOrder, as_grid, coordinates
from zigma.scans.registry import Curve

DEEPEST = 10_000  # layers: as many as a configuration allows


@dataclass(frozen=True)
class Reading:
    """One scan of a layer, before the grid is given.

    Over space the curve orders each frame by itself, over time each place is read through the frames (`curve` is then
    None, variant 1 runs backwards): the factorised layers of video.
    """

    curve: Curve | GivenOrders | None
    variant: int
    options: tuple[tuple[str, Any], ...] = ()
    backwards: bool = False  # from its end
    over: Literal["tokens", "space", "time"] = "tokens"

    @property
    def dimensions(self) -> frozenset[int]:
        """Of the grids that it can read: of 2 and 3."""
        if self.curve is None:
            return frozenset({3})
        if self.over == "space":
            return frozenset({3} if 2 in self.curve.dimensions else ())
        axes = dict(self.options).get("axes")
        return frozenset(self.curve.dimensions) & ({2, 3} if axes is None else {len(str(axes))})

    def order(self, grid: Grid) -> ScanOrder:
        """Raises ValueError where curve and grid do not fit."""
        scan = self._forwards(grid)
        return scan.reversed() if self.backwards else scan

    def _forwards(self, grid: Grid) -> ScanOrder:
        if self.curve is None:
            return _over_time(self.variant, grid)
        name, options = self.curve.name, dict(self.options)
        kept = self.curve.kept(options)
        if self.over == "space":
            frame = self.curve.order(grid[1:], self.variant, options)
            return _over_space(frame, grid, name, self.variant, kept)
        segments = self.curve.segments if isinstance(self.curve, GivenOrders) else 1
        order = self.curve.order(grid, self.variant, options)
        return ScanOrder(order, grid, name, self.variant, segments, kept)


@dataclass(frozen=True)
class LayerPlan:
    """What one layer reads: one scan, or several that are mixed (`zigma.scans.order.Mixing`)."""

    readings: tuple[Reading, ...]
    mixing: Mixing | None = None

    def layer(self, grid: Grid) -> Layer:
        scans = tuple(reading.order(grid) for reading in self.readings)
        return scans[0] if self.mixing is None else ParallelScan(scans, self.mixing)


@dataclass(frozen=True)
class Plan:
    """Which order each layer scans: layer i takes `period[i % len(period)]`.

    `text` is the plan as typed, with the whole path of a user's file, so that it means the same in any process;
    `name` is the same without folders and files, as tables show it. `parse_plan(plan.text) == plan` until a file
    changes. `dimensions` are those of the grids that it can read, of 2 and 3.
    """

    text: str
    name: str
    period: tuple[LayerPlan, ...]
    files: tuple[Path, ...] = ()
    dimensions: frozenset[int] = field(default=frozenset({2, 3}))

    @property
    def curves(self) -> tuple[str, ...]:
        """The names of the curves, each once."""
        return tuple(
            dict.fromkeys(r.curve.name for p in self.period for r in p.readings if r.curve is not None)
        )

    @property
    def directions(self) -> int:
        """How many scans the layer with the most of them has."""
        return max(len(layer.readings) for layer in self.period)

    def layer_plans(self, depth: int) -> list[LayerPlan]:
        """What each of `depth` layers reads. ValueError for a depth that is none."""
        if not is_whole(depth) or not 1 <= depth <= DEEPEST:
            raise ValueError(f"depth is a number of layers from 1 to {DEEPEST}, not {depth!r}")
        return list(islice(cycle(self.period), int(depth)))

    def layers(self, grid: Iterable[int], depth: int) -> list[Layer]:
        """One ScanOrder per layer, or one ParallelScan where a layer scans several times; equal ones are one object.

        Raises ValueError for a grid that the plan cannot read.
        """
        sides, layers = as_grid(grid), self.layer_plans(depth)
        if len(sides) not in self.dimensions and any(
            r.over != "tokens" for p in self.period for r in p.readings
        ):
            raise ValueError(f"plan {self.name!r} scans frames: it needs a grid (T, H, W), not {sides}")
        if self.dimensions == {3} and len(sides) == 2:
            raise ValueError(f"plan {self.name!r} needs a grid (T, H, W), not {sides}")
        built = {layer: layer.layer(sides) for layer in dict.fromkeys(layers)}
        return [built[layer] for layer in layers]

    def distinct(self, grid: Iterable[int]) -> tuple[int, int]:
        """How many different orders of a grid the plan reads, and how many it would where none were equal.

        A symmetry of a curve may be the curve itself: on one row of tokens eight zigzags are two.
        """
        sides, readings = as_grid(grid), {r for layer in self.period for r in layer.readings}
        orders = {(scan.segments, scan.order.tobytes()) for scan in (r.order(sides) for r in readings)}
        return len(orders), len(readings)

    def describe(self, grid: Iterable[int], depth: int) -> str:
        """What each layer reads, a line for each scan: its first cells, and where it ends.

        layers 0, 8   zigzag 0   (0, 0) (0, 1) (0, 2) ... (15, 0)
        """
        sides = as_grid(grid)
        layers = self.layers(sides, depth)
        places: dict[int, list[int]] = {}
        for i, layer in enumerate(layers):
            places.setdefault(id(layer), []).append(i)
        rows = []
        for numbers in places.values():
            layer = layers[numbers[0]]
            mixing = f"{layer.mixing}: " if isinstance(layer, ParallelScan) else ""
            head = f"layer{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}"
            rows += [
                (head if j == 0 else "", f"{mixing}{scan.name} {scan.variant}", _cells(scan))
                for j, scan in enumerate(layer.scans)
            ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c}" for a, b, c in rows]
        different, asked = self.distinct(sides)
        if different < asked:
            lines.append(f"{different} of the {asked} orders differ on this grid")
        return "\n".join(lines)


def _cells(scan: ScanOrder, shown: int = 4) -> str:
    run = len(scan) // scan.segments
    cells = [f"({', '.join(map(str, cell))})" for cell in coordinates(scan.order[:run], scan.grid).T.tolist()]
    text = " ".join(cells if run <= shown + 1 else [*cells[:shown], "...", cells[-1]])
    return text if scan.segments == 1 else f"{text}, and {scan.segments - 1} more like it"


def _over_space(frame: IntArray, grid: Grid, name: str, variant: int, kept: bool) -> ScanOrder:
    """The order of one frame, in each frame: T segments of H * W."""
    starts = np.arange(grid[0])[:, None] * len(frame)
    return ScanOrder((starts + frame).ravel(), grid, f"space {name}", variant, grid[0], kept)


def _over_time(direction: int, grid: Grid) -> ScanOrder:
    """The frames at each place, forwards (0) or backwards (1): H * W segments of T."""
    frames, places = grid[0], grid[1] * grid[2]
    cells = np.arange(frames * places).reshape(frames, places)
    cells = cells[::-1] if direction else cells
    return ScanOrder(cells.T.ravel(), grid, "time", direction, segments=places)
