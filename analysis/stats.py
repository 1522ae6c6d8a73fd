"""Statistics as functions of arrays, apart from tables and plots."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and how sure it is."""

    mean: float
    half_width: float  # of the 95 % interval; nan for a single seed
    n: int


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 95 % Student t interval of independent values, one per seed.

    Raises:
        ValueError: there is no value.
    """
    if not values:
        raise ValueError("an estimate needs at least one value")
    n, mean = len(values), float(np.mean(values))
    if n == 1:
        return Estimate(mean, math.nan, 1)
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    return Estimate(mean, float(stdtrit(n - 1, 0.975) * np.std(values, ddof=1) / math.sqrt(n)), n)
