"""`python -m analysis compare-scans`: measure scans side by side, and draw them."""

from __future__ import annotations

import argparse
import math
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from analysis.metrics import MEANINGS, SHORT
from analysis.options import VIEW, terminal_width
from analysis.tables.render.terminal import part_lines
from analysis.tables.values import Cell, Column, Part, Row
from zigma.common.words import WordError
from zigma.optimum import least_excess, plan_sight
from zigma.scans import Plan, ScanOrder, locality, parse_plan, reach_shares, scan_names
from zigma.scans.again import check_again
from zigma.scans.order import parse_grid
from zigma.scans.registry import find_curve

Array = npt.NDArray[np.float64]
ROUNDING = 1e-9  # an excess of less is none

# of what `locality` measures, what the picture shows; the table shows all
DRAWN = ("unit_steps", "step_mean", "turns", "gap_mean", "box_stretch", "clusters")
PATHS_A_ROW = 4
LARGEST = 64 * 64  # tokens; beyond, the exact stretches and the reach take minutes
LARGEST_EXCESS = 32 * 32  # tokens; beyond, the least excess takes minutes
NOT_COMPUTED = "—"


@dataclass(frozen=True)
class Compared:
    """A plan, and what was measured of it."""

    name: str
    first: ScanOrder  # what its first layer scans
    measures: dict[str, float]
    reach: list[float]
    excess: dict[str, float]  # least excess by what is in sight; empty on a grid that is too large


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument(
        "scans",
        nargs="+",
        metavar="SCAN",
        help="a plan, such as hilbert-4; of a curve alone, such as hilbert or my_curves.py:spiral, eight variants",
    )
    parser.add_argument("--grid", default="16x16", help="16x16, or 4x16x16 for frames; default: 16x16")
    parser.add_argument("--depth", type=int, default=8, help="layers for the reach; default: 8")
    parser.add_argument(
        "--out", type=Path, default=Path("results") / VIEW, metavar="DIR", help="default: results/view"
    )


def run(args: argparse.Namespace) -> None:
    """Print the measures as a table and write the picture as PNG and SVG."""
    grid = small_grid(args.grid)
    if args.depth < 1:
        raise ValueError(f"--depth takes a number of layers from 1 on, not {args.depth}")
    plans = distinct(args.scans)
    for plan in plans:
        check_again(plan, grid, args.depth)
    compared = [compare(plan, grid, args.depth) for plan in plans]
    width = terminal_width()
    print("\n".join([*table(compared, width), "", *meanings(compared, width)]))
    for path in draw(compared, grid, args.out / f"compare-scans-{args.grid}"):
        print(f"written to {path}", file=sys.stderr)


def small_grid(text: str) -> tuple[int, ...]:
    """`16x16` or `4x16x16` as a grid on which scans can be compared."""
    grid = parse_grid(text)
    if math.prod(grid) > LARGEST:
        raise ValueError(
            f"--grid {text} has {math.prod(grid)} tokens; scans are compared on at most {LARGEST}"
        )
    return grid


def distinct(scans: Iterable[str]) -> list[Plan]:
    """The plans, each once. A built-in curve alone is read in eight variants by the layers, as in `NAME-8`.

    Raises:
        WordError: two have one name, by which rows and pictures are told apart.
    """
    plans: dict[str, Plan] = {}
    for scan in scans:
        alone = scan in scan_names()
        plan = parse_plan(f"{scan}-{min(8, find_curve(scan).variants):g}" if alone else scan)
        if plan != (before := plans.setdefault(plan.name, plan)):
            raise WordError(f"{plan.text} and {before.text} are both called {plan.name}; rename one")
    return list(plans.values())


def compare(plan: Plan, grid: tuple[int, ...], depth: int) -> Compared:
    """Measure one plan."""
    layers = plan.layers(grid, depth)
    first = layers[0].scans[0]
    excess = excesses(plan, first, grid, depth) if math.prod(grid) <= LARGEST_EXCESS else {}
    return Compared(plan.name, first, locality(first, grid), reach_shares(layers, depth), excess)


