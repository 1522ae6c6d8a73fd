"""Images or videos in two parts, read by index.

Shapes: B batch, N items, T frames, C channels, H and W height and width, M caption tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

Indices = Sequence[int] | np.ndarray | Tensor
ENDLESS = 2**62  # the length of a split that draws its items when asked: no run reads one twice


@dataclass(frozen=True)
class Batch:
    """Some items of a split.

    `images` is (B, C, H, W) or (B, T, C, H, W), float32 in [-1, 1]; for `view="latents"` they are latents.
    """

    images: Tensor
    classes: Tensor | None = None  # (B,), int64
    captions: list[str] | None = None  # B of them
    text: Tensor | None = None  # (B, M, text width): features of the captions, where the shards hold them

    def __len__(self) -> int:
        return len(self.images)


class Split(Protocol):
    """The train or the held-out part of a data set. Any item is reached by its index, so any order can be."""

    def __len__(self) -> int: ...

    def batch(self, indices: Indices) -> Batch:
        """The items at `indices`, in that order, repeats allowed. Raises IndexError outside 0..len-1."""
        ...


@dataclass(frozen=True)
class Dataset:
    """A data set in two parts that do not overlap."""

    train: Split
    held_out: Split
    classes: int | None  # number of classes
    channels: int
    fingerprint: str  # equal to zigma.data.fingerprint(config)
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class MemorySplit:
    """A split whose items are held in memory."""

    images: Tensor  # (N, C, H, W) or (N, T, C, H, W): float32 in [-1, 1], or uint8 to save memory
    classes: Tensor | None = None  # (N,), int64
    captions: list[str] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Indices) -> Batch:
        """See `Split.batch`."""
        index = as_index(indices, len(self))
        return Batch(
            images=from_uint8(self.images[index]),
            classes=None if self.classes is None else self.classes[index],
            captions=None if self.captions is None else [self.captions[i] for i in index.tolist()],
        )


def as_index(indices: Indices, length: int) -> Tensor:
    """`indices` as an int64 tensor (B,). Raises IndexError when one is not in 0..length-1."""
    index = torch.as_tensor(indices, dtype=torch.int64, device="cpu")
    if len(index) and (index.min() < 0 or index.max() >= length):
        raise IndexError(f"indices must lie in 0..{length - 1}, got {int(index.min())}..{int(index.max())}")
    return index


def to_uint8(images: Tensor) -> Tensor:
    """Pixels in [-1, 1] (any shape) as uint8 in 0..255, clamped and rounded to the nearest level."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def from_uint8(images: Tensor) -> Tensor:
    """uint8 pixels as float32 in [-1, 1]; a tensor that is already floating point is returned as it is."""
    return images.float().div(127.5).sub(1) if images.dtype == torch.uint8 else images
