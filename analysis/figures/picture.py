"""What a figure is: how it is drawn, what it says in words, and the records it rests on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from studies.run.record import Record

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure, ready to be drawn.

    `alt` says in words what there is to see, numbers included, for whoever cannot see it; `notes` stand beside
    the file, not in it; `records` are those whose numbers or samples it shows, none for a drawing made from the code.
    """

    size: tuple[float, float]  # inches
    draw: Callable[[Figure], None]
    alt: str
    notes: tuple[str, ...] = ()
    records: tuple[Record, ...] = ()
    layout: Literal["constrained"] | None = "constrained"  # which draws twice


@dataclass(frozen=True)
class Missing:
    """A figure that cannot be drawn, because nothing was recorded: what would have to be run."""

    run: str


def caption(title: str, picture: Picture) -> str:
    """What stands beside a figure's file, as Markdown: its title, what there is to see, and its notes."""
    notes = "".join(f"- {note}\n" for note in picture.notes)
    return f"# {title}\n\n{picture.alt}\n" + (f"\n{notes}" if notes else "")
