"""Scan paths, their measures and their reach, drawn; every plot takes its axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle, Rectangle

from analysis.style import ALONG, line_styles
from zigma.scans import Layer, ScanOrder

Array = npt.NDArray[Any]


def draw_path(ax: Any, scan: ScanOrder, title: str = "") -> None:
    """A path over a grid (H, W) or (T, H, W): a circle where it starts, a square where it ends, lighter on the way.

    Jumps are thin, so that they do not hide the cells they cross; between segments, which are scanned apart, there
    is no line at all.
    """
    cells = np.stack(np.unravel_index(scan.order, scan.grid), axis=1).astype(float)
    lines = np.stack([cells[:-1], cells[1:]], axis=1)  # (L - 1, 2, dimensions)
    joined = np.arange(1, len(cells)) % (len(cells) // scan.segments) > 0
    jumps = np.abs(lines[:, 1] - lines[:, 0]).sum(axis=1) > 1
    along, lines, jumps = np.arange(len(lines))[joined], lines[joined], jumps[joined]
    ax.set_title(title)
    draw = _draw_2d if len(scan.grid) == 2 else _draw_3d
    draw(ax, scan.grid, cells, lines, along, jumps)


def _draw_2d(ax: Axes, grid: Sequence[int], cells: Array, lines: Array, along: Array, jumps: Array) -> None:
    height, width = grid
    thick = max(0.6, 0.2 * _points(ax) / max(grid))
    drawn = LineCollection(
        list(lines[..., ::-1]),
        array=along,
        cmap=ALONG,
        linewidths=np.where(jumps, thick / 3, thick),
        capstyle="round",
        clip_on=False,
    )
    drawn.set_clim(0, len(cells))
    ax.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor="0.6", linewidth=0.8))
    ax.add_collection(drawn)
    end = max(0.3, max(grid) / 45)  # half a mark's size, in cells: to be seen on a fine grid as well
    (top, left), (bottom, right) = cells[0], cells[-1]
    ax.add_patch(Circle((left, top), end, facecolor="white", edgecolor="black", linewidth=1, zorder=3))
    ax.add_patch(Rectangle((right - end, bottom - end), 2 * end, 2 * end, facecolor="black", zorder=3))
    ax.set(xlim=(-0.7, width - 0.3), ylim=(height - 0.3, -0.7), xticks=[], yticks=[], aspect="equal")
    ax.set_frame_on(False)


def _points(ax: Axes) -> float:
    """The shorter side of the axes in points, before a layout engine has moved them."""
    extent = ax.get_window_extent()
    return float(min(extent.width, extent.height) * 72 / ax.get_figure(root=True).dpi)  # type: ignore[union-attr]


def _draw_3d(ax: Any, grid: Sequence[int], cells: Array, lines: Array, along: Array, jumps: Array) -> None:
    from matplotlib import colormaps

    turned = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])  # frame, column, and rows downwards
    colours = colormaps[ALONG](along / len(cells))
    for line, colour, jump in zip(lines @ turned, colours, jumps, strict=True):
        ax.plot(*line.T, color=colour, linewidth=0.5 if jump else 1.6)
    start, end = cells[0] @ turned, cells[-1] @ turned
    ax.scatter(*start, marker="o", color="white", edgecolors="black", depthshade=False)
    ax.scatter(*end, marker="s", color="black", depthshade=False)
    ax.set(xlabel="frame", xticks=range(grid[0]), yticks=[], zticks=[])
    ax.tick_params(pad=-4)
    ax.xaxis.labelpad = -9


def draw_measures(ax: Axes, name: str, values: Mapping[str, float], digits: str = "%.3g") -> None:
    """One measure of several scans side by side, the value written at the bar."""
    places = np.arange(len(values))
    bars = ax.barh(places, list(values.values()), color="0.75", edgecolor="black", linewidth=0.6)
    ax.bar_label(bars, fmt=digits, padding=2, fontsize=7)
    ax.set(yticks=places, yticklabels=list(values), title=name, xticks=[])
    ax.margins(x=0.25)
    ax.invert_yaxis()
    ax.spines[["top", "right", "bottom"]].set_visible(False)


def draw_reach(ax: Axes, shares: Mapping[str, Sequence[float]]) -> None:
    """Share of token pairs of which one can influence the other, after each layer."""
    for (name, share), look in zip(shares.items(), line_styles(), strict=False):
        ax.plot(range(1, len(share) + 1), share, label=name, markersize=4, **look)
    ax.set(xlabel="layers", ylabel="share of token pairs reached", ylim=(0, 1.05))
    ax.legend(frameon=False, fontsize=8)
    ax.spines[["top", "right"]].set_visible(False)


def only(layers: Sequence[Layer]) -> ScanOrder:
    """What the first of these layers scans, which is one order."""
    assert isinstance(layers[0], ScanOrder)
    return layers[0]
