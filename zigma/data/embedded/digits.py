"""1,797 real handwritten digits, as they ship with scikit-learn (UCI optical recognition, test part)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zigma.data.config import DataConfig
from zigma.data.dataset import Dataset, MemorySplit
from zigma.data.embedded.images import DIGIT_NAMES, digit_captions, resize
from zigma.data.fingerprints import fingerprint

N_TRAIN = 1297  # of 1,797; the other 500 are held out


def load_digits_split() -> tuple[Tensor, Tensor, np.ndarray, np.ndarray]:
    """All digits (1797, 1, 8, 8) in [-1, 1], their classes (1797,), and the rows of the two parts."""
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)  # 17 grey levels, 0..16
    images = torch.as_tensor(pixels, dtype=torch.float32).reshape(-1, 1, 8, 8) / 8 - 1
    order = np.random.default_rng(0).permutation(len(images))
    return images, torch.as_tensor(classes, dtype=torch.int64), order[:N_TRAIN], order[N_TRAIN:]


def load(config: DataConfig) -> Dataset:
    """The digits at `config.size` pixels (8 is native), one channel, captions such as "the digit three"."""
    images, classes, train, held_out = load_digits_split()
    images = resize(images, config.size)

    def part(rows: np.ndarray) -> MemorySplit:
        return MemorySplit(images[rows], classes[rows], digit_captions(classes[rows]))

    return Dataset(
        train=part(train),
        held_out=part(held_out),
        classes=len(DIGIT_NAMES),
        channels=1,
        fingerprint=fingerprint(config),
        class_names=DIGIT_NAMES,
    )
