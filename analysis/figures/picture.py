"""What a figure is: how it is drawn, what it says in words, and the records it rests on."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studies.run.record import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LINE = 142  # letters of a note at the width of a page


@dataclass(frozen=True)
class Picture:
    """A figure, ready to be drawn.

    `alt` says in words what there is to see, numbers included, for whoever cannot see it; `notes` stand below
    the figure; `records` are those whose numbers or samples it shows, none for a drawing made from the code.
    """

    size: tuple[float, float]  # inches
    draw: Callable[[Figure], None]
    alt: str
    notes: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()


@dataclass(frozen=True)
class Missing:
    """A figure that cannot be drawn, because nothing was recorded: what would have to be run."""

    run: str


def write_notes(figure: Figure, notes: Iterable[str]) -> None:
    """The notes below a figure, as lines that fit its width."""
    from analysis.style import SMALL, WIDTH

    letters = int(LINE * figure.get_size_inches()[0] / WIDTH)
    lines = [line for note in notes for line in textwrap.wrap(note, letters, subsequent_indent="   ")]
    if lines:
        figure.supxlabel("\n".join(lines), fontsize=SMALL, x=0.01, ha="left", color="0.25", linespacing=1.3)


def notes_height(notes: Sequence[str], width: float) -> float:
    """Inches that the notes take below a figure of this width."""
    from analysis.style import WIDTH

    letters = int(LINE * width / WIDTH)
    return 0.12 * sum(len(textwrap.wrap(note, letters, subsequent_indent="   ")) for note in notes) + 0.05
