"""Gaussian random fields, drawn fresh: data whose best velocity is known exactly, of any size, never twice the same.

Item i depends on i alone, so that nothing is kept and any order of reading gives the same items. The training part
has no end (`ENDLESS`): what a run reads follows from its seed, and it never reads an item again.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zigma.data.config import DataConfig
from zigma.data.dataset import ENDLESS, Batch, Dataset, Indices, as_index
from zigma.data.facts import FIELDS_HELD_OUT
from zigma.data.fields import FloatArray, component_covariances, covariance_root
from zigma.data.fingerprints import fingerprint

_TRAIN, _HELD_OUT = 0, 1  # streams of random numbers


class FieldSplit:
    """Items of a mixture of fields: `batch` gives float32 (B, C, H, W) of unit variance, and the component as class."""

    def __init__(
        self, roots: list[tuple[Tensor, Tensor]], shape: tuple[int, int, int], length: int, stream: int
    ) -> None:
        self.roots, self.shape, self.length, self.stream = roots, shape, length, stream

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: Indices) -> Batch:
        """See `zigma.data.Split.batch`."""
        items = as_index(indices, len(self)).tolist()
        channels, height, width = self.shape
        normal = np.empty((len(items), channels, height * width), np.float32)
        component = np.zeros(len(items), np.int64)
        for row, item in enumerate(items):
            rng = np.random.Generator(np.random.Philox(key=self.stream, counter=[0, 0, 0, item]))
            component[row] = rng.integers(len(self.roots))
            rng.standard_normal(dtype=np.float32, out=normal[row])
        noise, images = torch.from_numpy(normal), torch.empty(len(items), *self.shape)
        for number, (across, along) in enumerate(self.roots):
            rows = torch.from_numpy(np.flatnonzero(component == number))
            drawn = across @ (noise[rows] @ along.T)  # covariance (A A^T) x (R R^T)
            images[rows] = drawn.reshape(len(rows), *self.shape)
        return Batch(images=images, classes=torch.from_numpy(component))


def load(config: DataConfig) -> Dataset:
    """The fields of `config.field` at `config.sides`; the components of a mixture are its classes."""
    assert config.field is not None  # DataConfig fills it in
    roots = [(_root(channels), _root(cells)) for channels, cells in component_covariances(config)]
    shape = (config.field.channels, *config.sides)
    return Dataset(
        train=FieldSplit(roots, shape, ENDLESS, _TRAIN),
        held_out=FieldSplit(roots, shape, FIELDS_HELD_OUT, _HELD_OUT),
        classes=len(roots),
        channels=config.field.channels,
        fingerprint=fingerprint(config),
        class_names=tuple(f"{name} of length {length:g}" for name, length in config.field.components),
    )


def _root(covariance: FloatArray) -> Tensor:
    """A matrix R with R R^T = K, float32."""
    return torch.from_numpy(covariance_root(covariance).astype(np.float32))
