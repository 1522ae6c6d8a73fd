"""Where what ships with the project lies: in a checkout's `results/`, or inside the installed package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

RESULTS = Path("results")  # what every command reads and writes where no `--results` is given


@cache
def shipped() -> Path:
    """The folder that holds `paper/` and `published/`: a wheel brings them inside the package `analysis`."""
    package = Path(str(files("analysis")))
    inside = package / "shipped"
    return inside if inside.is_dir() else package.parent / "results"


def published_folder(results: Path) -> Path:
    """The published records that belong to a results folder: its own, or for `results` itself what ships.

    So commands in an empty folder show what ships, while a folder that is named shows nothing but itself.
    """
    own = results / "published"
    return own if own.is_dir() or results != RESULTS else shipped() / "published"
