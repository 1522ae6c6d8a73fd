"""Images or videos held in memory and read by index.

Shapes: B batch, T frames, C channels, H and W height and width in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

Indices = Sequence[int] | np.ndarray | Tensor


@dataclass(frozen=True)
class Batch:
    """Some items of a split: `images` (B, C, H, W) or (B, T, C, H, W), float32 in [-1, 1]."""

    images: Tensor
    classes: Tensor | None = None  # (B,), int64
    captions: list[str] | None = None  # B of them

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Split:
    """The train or the held-out part of a data set, read by index so that any order can be asked for."""

    images: Tensor  # (N, C, H, W) or (N, T, C, H, W): float32 in [-1, 1], or uint8 to save memory
    classes: Tensor | None = None  # (N,), int64
    captions: list[str] | None = None

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Indices) -> Batch:
        """The items at `indices`, in that order, repeats allowed. Raises IndexError beyond the end."""
        index = torch.as_tensor(indices, dtype=torch.int64)
        return Batch(
            images=from_uint8(self.images[index]),
            classes=None if self.classes is None else self.classes[index],
            captions=None if self.captions is None else [self.captions[i] for i in index.tolist()],
        )


@dataclass(frozen=True)
class Dataset:
    """A data set in two parts that do not overlap."""

    train: Split
    held_out: Split
    classes: int | None  # number of classes
    channels: int
    fingerprint: str  # equal to zigma.data.fingerprint(config)


def to_uint8(images: Tensor) -> Tensor:
    """Pixels in [-1, 1] (any shape) as uint8 in 0..255, clamped and rounded to the nearest level."""
    return images.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def from_uint8(images: Tensor) -> Tensor:
    """uint8 pixels as float32 in [-1, 1]; a tensor that is already floating point is returned as it is."""
    return images.float().div(127.5).sub(1) if images.dtype == torch.uint8 else images
