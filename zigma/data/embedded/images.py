"""What the embedded images share."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

DIGIT_NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def resize(images: Tensor, size: int) -> Tensor:
    """(N, C, H, W) at `size` x `size`: bilinear, with antialiasing where it shrinks."""
    if images.shape[-2:] == (size, size):
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)


def digit_captions(classes: Tensor) -> list[str]:
    """Such as "the digit three"."""
    return [f"the digit {DIGIT_NAMES[number]}" for number in classes.tolist()]
