"""Covariances taken apart, with care where they or the noise are singular."""

from __future__ import annotations

import numpy as np

from zigma.optimum.checks import EPSILON, FloatArray

LITTLE_NOISE = 1e-9  # of the data's variance: below, a singular covariance leaves too few digits in a factor


def eigen(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (..., N) and eigenvectors (..., N, N) of covariances, those below the rounding as exactly 0.

    Else the noise of rounding would count as a direction of the data, and near t = 1 as much as a real one.
    """
    values, vectors = np.linalg.eigh(matrix)
    smallest = values[..., -1:] * (values.shape[-1] * EPSILON)
    return np.where(values > np.maximum(smallest, 0), values, 0.0), vectors


def seen_part(eigenvalues: FloatArray, times: FloatArray) -> FloatArray:
    """lambda / (t^2 lambda + s^2), the variance of v along an eigenvector of what is seen: (T, ..., M).

    At t = 1 it is 1 whatever lambda is: x_1 is seen and nothing of x_0.
    """
    t = times.reshape(-1, *[1] * eigenvalues.ndim)
    below = t**2 * eigenvalues + (1 - t) ** 2
    return np.where(t == 1, 1.0, eigenvalues / np.where(below > 0, below, 1.0))


def told_part(eigenvalues: FloatArray, times: FloatArray) -> FloatArray:
    """t^2 / (t^2 lambda + s^2), the weight of an eigenvector of what is seen in telling other values: (T, ..., M)."""
    t = times.reshape(-1, *[1] * eigenvalues.ndim)
    below = t**2 * eigenvalues + (1 - t) ** 2
    return np.divide(t**2, below, out=np.zeros_like(below), where=below > 0)


def noisy_factor(covariance: FloatArray, t: float) -> FloatArray | None:
    """The lower Cholesky factor of t^2 K + (1 - t)^2 I, or None where rounding would decide it.

    That is at t = 1 or next to it, for a K that is singular.
    """
    from scipy.linalg import LinAlgError, cholesky

    noise, scale = (1 - t) ** 2, float(np.diag(covariance).max())
    if noise < LITTLE_NOISE * scale and np.linalg.eigvalsh(covariance)[0] < LITTLE_NOISE * scale:
        return None
    noisy = t**2 * covariance
    noisy[np.diag_indices_from(noisy)] += noise
    try:
        return np.asarray(cholesky(noisy, lower=True, overwrite_a=True, check_finite=False))
    except LinAlgError:
        return None
