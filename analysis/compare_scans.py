"""`python -m analysis compare-scans`: measure scans side by side, and draw them."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.options import VIEW
from zigma.scans import ScanOrder, locality, parse_plan, reach_shares, scan_names
from zigma.scans.registry import find_curve

# of what `locality` measures, what the picture shows; the table shows all
DRAWN = ("unit_steps", "step_mean", "turns", "gap_mean", "box_stretch", "clusters")
PATHS_A_ROW = 4
LARGEST = 64 * 64  # tokens; beyond, the exact stretches and the reach take minutes


@dataclass(frozen=True)
class Compared:
    """A scan as the user named it."""

    name: str
    plan: str  # what the layers of the reach scan
    first: ScanOrder  # what its first layer scans
    measures: dict[str, float]
    reach: list[float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument("scans", nargs="+", metavar="SCAN", help="a curve, a plan, or my_curves.py:spiral")
    parser.add_argument("--grid", default="16x16", help="16x16, or 4x16x16 for frames; default: 16x16")
    parser.add_argument("--depth", type=int, default=8, help="layers for the reach; default: 8")
    parser.add_argument(
        "--out", type=Path, default=Path("results") / VIEW, metavar="DIR", help="default: results/view"
    )


def run(args: argparse.Namespace) -> None:
    """Print the measures as a table and write the picture as PNG and SVG."""
    grid = parse_grid(args.grid)
    if args.depth < 1:
        raise ValueError(f"--depth takes a number of layers from 1 on, not {args.depth}")
    compared = [compare(scan, grid, args.depth) for scan in dict.fromkeys(args.scans)]
    print(table(compared))
    for path in draw(compared, grid, args.out / f"compare-scans-{args.grid}"):
        print(f"written to {path}", file=sys.stderr)


def parse_grid(text: str) -> tuple[int, ...]:
    """`16x16` or `4x16x16` as a grid."""
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*){1,2}", text):
        raise ValueError(f"--grid takes HxW or TxHxW, such as 16x16 or 4x16x16, not {text!r}")
    grid = tuple(map(int, text.split("x")))
    if math.prod(grid) > LARGEST:
        raise ValueError(
            f"--grid {text} has {math.prod(grid)} tokens; scans are compared on at most {LARGEST}"
        )
    return grid


def compare(scan: str, grid: tuple[int, ...], depth: int) -> Compared:
    """Measure one scan. A built-in curve alone is read in eight variants by the layers, as in `NAME-8`."""
    alone = scan in scan_names()
    plan = parse_plan(f"{scan}-{min(8, find_curve(scan).variants):g}" if alone else scan)
    layers, name = plan.layers(grid, depth), scan if alone else plan.name
    first = layers[0].scans[0]
    return Compared(name, plan.name, first, locality(first, grid), reach_shares(layers, depth))


def table(compared: Sequence[Compared]) -> str:
    """The measures, one row per scan; the last column is the share of pairs reached after all layers."""
    head = ["scan", *compared[0].measures, "reach"]
    rows = [[c.name, *(f"{v:.3g}" for v in c.measures.values()), f"{c.reach[-1]:.3g}"] for c in compared]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in [head, *rows]
    )


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
        draw_reach(right.subplots(), {scan.plan: scan.reach for scan in compared})
        return save(figure, path)
