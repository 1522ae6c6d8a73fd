"""FD-infinity: the Frechet distance extrapolated to infinitely many generated samples."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from scipy.stats import t as student
from torch import Tensor

from zigma.common.numbers import is_whole
from zigma.common.words import counted
from zigma.metrics.distances import paired

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
    whole = is_whole(points) and is_whole(groups) and is_whole(seed)
    if not whole or points < 2 or groups < 2 or seed < 0 or not 0 < confidence < 1:
        raise ValueError(
            "fd_infinity needs at least 2 points, 2 groups, a confidence between 0 and 1 and a seed from 0 on"
        )
    if groups > len(generated):  # some parts would be empty, and leaving them out changes nothing
        raise ValueError(
            f"{counted(len(generated), 'generated sample')} cannot make {counted(groups, 'group')}"
        )
    if len(generated) * SMALLEST * (1 - 1 / groups) < max(2, points):
        raise ValueError(
            f"{counted(len(generated), 'generated sample')}: too few to extrapolate from {counted(points, 'subset')}"
        )
    shuffled = generated[np.random.default_rng(seed).permutation(len(generated))]
    distance = _to_real(shuffled, real)
    rows = np.arange(len(generated))
    value = _intercept(rows, distance, points)
    # every eighth sample, so that each subset of the value loses its share and stays otherwise what it was: subsets
    # drawn anew would add their own noise to the interval
    part = rows % groups
    left = np.array([_intercept(rows[part != group], distance, points) for group in range(groups)])
    error = float(np.sqrt((groups - 1) / groups * np.sum((left - left.mean()) ** 2)))
    reach = float(student.ppf((1 + confidence) / 2, groups - 1)) * error
    return Extrapolated(value, value - reach, value + reach, confidence)


def _intercept(rows: np.ndarray, distance: Callable[[np.ndarray], float], points: int) -> float:
    n = len(rows)
    sizes = np.linspace(SMALLEST * n, n, points).astype(int)
    distances = [(distance(rows[:size]) + distance(rows[n - size :])) / 2 for size in sizes[:-1]]
    return float(np.polyfit(1 / sizes, [*distances, distance(rows)], 1)[1])


def _to_real(generated: Tensor, real: Tensor) -> Callable[[np.ndarray], float]:
    """The Frechet distance of some rows of `generated` (n, d) to all of `real` (m, d), whose part is computed once.

    With S_r = R R' the trace of (S_g S_r)^(1/2) is the sum of the singular values of A R / (k - 1)^(1/2), A the k
    centred rows; those are the roots of the eigenvalues of a symmetric matrix, by rows or by columns of A R,
    whichever are fewer. `frechet_distance` gives the same number from scratch.
    """
    centre = real.mean(0)
    centred = (real - centre) / np.sqrt(len(real) - 1)
    spread = float(centred.square().sum())  # the trace of S_r
    if len(real) > real.shape[1]:
        values, vectors = torch.linalg.eigh(centred.T @ centred)
        root = vectors * values.clamp(min=0).sqrt()
    else:
        root = centred.T
    generated = generated - centre
    seen = generated @ root  # (n, min(m, d))

    def distance(rows: np.ndarray) -> float:
        part, features = seen[rows], generated[rows]
        part = part - part.mean(0)
        square = part @ part.T if part.shape[0] < part.shape[1] else part.T @ part
        singular = torch.linalg.eigvalsh(square / (len(rows) - 1)).clamp(min=0).sqrt()
        mean = features.mean(0)
        own = float((features - mean).square().sum()) / (len(rows) - 1)  # the trace of S_g
        return max(float(mean.square().sum()) + own + spread - 2 * float(singular.sum()), 0.0)

    return distance
