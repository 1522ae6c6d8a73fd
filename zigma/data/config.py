"""Which data a run sees, as plain data: importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from zigma.common.configuration import Configuration, Count, Number, Positive, later
from zigma.common.plugged import short
from zigma.common.words import counted
from zigma.data.names import EMBEDDED, PREPARED, check_name, is_own

View = Literal["pixels", "latents"]
CovarianceName = Literal["exponential", "matern", "power-law"]
COVARIANCES: tuple[str, ...] = get_args(CovarianceName)
PAPER_FRAMES = 16  # frames of a video in the paper (section 4.1)


def _name(name: str) -> str:
    check_name(name)
    return name


class FieldConfig(Configuration):
    """Which Gaussian fields the data set `fields` draws (`zigma.data.fields` has the formulas).

    Several covariances or lengths make a mixture, each component as likely as any other. Where one of the two is a
    single one, it is every component's.
    """

    covariances: Annotated[tuple[CovarianceName, ...], Field(min_length=1)] = ("exponential",)
    lengths: Annotated[tuple[Positive, ...], Field(min_length=1)] = (8.0,)  # in cells
    exponent: Positive = 2.0  # of the power law's spectrum
    channels: Count = 1
    channel_correlation: Annotated[Number, Field(ge=0, le=1)] = 0.0  # of any two channels in one cell

    @model_validator(mode="after")
    def _pairs(self) -> Self:
        counts = {len(self.covariances), len(self.lengths)} - {1}
        if len(counts) > 1:
            raise ValueError(
                f"{counted(len(self.covariances), 'covariance')} and {counted(len(self.lengths), 'length')} make no "
                "pairs: one of them must be single, or both equally many"
            )
        return self

    @property
    def components(self) -> tuple[tuple[CovarianceName, float], ...]:
        """Covariance and length of each component of the mixture."""
        count = max(len(self.covariances), len(self.lengths))
        names = self.covariances * (count if len(self.covariances) == 1 else 1)
        lengths = self.lengths * (count if len(self.lengths) == 1 else 1)
        return tuple(zip(names, lengths, strict=True))


class DataConfig(Configuration):
    """A data set by name, and the size at which it is seen.

    Raises ValueError, in one line, for a name, size, length or view that the data set does not have.
    """

    name: Annotated[str, AfterValidator(_name)] = "digits"
    size: Count = 8  # height and width in pixels, also when latents are read
    frames: Count | None = None  # video length; None for images (and 16 for data that is always video)
    root: str | None = None  # folder of shards, for data that does not ship inside a dependency
    view: View = "pixels"  # of shards: pixels in [-1, 1], or autoencoder latents times 0.18215
    width: Count | None = later(None)  # of fields and of one's own data, where it is not the height
    field: FieldConfig | None = later(None)  # of fields alone, which have the default one unless told

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.size, self.size if self.width is None else self.width

    @property
    def is_own(self) -> bool:
        """Whether the data set is of a person's file or of an installed package."""
        return is_own(self.name)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._check_field()
        if self.name in EMBEDDED:
            self._check_embedded()
        elif is_own(self.name):
            self._check_own()
        elif PREPARED[self.name].video and self.frames is None:
            object.__setattr__(self, "frames", PAPER_FRAMES)
        if self.view == "latents" and self.size % 8:
            raise ValueError(f"latents are an eighth of the size, which must divide by 8, got {self.size}")
        return self

    def _check_field(self) -> None:
        if self.name == "fields" and self.field is None:
            object.__setattr__(self, "field", FieldConfig())
        if self.name != "fields" and self.field is not None:
            raise ValueError(f"{short(self.name)} are no Gaussian fields and take no field settings")
        if self.width == self.size:  # one configuration for one data set
            object.__setattr__(self, "width", None)
        if self.width is not None and self.name != "fields" and not self.is_own:
            raise ValueError(f"{self.name} come square: width must be left out, got {self.width}")

    def _check_own(self) -> None:
        if self.root is not None or self.view != "pixels":
            raise ValueError(
                f"{short(self.name)} reads its own files and gives pixels: root and view must be left out; name its "
                "files in FILES, so that a run's identity knows them"
            )

    def _check_embedded(self) -> None:
        embedded = EMBEDDED[self.name]
        if self.root is not None:
            raise ValueError(f"{self.name} ships with the dependencies and takes no root, got {self.root!r}")
        if self.view != "pixels":
            raise ValueError(f"{self.name} comes as pixels only, got view={self.view!r}")
        if self.size < embedded.smallest:
            raise ValueError(
                f"{self.name} needs a size of at least {embedded.smallest} pixels, got {self.size}"
            )
        if embedded.largest is not None and self.size > embedded.largest:
            raise ValueError(f"{self.name} comes in at most {embedded.largest} pixels, got {self.size}")
        if embedded.video == "never" and self.frames is not None:
            moving = f"moving-{self.name}"
            hint = f"; their video is {moving}" if moving in EMBEDDED else " and have no video"
            raise ValueError(f"{self.name} are images{hint}")
        if embedded.video == "always" and self.frames is None:
            object.__setattr__(self, "frames", PAPER_FRAMES)
