"""Two arms: differences and ratios, and how many seeds would decide."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from analysis.stats.results import ALPHA, LEVEL, Array, Interval, Paired, Ratio, SeedMean

ROUNDING = 1e-12  # of sums and logarithms of numbers of usual size: what differs by less, is equal
CHANCE = 0.8
MOST_SEEDS = 1000


def mean_over_seeds(values: Sequence[float]) -> SeedMean:
    """Mean and 95 % Student t interval of independent values, one per seed.

    Raises:
        ValueError: there is no value.
    """
    if not len(values):
        raise ValueError("a mean over seeds needs at least one value")
    array = np.asarray(values, float)
    return SeedMean(float(array.mean()), float(half_width(array)), len(array))


def half_width(values: Array) -> Array:
    """Of the 95 % Student t interval around the mean over the last axis; nan for one value."""
    n = values.shape[-1]
    if n == 1:
        return np.full(values.shape[:-1], math.nan)
    return np.asarray(t_quantile(n - 1) * values.std(axis=-1, ddof=1) / math.sqrt(n))


def t_quantile(freedom: float, level: float = LEVEL) -> float:
    """Half-width of a two-sided Student interval of that level, in standard errors."""
    from scipy.special import (
        stdtrit,  # scipy.stats takes half a second to import, and every cell asks for this
    )

    return float(stdtrit(freedom, (1 + level) / 2))


def paired(a: Sequence[float], b: Sequence[float]) -> Paired:
    """Compare two arms whose i-th values share a seed: mean difference a - b, interval, effect size, p.

    Raises:
        ValueError: no pairs, or lists of different lengths.
    """
    difference = _differences(a, b)
    n, mean = len(difference), float(difference.mean())
    if n == 1:
        return Paired(mean, math.nan, math.nan, math.nan, math.nan, 1)
    if _equal(difference):  # counted quantities, or runs that are one run
        alike = abs(mean) < ROUNDING
        effect = 0.0 if alike else math.copysign(math.inf, mean)
        return Paired(mean, mean, mean, effect, float(alike), n)
    from scipy.stats import ttest_1samp

    test = ttest_1samp(difference, 0.0)
    between = test.confidence_interval(LEVEL)
    effect = hedges_g(difference)
    return Paired(mean, float(between.low), float(between.high), effect, float(test.pvalue), n)


def _differences(a: Sequence[float], b: Sequence[float]) -> Array:
    if len(a) != len(b) or not len(a):
        raise ValueError(f"at least one pair is needed, not {len(a)} and {len(b)} values")
    return np.asarray(a, dtype=float) - np.asarray(b, dtype=float)


def _equal(values: Array) -> bool:
    return bool(np.std(values, ddof=1) < ROUNDING)


def hedges_g(difference: Array) -> float:
    """Mean over spread, corrected for few values (Hedges 1981, eq. 6e: 1 - 3 / (4 m - 1), m degrees of freedom)."""
    freedom = len(difference) - 1
    correction = 1 - 3 / (4 * freedom - 1) if freedom > 1 else 1.0
    return correction * float(difference.mean() / difference.std(ddof=1))


def paired_ratio(a: Sequence[float], b: Sequence[float]) -> Ratio:
    """a over b, seed by seed: the geometric mean of the ratios with its interval, effect size and p.

    Raises:
        ValueError: no pairs, lists of different lengths, or a value that is not above zero.
    """
    compared = paired(_logs(a), _logs(b))
    return Ratio(compared.interval.exp, compared.effect, compared.p, compared.n)


def _logs(values: Sequence[float]) -> list[float]:
    if not all(value > 0 for value in values):
        raise ValueError("a ratio needs values above zero")
    return [math.log(value) for value in values]


def welch(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Difference of means a - b of two independent samples with its 95 % Welch interval."""
    value = float(np.mean(a) - np.mean(b))
    if min(len(a), len(b)) < 2:
        return Interval(value, math.nan, math.nan)
    if np.ptp(a) == 0.0 == np.ptp(b):
        return Interval(value, value, value)
    between = _t_test(a, b).confidence_interval(LEVEL)
    return Interval(value, float(between.low), float(between.high))


def welch_p(a: Sequence[float], b: Sequence[float]) -> float:
    """Two-sided p of equal means of two independent samples; nan where one of them has a single value."""
    if min(len(a), len(b)) < 2:
        return math.nan
    if np.ptp(a) == 0.0 == np.ptp(b):
        return 1.0 if a[0] == b[0] else 0.0
    return float(_t_test(a, b).pvalue)


def _t_test(a: Sequence[float], b: Sequence[float]) -> Any:
    """Welch's, of scipy, which warns that the spread of equal values may be rounding: it is zero, as it should be."""
    from scipy.stats import ttest_ind

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return ttest_ind(a, b, equal_var=False)


def seeds_to_differ(difference: Sequence[float], alpha: float = ALPHA, chance: float = CHANCE) -> int | None:
    """Seeds with which a paired t test shows the recorded mean difference, two-sided at `alpha`; None: more than 1000.

    Raises:
        ValueError: fewer than two differences give no spread.
    """
    values = _with_spread(difference)
    mean = float(values.mean())
    if abs(mean) < ROUNDING:
        return None
    if _equal(values):
        return 2
    from statsmodels.stats.power import TTestPower

    effect = abs(mean) / float(values.std(ddof=1))

    def power(n: int) -> float:
        # the side of the effect alone: of the other, scipy's far tail is nan now and then
        return float(TTestPower().power(effect, n, alpha / 2, alternative="larger"))

    return _fewest(power, chance)


def seeds_to_be_alike(
    difference: Sequence[float], margin: float = 0.05, alpha: float = ALPHA, chance: float = CHANCE
) -> int | None:
    """Seeds with which both one-sided tests show a ratio near 1, of logarithms' differences; None: more than 1000.

    Two one-sided tests (Schuirmann 1987): that the mean lies above 1 / (1 + margin), and below 1 + margin.

    Raises:
        ValueError: fewer than two differences give no spread.
    """
    values = _with_spread(difference)
    mean, edge = float(values.mean()), math.log1p(margin)
    if abs(mean) >= edge:  # as recorded they differ by more: no number of seeds makes them alike
        return None
    if _equal(values):
        return 2
    from statsmodels.stats.power import TTestPower

    spread = float(values.std(ddof=1))

    def power(n: int) -> float:
        sides = [
            TTestPower().power((edge + sign * mean) / spread, n, alpha, alternative="larger")
            for sign in (1, -1)
        ]
        return float(sum(sides)) - 1

    return _fewest(power, chance)


def _with_spread(difference: Sequence[float]) -> Array:
    if len(difference) < 2:
        raise ValueError("the spread of a comparison needs at least two seeds")
    return np.asarray(difference, dtype=float)


def _fewest(power: Callable[[int], float], chance: float) -> int | None:
    """The smallest number of seeds with at least that power, which rises with their number.

    Doubled from below, then halved: far above it scipy's noncentral t gives nan.
    """
    high = 2
    while not power(high) >= chance:
        if high >= MOST_SEEDS:
            return None
        high = min(2 * high, MOST_SEEDS)
    low = max(2, high // 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if power(middle) >= chance else (middle + 1, high)
    return low
