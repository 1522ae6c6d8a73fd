"""FD-infinity: the Frechet distance extrapolated to infinitely many generated samples."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import t as student
from torch import Tensor

from zigma.metrics.distances import frechet_distance, paired

POINTS = 4  # sizes of subsets, each taken from both ends of the shuffled samples
GROUPS = 8
SMALLEST = 0.5  # smallest subset, as a share: below it the bias is no longer linear when n is near d


class Extrapolated(NamedTuple):
    """A value at infinitely many samples, with its interval."""

    value: float
    low: float
    high: float
    confidence: float


def fd_infinity(
    *,
    generated: ArrayLike | Tensor,
    real: ArrayLike | Tensor,
    points: int = POINTS,
    groups: int = GROUPS,
    confidence: float = 0.95,
    seed: int = 0,
) -> Extrapolated:
    """Intercept of a line through the Frechet distances of subsets against 1 / subset size.

    The estimate's bias is proportional to 1 / n to first order (Chong and Forsyth 2020), so that the intercept is
    almost free of the part that comes from the number of generated samples; that of the real samples stays.
    The interval is Student's, from leaving out one of `groups` parts of the generated samples in turn (the
    jackknife): it says how far the value would move with other samples of the same generator. It costs
    (2 points - 1) (groups + 1) distances.

    Args:
        generated, real: features (n, d) and (m, d).

    Raises:
        ValueError: wrong shapes, values that are not finite, or too few generated samples for subsets.
    """
    generated, real = paired(generated, real)
    if points < 2 or groups < 2 or not 0 < confidence < 1:
        raise ValueError("fd_infinity needs at least 2 points, 2 groups and a confidence between 0 and 1")
    if len(generated) * SMALLEST * (1 - 1 / groups) < max(2, points):
        raise ValueError(
            f"{len(generated)} generated samples are too few to extrapolate from {points} subsets"
        )
    shuffled = generated[np.random.default_rng(seed).permutation(len(generated))]
    value = _intercept(shuffled, real, points)
    # every eighth sample, so that each subset of the value loses its share and stays otherwise what it was: subsets
    # drawn anew would add their own noise to the interval
    part = np.arange(len(generated)) % groups
    left = np.array([_intercept(shuffled[part != group], real, points) for group in range(groups)])
    error = float(np.sqrt((groups - 1) / groups * np.sum((left - left.mean()) ** 2)))
    reach = float(student.ppf((1 + confidence) / 2, groups - 1)) * error
    return Extrapolated(value, value - reach, value + reach, confidence)


def _intercept(generated: Tensor, real: Tensor, points: int) -> float:
    n = len(generated)
    sizes = np.linspace(SMALLEST * n, n, points).astype(int)
    distances = [
        (_distance(generated[:size], real) + _distance(generated[n - size :], real)) / 2
        for size in sizes[:-1]
    ]
    return float(np.polyfit(1 / sizes, [*distances, _distance(generated, real)], 1)[1])


def _distance(generated: Tensor, real: Tensor) -> float:
    return frechet_distance(generated=generated, real=real)
