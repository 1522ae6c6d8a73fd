"""Covariances of stationary Gaussian fields on a grid. No torch.

A field's covariance depends on the distance d between two cells alone, has unit variance, and is one of

    exponential   exp(-d / length)                                        rough: continuous and nowhere smooth
    matern        (1 + sqrt(3) d / length) exp(-sqrt(3) d / length)       Matern 3/2: once differentiable
    power-law     that of the spectrum (|f|^2 + f_0^2)^(-exponent / 2), f_0 = 1 / (2 pi length)

in cells. Photographs have about the last, with an exponent of 2 (Field 1987); without `f_0` its variance would be
infinite. Shapes: H and W height and width of the grid, L = H W, C channels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from zigma.common.numbers import is_whole
from zigma.common.words import unknown
from zigma.data.config import COVARIANCES, DataConfig

FloatArray = npt.NDArray[np.float64]
TORUS = 4  # the power law's spectrum is sampled that many times finer than the grid and than f_0 at the least
NEAR = 8  # steps around zero, where it is steepest, that are sampled finer where f_0 asks for it


def field_covariance(
    name: str, grid: Iterable[int], *, length: float = 8.0, exponent: float = 2.0
) -> FloatArray:
    """The covariance, float64 (L, L), of a field's values on a grid (H, W), row by row.

    Args:
        name: `exponential`, `matern` or `power-law`.
        length: in cells; how far values resemble each other.
        exponent: of the power law's spectrum.

    Raises:
        ValueError: an unknown name, sides that are no whole numbers of at least 1, or a length that is not positive.
    """
    sides = tuple(grid) if isinstance(grid, Iterable) else (grid,)
    if len(sides) != 2 or not all(map(is_whole, sides)) or min(sides) < 1:
        raise ValueError(f"a field lies on a grid (height, width) of whole sides of at least 1, not {sides}")
    for word, value in (("length", length), ("exponent", exponent)):
        number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not number or not (math.isfinite(value) and value > 0):
            raise ValueError(f"{word} must be a positive number, not {value!r}")
    if name not in COVARIANCES:
        raise unknown("covariance", str(name), COVARIANCES)
    cells = np.indices(sides).reshape(2, -1)
    apart = np.abs(cells[:, :, None] - cells[:, None, :])
    if name == "power-law":
        return _power_law(sides, length, exponent)[apart[0], apart[1]]
    distance = np.hypot(*apart) / length
    if name == "exponential":
        return np.asarray(np.exp(-distance))
    return np.asarray((1 + math.sqrt(3) * distance) * np.exp(-math.sqrt(3) * distance))


def component_covariances(data: DataConfig) -> list[tuple[FloatArray, FloatArray]]:
    """For each component of a configured mixture: the covariance of channels (C, C) and of cells (L, L).

    The whole covariance is their Kronecker product: any two channels have the same correlation in each cell.
    """
    field = data.field
    if field is None:
        raise ValueError(f"{data.name} are no fields, whose covariance is known")
    channels = np.full((field.channels, field.channels), field.channel_correlation)
    np.fill_diagonal(channels, 1)
    return [
        (channels, field_covariance(name, data.sides, length=length, exponent=field.exponent))
        for name, length in field.components
    ]


def covariance_root(covariance: FloatArray) -> FloatArray:
    """A matrix R (L, L) with R R^T = K."""
    try:
        return np.asarray(np.linalg.cholesky(covariance))
    except np.linalg.LinAlgError:  # singular, or so smooth that rounding makes it so
        values, vectors = np.linalg.eigh(covariance)
        return np.asarray(vectors * np.sqrt(values.clip(0)))


def _power_law(sides: tuple[Any, ...], length: float, exponent: float) -> FloatArray:
    """Covariance by distances in rows and columns, (H, W): waves of every frequency, each as strong as the spectrum.

    A sum of waves is positive semi-definite, which a formula cut off is not. Frequencies are those of a torus much
    larger than the grid; around zero a third as far apart, and again, until they tell f_0 from zero.
    """
    least = 1 / (2 * math.pi * length)

    def spectrum(frequency: FloatArray) -> FloatArray:
        squared = frequency[:, None] ** 2 + frequency**2 + least**2
        return np.asarray(squared ** (-exponent / 2))

    period = 2 ** math.ceil(math.log2(TORUS * max(*sides, min(2 * math.pi * length, 4 * max(sides)))))
    places, step = np.fft.fftfreq(period, 1 / period), 1 / period
    strength = _finer_near_zero(spectrum(places * step), places, step > least / TORUS)
    covariance = np.fft.ifft2(strength).real[: sides[0], : sides[1]]
    places = np.arange(-3 * NEAR - 1, 3 * NEAR + 2)  # three in the place of each one left out
    while step > least / TORUS:
        step /= 3
        strength = _finer_near_zero(spectrum(places * step), places, step > least / TORUS)
        rows, columns = (np.cos(2 * math.pi * step * np.outer(range(side), places)) for side in sides)
        covariance = covariance + step**2 * (rows @ strength @ columns.T)
    return np.asarray(covariance / covariance[0, 0])


def _finer_near_zero(strength: FloatArray, places: npt.NDArray[Any], finer: bool) -> FloatArray:
    """The strengths of waves, without those near zero where finer ones follow."""
    near = np.abs(places) <= NEAR
    return np.where(near[:, None] & near & finer, 0.0, strength)
