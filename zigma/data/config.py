"""Which data a run sees, as plain data: importable without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataConfig:
    """A data set by name, and the size at which it is seen."""

    name: str = "digits"
    size: int = 8  # height and width in pixels
    frames: int | None = None  # video length; None for images
    root: str | None = None  # folder of shards, for data that does not ship inside a dependency
