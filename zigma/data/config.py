"""Which data a run sees, as plain data: importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, model_validator

from zigma.common.configuration import Configuration, Count
from zigma.data.names import EMBEDDED, PREPARED, check_name

View = Literal["pixels", "latents"]
PAPER_FRAMES = 16  # frames of a video in the paper (section 4.1)


def _name(name: str) -> str:
    check_name(name)
    return name


class DataConfig(Configuration):
    """A data set by name, and the size at which it is seen.

    Raises ValueError, in one line, for a name, size, length or view that the data set does not have.
    """

    name: Annotated[str, AfterValidator(_name)] = "digits"
    size: Count = 8  # height and width in pixels, also when latents are read
    frames: Count | None = None  # video length; None for images (and 16 for data that is always video)
    root: str | None = None  # folder of shards, for data that does not ship inside a dependency
    view: View = "pixels"  # of shards: pixels in [-1, 1], or autoencoder latents times 0.18215

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.name in EMBEDDED:
            self._check_embedded()
        elif PREPARED[self.name].video and self.frames is None:
            object.__setattr__(self, "frames", PAPER_FRAMES)
        if self.view == "latents" and self.size % 8:
            raise ValueError(f"latents are an eighth of the size, which must divide by 8, got {self.size}")
        return self

    def _check_embedded(self) -> None:
        known = EMBEDDED[self.name]
        if self.root is not None:
            raise ValueError(f"{self.name} ships with the dependencies and takes no root, got {self.root!r}")
        if self.view != "pixels":
            raise ValueError(f"{self.name} comes as pixels only, got view={self.view!r}")
        if self.size < known.smallest:
            raise ValueError(f"{self.name} needs a size of at least {known.smallest} pixels, got {self.size}")
        if known.largest is not None and self.size > known.largest:
            raise ValueError(f"{self.name} comes in at most {known.largest} pixels, got {self.size}")
        if known.video == "never" and self.frames is not None:
            raise ValueError(f"{self.name} are images; their video is moving-{self.name}")
        if known.video == "always" and self.frames is None:
            object.__setattr__(self, "frames", PAPER_FRAMES)
