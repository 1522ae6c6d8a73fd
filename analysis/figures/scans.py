"""Figures 1, 3, 5, 9 and 10: drawings of the scans themselves, which need no record."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.picture import Picture
from analysis.scan_plots import draw_path, only
from analysis.style import WIDTH, bare
from zigma.scans import ScanOrder, locality, scan_plan

KEY = "A path starts at the circle, ends at the square, and grows lighter on its way; thin lines are jumps."


def figure_1(side: int = 8, layers: int = 4) -> Picture:
    """Figure 1, the motivation: what consecutive layers read, and how far apart consecutive tokens lie."""
    plans = {"sweep": "sweep-1", "zigzag": "zigzag-8"}
    scans = {name: [only([s]) for s in scan_plan(p, (side, side), layers)] for name, p in plans.items()}
    near = {
        name: locality(of_layers[0].order, (side, side))["unit_steps"] for name, of_layers in scans.items()
    }
    notes = (
        f"{side}x{side} patches; layers 0 to {layers - 1} of the plans {' and '.join(plans.values())}. {KEY}",
        "Right: distance in the image between one token and the next, as layer 0 reads them.",
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots(2, layers + 1, width_ratios=[1] * layers + [1.5])
        for letter, row, (name, of_layers) in zip("ab", axes, scans.items(), strict=True):
            for layer, scan in enumerate(of_layers):
                draw_path(
                    row[layer], scan, f"({letter}) {name}, layer {layer}" if layer == 0 else f"layer {layer}"
                )
            draw_steps(row[layers], of_layers[0], f"{near[name]:.0%} to a neighbour")

    alt = (
        f"Paths over {side} by {side} patches. A sweep reads every row from the left and jumps back: "
        f"{near['sweep']:.0%} of its steps go to a neighbouring patch, and every layer reads the same path. A zigzag "
        f"turns at the end of each row: {near['zigzag']:.0%} of its steps go to a neighbour, and each layer reads "
        "another zigzag."
    )
    return Picture((WIDTH, 2.8), draw, alt, notes)


def draw_steps(ax: Axes, scan: ScanOrder, title: str) -> None:
    """Distance in patches from each token to the next one of the sequence."""
    cells = np.stack(np.unravel_index(scan.order, scan.grid), axis=1).astype(float)
    steps = np.linalg.norm(np.diff(cells, axis=0), axis=1)
    ax.stairs(steps, np.arange(len(steps) + 1) + 0.5, fill=True, color="#0072B2")
    ax.set(title=title, xlabel="step", ylabel="length (patches)", ylim=(0, max(scan.grid)))
    bare(ax)


def figure_3(side: int = 4) -> Picture:
    """Figure 3: (a) the sweep, (b) the zigzag, (c) the eight zigzags, in the order in which layers take them."""
    zigzags = [only([scan]) for scan in scan_plan("zigzag-8", (side, side), depth=8)]

    def draw(figure: Figure) -> None:
        axes = figure.subplots(2, 5)
        draw_path(axes[0, 0], only(scan_plan("sweep-1", (side, side), depth=1)), "(a) sweep")
        draw_path(axes[1, 0], zigzags[0], "(b) zigzag")
        for j, scan in enumerate(zigzags):
            draw_path(axes[j // 4, 1 + j % 4], scan, f"(c) layer {j}, {j + 8}, …")

    alt = (
        f"Scan paths over {side} by {side} patches: (a) a sweep, row by row from the left with a jump back to each "
        "next row; (b) a zigzag, which turns at the end of each row and never jumps; (c) the eight zigzags, from each "
        "corner along rows or along columns, which layers take in turn."
    )
    return Picture((WIDTH, 2.8), draw, alt, (KEY,))


def figure_5(grid: tuple[int, int, int] = (3, 4, 4)) -> Picture:
    """Figure 5: (a) a sweep over frames, (b) the 3D zigzag, (c) factorised: zigzags in frames, then over time."""
    factorised = scan_plan("video-sst", grid, depth=3)
    scans = {
        "(a) sweep": only(scan_plan("sweep-1", grid, depth=1)),
        "(b) 3D zigzag": only(scan_plan("zigzag-1", grid, depth=1)),
        "(c) factorised: space": only(factorised),
        "(c) factorised: time": only(factorised[2:]),
    }

    def draw(figure: Figure) -> None:
        for i, (title, scan) in enumerate(scans.items()):
            draw_path(figure.add_subplot(1, 4, i + 1, projection="3d"), scan, title)

    alt = (
        f"Scan paths through {grid[0]} frames of {grid[1]} by {grid[2]} patches: (a) a sweep in memory order, which "
        "jumps between rows and between frames; (b) a 3D zigzag without a jump; (c) factorised: layers that zigzag "
        "within each frame, and layers that go through time at each place."
    )
    return Picture((WIDTH, 2.0), draw, alt, (KEY,))


def figure_9(sides: Sequence[int] = (4, 8, 16, 32)) -> Picture:
    """Figure 9: the Hilbert curve at several sizes."""
    return _sizes("hilbert", sides, "The Hilbert curve")


def figure_10(sides: Sequence[int] = (3, 9, 27, 16)) -> Picture:
    """Figure 10: Peano's curve from simple to complex; the last grid is no power of three, which ours allows."""
    return _sizes("peano", sides, "Peano's curve, whose 3x3 piece is the zigzag along columns,")


def _sizes(curve: str, sides: Sequence[int], words: str) -> Picture:
    def draw(figure: Figure) -> None:
        for ax, side in zip(np.ravel(figure.subplots(1, len(sides))), sides, strict=True):
            draw_path(ax, only(scan_plan(f"{curve}-1", (side, side), depth=1)), f"{side}x{side}")

    grids = ", ".join(f"{side} by {side}" for side in sides)
    alt = f"{words} on grids of {grids}: one path without a jump that fills small squares before it moves on."
    return Picture((WIDTH, 1.95), draw, alt, (KEY,))
