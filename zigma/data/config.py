"""Which data a run sees, as plain data: importable without torch."""

from __future__ import annotations

from dataclasses import dataclass

from zigma.data.names import check_name


@dataclass(frozen=True)
class DataConfig:
    """A data set by name, and the size at which it is seen."""

    name: str = "digits"
    size: int = 8  # height and width in pixels
    frames: int | None = None  # video length; None for images
    root: str | None = None  # folder of shards, for data that does not ship inside a dependency

    def __post_init__(self) -> None:
        check_name(self.name)
        if not isinstance(self.size, int) or self.size < 1:
            raise ValueError(f"size must be a positive number of pixels, got {self.size!r}")
        if self.frames is not None and (not isinstance(self.frames, int) or self.frames < 1):
            raise ValueError(f"frames must be None or a positive number of frames, got {self.frames!r}")
