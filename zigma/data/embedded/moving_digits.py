"""Real handwritten digits moving over a black canvas: video with classes.

A held-out video shows a digit that is held out of `digits`, so no training video shows it.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.data.config import DataConfig
from zigma.data.dataset import Dataset, MemorySplit, to_uint8
from zigma.data.embedded.digits import load_digits_split
from zigma.data.embedded.images import DIGIT_NAMES, resize
from zigma.data.fingerprints import fingerprint

_SEED = 1
_DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # (x, y), y downwards


def load(config: DataConfig) -> Dataset:
    """One video (T, 1, H, W) for every digit, captions such as "the digit three moving left".

    The digit is half as high and wide as the canvas, starts anywhere, moves at a constant speed and bounces
    off the border; the caption tells where to it moves at first.
    """
    digits, classes, train, held_out = load_digits_split()
    frames = config.frames
    assert frames is not None  # DataConfig fills it in
    rng = np.random.default_rng(_SEED)
    n = len(digits)
    start, speed = rng.uniform(0, 1, (n, 2)), rng.uniform(1, 2, n) / 16  # in widths of the free space
    directions = rng.integers(len(_DIRECTIONS), size=n)
    velocity = np.array(list(_DIRECTIONS.values()))[directions] * speed[:, None]
    # Room for four steps before the first bounce, so that the motion begins as the caption tells.
    room = 4 * np.abs(velocity)
    start = room * (velocity < 0) + start * (1 - room)
    places = start[:, None] + velocity[:, None] * np.arange(frames)[:, None]  # (n, T, 2)
    places = 1 - np.abs(1 - np.mod(places, 2))  # bounce: a triangle wave between 0 and 1

    images = _render(
        resize(digits, config.size // 2), torch.as_tensor(places, dtype=torch.float32), config.size
    )
    names = list(_DIRECTIONS)

    def part(rows: np.ndarray) -> MemorySplit:
        captions = [f"the digit {DIGIT_NAMES[int(classes[i])]} moving {names[directions[i]]}" for i in rows]
        return MemorySplit(images[rows], classes[rows], captions)

    return Dataset(
        train=part(train),
        held_out=part(held_out),
        classes=len(DIGIT_NAMES),
        channels=1,
        fingerprint=fingerprint(config),
        class_names=DIGIT_NAMES,
    )


def _render(digits: Tensor, places: Tensor, size: int) -> Tensor:
    """Digits (N, 1, h, w) at `places` (N, T, 2), 0..1 of the free space, as uint8 (N, T, 1, size, size)."""
    n, frames = places.shape[:2]
    side = digits.shape[-1]
    offset = places * (size - side)  # pixels between the canvas's and the digit's upper left corner
    pixel = torch.arange(size)
    videos = torch.empty(n, frames, 1, size, size, dtype=torch.uint8)
    for t in range(frames):
        # Column x of the canvas shows column x - offset of the digit; grid_sample wants it in [-1, 1].
        inside = (pixel - offset[:, t, :, None] + 0.5) * 2 / side - 1  # (N, 2, size)
        grid = torch.stack(
            [inside[:, 0, None, :].expand(n, size, size), inside[:, 1, :, None].expand(n, size, size)], dim=-1
        )
        ink = F.grid_sample(digits + 1, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        videos[:, t] = to_uint8(ink - 1)
    return videos
