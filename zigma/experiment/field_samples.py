"""Samples of a network trained on Gaussian fields, judged by the covariance that is known: no extractor is needed.

    samples_frechet            Frechet distance between the Gaussian fitted to the samples and that of the data, per
                               value: every two values of a field are compared, wherever they lie
    samples_covariance_error   the same covariance as a function of how far two values are apart, averaged over the
                               field: |C - K| / |K| over all distances in rows and columns (Frobenius). It needs fewer
                               samples, and does not see a network that draws one place differently from another

Both are above 0 for true fields too, and the more so the fewer they are: `..._floor` is their mean over sets of as many
true fields. A Frechet distance of fewer samples than values favours samples that are too even: read both.

Shapes: n samples, C channels, H and W height and width, N = C H W values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zigma.data import Split
from zigma.data.fields import component_covariances, covariance_root
from zigma.experiment.config import RunConfig
from zigma.metrics import frechet_distance_to_gaussian
from zigma.training.processes import from_main, together

LARGEST = 4096  # values of a field above which its covariance would take longer than drawing the samples
MOST_VALUES = 2**26  # of the samples that are kept, 256 MiB: the first ones
FLOOR_FIELDS, FLOOR_SETS = 1024, 16  # true fields drawn for a floor, about, and at most so many sets of them

Array = npt.NDArray[np.float64]
Row = dict[str, Any]  # a metric in the words of a record


def can_judge(config: RunConfig) -> bool:
    """Whether the covariance of the run's data is known, and small enough to compare samples with."""
    field = config.data.field
    return field is not None and field.channels * int(np.prod(config.data.sides)) <= LARGEST


class FieldSamples:
    """Keeps samples as they are drawn, before they become pixels, and judges them."""

    def __init__(self, config: RunConfig, true_fields: Split) -> None:
        self.config, self.true_fields = config, true_fields
        self._drawn: list[Tensor] = []

    def watching(self, pixels: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """`pixels`, that lets the samples be seen here first; those of before are forgotten."""
        self._drawn = []

        def seen(samples: Tensor) -> Tensor:
            self._drawn.append(samples.detach().float().cpu())
            return pixels(samples)

        return seen

    def measure(self) -> list[Row]:
        """The metrics of what was drawn last, by all processes; computed by the main one, told to all."""
        parts = together(lambda: torch.cat(self._drawn) if self._drawn else torch.empty(0))
        self._drawn = []
        return from_main(lambda: self._measure(torch.cat([part for part in parts if len(part)])))

    def _measure(self, samples: Tensor) -> list[Row]:
        n = min(len(samples), max(2, MOST_VALUES // samples[0].numel()))
        judge = _Judge(self.config)
        sets = max(1, min(FLOOR_SETS, FLOOR_FIELDS // n))
        last = len(self.true_fields)  # of a part without end: no run has read them
        floors = [
            judge(self.true_fields.batch(range(last - (i + 1) * n, last - i * n)).images) for i in range(sets)
        ]
        rows = []
        for name, value in judge(samples[:n]).items():
            values = [floor[name] for floor in floors]
            rows.append({"name": name, "value": value, "n_generated": n, "reference": "exact"})
            settings = {"sets": sets} | ({"std": float(np.std(values, ddof=1))} if sets > 1 else {})
            floor = {"value": float(np.mean(values)), "n_real": n, "reference": "exact", "settings": settings}
            rows.append({"name": f"{name}_floor"} | floor)
        return rows


class _Judge:
    """Compares fields (n, C, H, W) with the law of a configuration's data."""

    def __init__(self, config: RunConfig) -> None:
        components = component_covariances(config.data)
        channels = components[0][0]  # of all components the same
        cells = np.mean([along for _, along in components], axis=0)  # a mixture's means are all 0
        self.root = np.kron(covariance_root(channels), covariance_root(cells))
        height, width = config.data.sides
        # the first cell's row of K holds the covariance at each distance; mirrored distances have the same
        # at the farthest, a field has no pair
        first = np.pad(cells[0].reshape(height, width), ((0, 1), (0, 1)))
        rows, columns = (
            np.minimum(np.arange(2 * side), np.arange(2 * side, 0, -1)) for side in (height, width)
        )
        self.by_distance = channels[:, :, None, None] * first[rows][:, columns]

    def __call__(self, fields: Tensor) -> dict[str, float]:
        images = fields.double().numpy()
        values = images[0].size
        distance = frechet_distance_to_gaussian(generated=images.reshape(-1, values), root=self.root)
        return {
            "samples_frechet": distance / values,
            "samples_covariance_error": self._covariance_error(images),
        }

    def _covariance_error(self, images: Array) -> float:
        """Of the two covariances as matrices (N, N), the samples' averaged over all pairs equally far apart."""
        products, pairs = _products(images)
        weight = np.sqrt(pairs)
        error = (products / np.maximum(pairs, 1) - self.by_distance) * weight
        return float(np.linalg.norm(error) / np.linalg.norm(self.by_distance * weight))


def _products(images: Array) -> tuple[Array, Array]:
    """Sums of products of two values so many rows and columns apart, a mean over the fields, (C, C, 2 H, 2 W).

    And how many pairs there are, (2 H, 2 W); by Fourier transforms of fields in a frame of zeros.
    """
    height, width = images.shape[-2:]
    frame = (2 * height, 2 * width)
    spectra = np.fft.rfft2(images, frame)
    products = np.einsum("nchw,ndhw->cdhw", spectra, spectra.conj()) / len(images)
    ones = np.abs(np.fft.rfft2(np.ones((height, width)), frame)) ** 2
    return np.fft.irfft2(products, frame), np.fft.irfft2(ones, frame).round()