def excesses(plan: Plan, first: ScanOrder, grid: tuple[int, ...], depth: int) -> dict[str, float]:
    """The least excess on Gaussian fields of exponential covariance, half the grid's width long, in closed form."""
    covariance = exponential_covariance(grid, grid[-1] / 2)
    return {
        "excess": least_excess(covariance, seen=plan_sight(plan, grid, depth)),
        "excess_1": least_excess(covariance, order=first),
        **short_excess(first, covariance),
    }


def short_excess(path: ScanOrder, covariance: Array) -> dict[str, float]:
    """The least excess along a path with a memory of half a row and no positions, under its name.

    Of a path in segments there is none: across them there is no memory.
    """
    if path.segments > 1:
        return {}
    memory = max(1, path.grid[-1] // 2)
    return {SHORT: least_excess(covariance, order=path, lags=memory, positions=False)}


def exponential_covariance(grid: Sequence[int], length: float) -> Array:
    """exp(-distance / length) of all pairs of cells, (L, L), row by row."""
    cells = np.indices(grid).reshape(len(grid), -1)
    apart = np.sqrt(((cells[:, :, None] - cells[:, None, :]) ** 2).sum(axis=0))
    return np.asarray(np.exp(-apart / length))


def table(compared: Sequence[Compared], width: int) -> list[str]:
    """The measures, one row per scan."""
    columns = [Column("", name, "neither") for name in _columns(compared)]
    rows = tuple(Row(scan.name, tuple(_cells(scan, columns))) for scan in compared)
    part = Part("", "", "", tuple(columns), rows, (), corner="scan")
    return part_lines(part, width)


def _columns(compared: Sequence[Compared]) -> list[str]:
    excess = dict.fromkeys(name for scan in compared for name in scan.excess)
    return [*compared[0].measures, "reach", *excess]


def _cells(scan: Compared, columns: Sequence[Column]) -> Iterator[Cell]:
    values = {**scan.measures, "reach": scan.reach[-1], **scan.excess}
    for column in columns:
        value = values.get(column.name)
        yield NOT_COMPUTED if value is None else f"{0.0 if abs(value) < ROUNDING else value:.3g}"


def meanings(compared: Sequence[Compared], width: int) -> list[str]:
    """What each column means, in a line."""
    names = [name for name in _columns(compared) if name in MEANINGS]
    lines = [f"{name}: {MEANINGS[name]}" for name in names]
    if any(scan.excess for scan in compared):
        lines.append(
            "excess is in closed form (zigma.optimum), per value of Gaussian fields of exponential covariance, half "
            "a row long; 0 is the best of all"
        )
    return [part for line in lines for part in textwrap.wrap(line, width, subsequent_indent="  ")]


def draw(compared: Sequence[Compared], grid: tuple[int, ...], path: Path) -> list[Path]:
    """Paths on top, below them the measures side by side and the reach through the layers."""
    from matplotlib.figure import Figure

    from analysis.scan_plots import draw_measures, draw_path, draw_reach
    from analysis.style import save, style

    columns = min(PATHS_A_ROW, len(compared))
    rows = -(-len(compared) // columns)
    tall = 0.9 + 0.22 * len(compared)
    with style():
        figure = Figure(figsize=(11, 2.9 * rows + 2 * tall + 0.6), layout="constrained")
        halves: Any = figure.subfigures(2, 1, height_ratios=[2.9 * rows, 2 * tall + 0.6])
        paths, below = halves
        paths.suptitle("first layer's path: starts at the circle, ends at the square, lighter along the way")
        projection = "3d" if len(grid) == 3 else None
        for i, scan in enumerate(compared):
            draw_path(paths.add_subplot(rows, columns, i + 1, projection=projection), scan.first, scan.name)
        left, right = below.subfigures(1, 2, width_ratios=[2, 1])
        for ax, name in zip(left.subplots(2, len(DRAWN) // 2).flat, DRAWN, strict=True):
            draw_measures(ax, name.replace("_", " "), {scan.name: scan.measures[name] for scan in compared})
        draw_reach(right.subplots(), {scan.name: scan.reach for scan in compared})
        return save(figure, path)
