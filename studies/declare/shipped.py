"""Where the records are that ship with the project: seen from any folder."""

from __future__ import annotations

from pathlib import Path

PUBLISHED = "published"


def shipped_results(results: Path) -> Path:
    """The results folder whose `published/` counts: the person's own where it has one, else the checkout's."""
    return results if (results / PUBLISHED).is_dir() else Path(__file__).parents[2] / "results"
