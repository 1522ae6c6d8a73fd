"""Scan paths for the page to walk along."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from zigma.scans import locality, scan_names, scan_order

SIDE = 8
VARIANTS = 8


def walks(side: int = SIDE) -> list[dict[str, Any]]:
    """Each curve's orders on a grid, a variant per layer as plans take them, and how near it keeps neighbours."""
    curves = []
    for name in scan_names():
        orders: list[list[int]] = []
        for variant in range(VARIANTS):
            try:
                orders.append(scan_order(name, (side, side), variant=variant).tolist())
            except ValueError:
                break  # the curve has fewer variants
        if orders:
            near = locality(scan_order(name, (side, side)), (side, side))["unit_steps"]
            curves.append({"name": name, "side": side, "near": f"{near:.0%}", "orders": orders})
    return curves


def path_data(order: list[int], side: int) -> tuple[str, str]:
    """SVG path data of a walk: its steps to neighbours, and its jumps."""
    steps: list[str] = []
    jumps: list[str] = []
    cells = [(index % side + 0.5, index // side + 0.5) for index in order]
    for (x, y), (to_x, to_y) in pairwise(cells):
        near = abs(x - to_x) + abs(y - to_y) <= 1
        (steps if near else jumps).append(f"M{x:g} {y:g}L{to_x:g} {to_y:g}")
    return "".join(steps), "".join(jumps)
