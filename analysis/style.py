"""The look of every picture: colour-blind safe, readable in grey and in print."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zigma.common.files import replacing
from zigma.common.words import one_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.0  # inches: a page's text; what is drawn at this width is printed at its own size
SMALL = 6.5  # points: notes, the smallest that prints well
ALONG = "viridis"  # colours along a path: lightness rises with it, so grey tells the same
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")  # one more than colours, for an eighth name
HATCHES = ("", "////", "....", "xx", "\\\\\\\\", "--", "oo")

LONGEST_NAME = 40  # letters of a name in a figure

# One arm looks the same in every figure; those not named here take what is left.
KNOWN = {
    "zigzag-8": 1,
    "ZigMa": 1,
    "sweep": 0,
    "hilbert-8": 2,
    "DiT": 2,
    "zigzag": 1,
    "parallel": 2,
    "bidirectional": 3,
    "VisionMamba": 3,
    "U-ViT": 3,
    "random": 6,
}


def line_styles() -> Iterator[dict[str, Any]]:
    """Colour, dash and marker that differ all at once."""
    for colour, dash, marker in zip(cycle(COLOURS), cycle(DASHES), cycle(MARKERS), strict=False):
        yield {"color": colour, "linestyle": dash, "marker": marker}


def looks(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, dash, marker and hatch for each name: the same for a known arm in every figure."""
    names = list(names)
    styles = _styles(len(names) + len(KNOWN))
    taken = {KNOWN[name] for name in names if name in KNOWN}
    left = (i for i in range(len(styles)) if i not in taken)
    chosen: dict[str, dict[str, Any]] = {}
    used: set[int] = set()
    for name in names:
        place = KNOWN.get(name, -1)
        if place < 0 or place in used:
            place = next(i for i in left if i not in used)
        used.add(place)
        chosen[name] = styles[place]
    return chosen


def _styles(count: int) -> list[dict[str, Any]]:
    return [look | {"hatch": hatch} for look, hatch, _ in zip(line_styles(), cycle(HATCHES), range(count))]


def label(name: str) -> str:
    """A name that others chose, on one line and without control characters, which no file format of figures takes.

    A long one loses its middle: names that a study makes of many parts differ at either end.
    """
    plain = one_line(name)
    if plain.startswith("_"):
        plain = f" {plain}"  # which a legend leaves out
    if len(plain) <= LONGEST_NAME:
        return plain
    half = (LONGEST_NAME - 1) // 2
    return f"{plain[:half]}…{plain[-half:]}"


def labels(names: Iterable[str]) -> list[str]:
    """`label` of each name in one figure; whole where they would be the same shortened."""
    names = list(names)
    short = [label(name) for name in names]
    return [one if short.count(one) == 1 else one_line(name) for name, one in zip(names, short, strict=True)]


def line(look: dict[str, Any]) -> dict[str, Any]:
    """Of a look, what a line takes."""
    return {name: look[name] for name in ("color", "linestyle", "marker")}


def bare(ax: Axes) -> None:
    """Only the axes that carry numbers."""
    ax.spines[["top", "right"]].set_visible(False)


@contextmanager
def style() -> Iterator[None]:
    """Draw without a screen, and the same bytes every time, whatever the user's `matplotlibrc` says."""
    import matplotlib.style

    look: Any = {
        "font.family": "DejaVu Sans",  # which ships with matplotlib
        "text.parse_math": False,  # a dollar in an arm's name is a dollar
        "svg.hashsalt": "zigma-studies",
        "figure.dpi": 200,
        "font.size": 8,
        "axes.titlesize": 8.5,
        "axes.labelsize": 8,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "legend.fontsize": 7,
        "legend.frameon": False,
        "lines.linewidth": 1.3,
        "lines.markersize": 3.5,
        "hatch.linewidth": 0.5,
        "axes.grid": False,
        "pdf.fonttype": 42,  # text stays text
    }
    with matplotlib.style.context(["default", look]):
        yield


def settle(figure: Figure) -> None:
    """Lay the figure out and keep the places, rounded. The layout sees only by a second pass what images have moved.

    The layout's solver adds up in the order in which its variables lie in memory: a last bit differs from process to
    process, and with it the names inside an SVG, which are hashes of places.
    """
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()
    figure.draw_without_rendering()
    if cut := [axes for axes in figure.axes if _is_cut(axes)]:
        _hold_ticks(cut)
        figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(Bbox(axes.get_position(original=True).get_points().round(6)))


def _is_cut(axes: Axes) -> bool:
    """Whether the layout leaves a label of the axes beyond the left edge."""
    box = axes.get_tightbbox(for_layout_only=True)
    return box is not None and box.x0 < 0


def _hold_ticks(cut: Iterable[Axes]) -> None:
    """Keep the ticks: the layout makes the axes lower in between, where fewer and shorter ones leave less room."""
    from matplotlib.ticker import FixedLocator

    for axes in cut:
        axes.yaxis.set_major_locator(FixedLocator(axes.get_yticks().tolist()))


def save(figure: Figure, path: Path, endings: tuple[str, ...] = ("png", "svg")) -> list[Path]:
    """Write a figure under each ending, without date and version of what drew it; returns the files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    plain: dict[str, dict[str, Any]] = {
        "svg": {"Date": None, "Creator": None},
        "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
        "png": {"Software": None},
    }
    settle(figure)
    written = []
    for ending in endings:
        written.append(path.with_name(f"{path.name}.{ending}"))
        with replacing(written[-1]) as beside:  # a full disk leaves no half a picture
            figure.savefig(beside, metadata=plain.get(ending))
    return written
