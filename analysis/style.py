"""The look of every picture: colour-blind safe, readable in grey and in print."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ALONG = "viridis"  # colours along a path: lightness rises with it, so grey tells the same
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")  # Okabe and Ito
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def line_styles() -> Iterator[dict[str, Any]]:
    """Colour, dash and marker that differ all at once."""
    for colour, dash, marker in zip(cycle(COLOURS), cycle(DASHES), cycle(MARKERS), strict=False):
        yield {"color": colour, "linestyle": dash, "marker": marker}


@contextmanager
def style() -> Iterator[None]:
    """Draw without a screen, and the same bytes every time."""
    import matplotlib

    look: Any = {"svg.hashsalt": "zigma-studies", "font.size": 9, "axes.titlesize": 10, "figure.dpi": 150}
    with matplotlib.rc_context(look):
        yield


def save(figure: Figure, path: Path, endings: tuple[str, ...] = ("png", "svg")) -> list[Path]:
    """Write a figure under each ending, without the date; returns the files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
    written = []
    for ending in endings:
        written.append(path.with_name(f"{path.name}.{ending}"))
        figure.savefig(written[-1], metadata=undated.get(ending))
    return written
