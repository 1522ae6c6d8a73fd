"""Features of images with what must be known to compare them, and the file that keeps them.

Legend: N images, T frames, C channels, H and W height and width, d features.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from zigma.common.files import save_tensors
from zigma.common.numbers import is_whole
from zigma.common.words import unknown
from zigma.metrics.extractors.load import Extractor

_WORDS = ("extractor", "identity", "resize", "source", "unit")

Unit = Literal["images", "frames", "videos"]


@dataclass(frozen=True)
class Features:
    """Features (N, d) of one set of images, and by what they were computed from what."""

    values: Tensor
    extractor: str
    identity: str  # sha256 of the extractor's weights
    resize: str
    source: str  # "generated", or which part of which data
    unit: str = "images"  # what one row is of: an image, a frame of a video, or a video

    def save(self, path: str | os.PathLike[str]) -> None:
        """Keep them in a safetensors file, from which every metric can be computed again without sampling."""
        words = {word: getattr(self, word) for word in _WORDS}
        save_tensors(Path(path), {"features": self.values.contiguous()}, words)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> "Features":
        """Read what `save` wrote.

        Raises:
            ValueError: the file is not one of features.
        """
        try:
            with safe_open(path, framework="pt") as file:
                words = file.metadata() or {}
                return Features(file.get_tensor("features"), *(words[word] for word in _WORDS))
        except (OSError, KeyError, ValueError, SafetensorError) as error:
            raise ValueError(f"{path} is not a file of saved features: {error}") from error


class FeatureCollector:
    """Takes images a few at a time and keeps only their features, so that any number of them fits in memory.

    Under the unit "frames" an image extractor sees every frame of a video as an image. The network is asked about
    blocks of one size, whatever the sizes in which images come, so that those do not change a bit of the result.
    """

    def __init__(
        self, extractor: Extractor, *, unit: Unit = "images", batch_images: int | None = None
    ) -> None:
        self.extractor, self.unit = extractor, unit
        self.batch_images = batch_images or extractor.batch_images
        if unit not in get_args(Unit):
            raise unknown("unit", unit, list(get_args(Unit)))
        self._shape: torch.Size | None = None  # of one
        self._waiting: list[Tensor] = []
        self._values: list[Tensor] = []

    def add(self, images: Tensor) -> None:
        """uint8 images (N, C, H, W), or videos (N, T, C, H, W).

        Raises:
            ValueError: not such images.
        """
        if not isinstance(images, Tensor):
            raise ValueError(f"images come as tensors, not as {type(images).__name__}")
        self._shape = images.shape[1:] if self._shape is None else self._shape
        if images.shape[1:] != self._shape:
            raise ValueError(f"all have one shape, {tuple(self._shape)}, not {tuple(images.shape[1:])}")
        if self.unit == "frames":
            if images.dim() != 5:
                raise ValueError(f"videos must be (N, T, C, H, W), not {tuple(images.shape)}")
            images = images.flatten(0, 1)
        self._waiting.append(images)
        if sum(map(len, self._waiting)) >= self.batch_images:
            *whole, rest = torch.cat(self._waiting).split(self.batch_images)
            if len(rest) == self.batch_images:
                whole, rest = [*whole, rest], rest[:0]
            self._values += [self.extractor(block).cpu() for block in whole]
            self._waiting = [rest.clone()] if len(rest) else []  # a clone, lest a view keep all of them

    def values(self) -> Tensor:
        """The features (N, d) of all that came; (0, 0) of none."""
        if self._waiting:
            self._values.append(self.extractor(torch.cat(self._waiting)).cpu())
            self._waiting = []
        return torch.cat(self._values) if self._values else torch.empty(0, 0)

    def features(self, values: Tensor, source: str) -> Features:
        """`values`, of this and perhaps other processes, with what must be known to compare them."""
        return Features(
            values, self.extractor.name, self.extractor.identity, self.extractor.resize, source, self.unit
        )


def extract_features(
    extractor: Extractor,
    images: Tensor | Iterable[Tensor],
    *,
    source: str,
    n: int | None = None,
    batch_images: int | None = None,
    unit: Unit = "images",
) -> Features:
    """Features of the first n images, batch by batch: the images need not fit in memory.

    Args:
        images: uint8 (N, C, H, W), or (N, T, C, H, W) for a video extractor or the unit "frames"; one tensor or
            an iterable of batches.
        n: exactly how many images, or videos; by default all.

    Raises:
        ValueError: not such images, or fewer than n of them.
    """
    collector = FeatureCollector(extractor, unit=unit, batch_images=batch_images)
    for batch in first(images, n, source=source, batch_images=collector.batch_images):
        collector.add(batch)
    return collector.features(collector.values(), source)


def first(
    images: Tensor | Iterable[Tensor], n: int | None, *, source: str, batch_images: int = 64
) -> Iterator[Tensor]:
    """Batches of exactly the first n images, or of all if n is None; nothing after them is read.

    Raises:
        ValueError: there are fewer than n, or none.
    """
    if n is not None and (not is_whole(n) or n < 1):
        raise ValueError(f"a number of images is whole and at least 1, not {n}")
    count = 0
    for batch in images.split(batch_images) if isinstance(images, Tensor) else images:
        taken = batch if n is None else batch[: n - count]
        count += len(taken)
        if len(taken):
            yield taken
        if count == n:
            return
    if n is not None or not count:
        raise ValueError(f"{'some' if n is None else n} {source} images are needed and there are {count}")
