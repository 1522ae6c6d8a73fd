"""Covariances for the tests, and losses by plain regression on the joint covariance."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def exponential(height: int, width: int, length: float) -> Array:
    rows, columns = np.divmod(np.arange(height * width), width)
    distance = np.hypot(rows[:, None] - rows, columns[:, None] - columns)
    return np.asarray(np.exp(-distance / length))


def singular(values: int, rank: int) -> Array:
    factor = np.random.default_rng(0).normal(size=(values, rank))
    return np.asarray(factor @ factor.T)


def regression(covariance: Array, t: float, sight: NDArray[np.bool_]) -> float:
    """min E (v_i - f_i)^2, one least-squares problem a value, from the joint covariance of (x_1, x_0)."""
    n = len(covariance)
    joint = np.block([[covariance, np.zeros((n, n))], [np.zeros((n, n)), np.eye(n)]])
    seen, target = np.hstack([t * np.eye(n), (1 - t) * np.eye(n)]), np.hstack([np.eye(n), -np.eye(n)])
    losses = []
    for i in range(n):
        rows = seen[sight[i]]
        weights = np.linalg.pinv(rows @ joint @ rows.T, hermitian=True) @ rows @ joint @ target[i]
        rest = target[i] - weights @ rows
        losses.append(rest @ joint @ rest)
    return float(np.mean(losses))
