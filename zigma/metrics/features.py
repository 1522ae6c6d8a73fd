"""Features of images with what must be known to compare them, and the file that keeps them.

Legend: N images, T frames, C channels, H and W height and width, d features.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from zigma.metrics.extractors import Extractor

_WORDS = ("extractor", "identity", "resize", "source")


@dataclass(frozen=True)
class Features:
    """Features (N, d) of one set of images, and by what they were computed from what."""

    values: Tensor
    extractor: str
    identity: str  # sha256 of the extractor's weights
    resize: str
    source: str  # "generated", or which part of which data

    def save(self, path: str | os.PathLike[str]) -> None:
        """Keep them in a safetensors file, from which every metric can be computed again without sampling."""
        path = Path(path)
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        words = {word: getattr(self, word) for word in _WORDS}
        save_file({"features": self.values.contiguous()}, scratch, metadata=words)
        scratch.replace(path)  # a reader sees the whole file or none

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


def extract_features(
    extractor: Extractor,
    images: Tensor | Iterable[Tensor],
    *,
    source: str,
    n: int | None = None,
    batch_images: int = 64,
) -> Features:
    """Features of the first n images, batch by batch: the images need not fit in memory.

    Args:
        images: uint8 (N, C, H, W), or (N, T, C, H, W) for a video extractor; one tensor or an iterable of
            batches.
        n: exactly how many; by default all.

    Raises:
        ValueError: not such images, or fewer than n of them.
    """
    batches = first(images, n, source=source, batch_images=batch_images)
    values = torch.cat([extractor(part).cpu() for batch in batches for part in batch.split(batch_images)])
    return Features(values, extractor.name, extractor.identity, extractor.resize, source)


def first(
    images: Tensor | Iterable[Tensor], n: int | None, *, source: str, batch_images: int = 64
) -> Iterator[Tensor]:
    """Batches of exactly the first n images, or of all if n is None; nothing after them is read.

    Raises:
        ValueError: there are fewer than n, or none.
    """
    count = 0
    for batch in images.split(batch_images) if isinstance(images, Tensor) else images:
        wanted = batch if n is None else batch[: n - count]
        count += len(wanted)
        if len(wanted):
            yield wanted
        if count == n:
            return
    if n is not None or not count:
        raise ValueError(f"{'some' if n is None else n} {source} images are wanted and there are {count}")
