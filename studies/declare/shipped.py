"""Where what ships with the project lies: in a checkout's `results/`, or inside the installed package."""

from __future__ import annotations

import shlex
from functools import cache
from importlib.resources import files
from pathlib import Path

RESULTS = Path("results")  # what every command reads and writes where no `--results` is given
PUBLISHED = "published"


def same_results(results: Path) -> str:
    """What a command that is proposed must end in, so that it looks into the same results folder."""
    return "" if results == RESULTS else f" --results {shlex.quote(str(results))}"


@cache
def shipped() -> Path:
    """The folder that holds `paper/` and `published/`: a wheel brings them inside the package `studies`."""
    package = Path(str(files("studies")))
    inside = package / "shipped"
    return inside if inside.is_dir() else package.parent / "results"


def shipped_results(results: Path) -> Path:
    """The results folder whose `published/` counts: the person's own where it has one, else what ships."""
    return results if (results / PUBLISHED).is_dir() else shipped()


def published_folder(results: Path) -> Path:
    """The published records that tables and figures of a results folder show.

    Its own, or for `results` itself what ships: commands in an empty folder show what ships, while a folder that is
    named shows nothing but itself.
    """
    return (shipped_results(results) if results == RESULTS else results) / PUBLISHED
