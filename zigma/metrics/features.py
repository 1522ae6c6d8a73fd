"""Features of images with what must be known to compare them, and the file that keeps them.

Legend: N images, T frames, C channels, H and W height and width, d features.
"""

import os
from collections.abc import Iterable
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
    batches = images.split(batch_images) if isinstance(images, Tensor) else images
    found: list[Tensor] = []
    count = 0
    for batch in batches:
        wanted = len(batch) if n is None else min(len(batch), n - count)
        for part in batch[:wanted].split(batch_images):
            found.append(extractor(part).cpu())
        count += wanted
        if count == n:
            break
    if not count or (n is not None and count < n):
        raise ValueError(f"{n or 'some'} {source} images are wanted and there are {count}")
    return Features(torch.cat(found), extractor.name, extractor.identity, extractor.resize, source)
