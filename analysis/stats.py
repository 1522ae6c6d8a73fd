"""Statistics as functions of values and matrices, apart from tables and plots. Generators are given, and seeded.

A matrix has a row per block (a seed, or a data set) and a column per arm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
LEVEL = 0.95
RESAMPLES = 2000
MOST_EXACT = 12  # pairs or arms up to which every sign or permutation is tried; beyond, so many are drawn:
DRAWN = 20_000
ROUNDING = 1e-12  # of sums and logarithms of numbers of usual size: what differs by less, is equal
LARGEST = 2_000_000  # numbers drawn at once


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds and how sure it is."""

    mean: float
    half_width: float  # of the 95 % interval; nan for a single seed
    n: int


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval; nan where there is none."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        between = "" if math.isnan(self.low) else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{between}"


@dataclass(frozen=True)
class Paired:
    """Two arms compared seed by seed: a - b."""

    difference: float
    low: float  # of the 95 % interval of the mean difference, by Student's t; nan for a single pair
    high: float
    effect: float  # Hedges' g of the differences: their mean over their spread, corrected for few pairs
    p: float  # two-sided, Student's t
    p_exact: float  # two-sided, sign flips: needs no normal law, but cannot fall below 2 / 2 ** n
    n: int


@dataclass(frozen=True)
class Friedman:
    """Whether the arms differ at all, by their ranks within each block."""

    statistic: float
    p: float  # by permutations within the blocks, which holds for few blocks as for many; chi-squared's does not
    mean_ranks: tuple[float, ...]  # 1 is the lowest value
    posthoc: Array  # (arms, arms): p of each pair by Nemenyi's test, corrected for all pairs


@dataclass(frozen=True)
class RankCorrelation:
    """How well the order of one list of arms predicts that of another."""

    spearman: Interval  # interval: bootstrap over the seeds
    kendall: Interval
    p_exact: (
        float  # two-sided, of Kendall's tau: the share of orders of the arms that agree or disagree as much
    )
    pairs: int  # of arms whose order in the second list is strict
    agree: int  # of these, in the same order in the first
    arms: int
    seeds: int


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
    return Estimate(mean, _t_quantile(n - 1) * float(np.std(values, ddof=1)) / math.sqrt(n), n)


def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit  # scipy.stats takes half a second to import

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def paired(a: Sequence[float], b: Sequence[float]) -> Paired:
    """Compare two arms whose i-th values share a seed: mean difference a - b, interval, effect size, p.

    Raises:
        ValueError: no pairs, or lists of different lengths.
    """
    if len(a) != len(b) or not a:
        raise ValueError(f"pairs are wanted, at least one, not {len(a)} and {len(b)} values")
    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    n, mean = len(difference), float(difference.mean())
    if n == 1:
        return Paired(mean, math.nan, math.nan, math.nan, math.nan, 1.0, 1)
    spread = float(difference.std(ddof=1))
    if spread < ROUNDING:  # all differences equal: counted quantities, or runs that are one run
        alike = abs(mean) < ROUNDING
        sign = math.copysign(math.inf, mean)
        return Paired(mean, mean, mean, 0.0 if alike else sign, float(alike), sign_flip_p(difference), n)
    from scipy.special import stdtr

    t = mean / (spread / math.sqrt(n))
    half = _t_quantile(n - 1) * spread / math.sqrt(n)
    correction = 1 - 3 / (4 * (n - 1) - 1) if n > 2 else 1.0
    p = 2 * float(stdtr(n - 1, -abs(t)))
    return Paired(mean, mean - half, mean + half, correction * mean / spread, p, sign_flip_p(difference), n)


def sign_flip_p(differences: Array, rng: np.random.Generator | None = None) -> float:
    """Two-sided p of a mean of zero when each difference could as well have had the other sign.

    Exact up to 12 pairs; beyond, 20,000 drawn flips.
    """
    n = len(differences)
    if n <= MOST_EXACT:
        signs = np.array(list(product((1.0, -1.0), repeat=n)))
        return float(np.mean(_as_extreme(signs @ differences, differences.sum())))
    rng = rng or np.random.default_rng(0)
    found = [rng.choice((1.0, -1.0), size=(size, n)) @ differences for size in _portions(DRAWN, n)]
    return _drawn_p(_as_extreme(np.concatenate(found), differences.sum()))


def _portions(total: int, each: int) -> list[int]:
    """`total` in portions, so that portions of `each` numbers fit in memory however many there are."""
    size = max(1, LARGEST // each)
    return [min(size, total - start) for start in range(0, total, size)]


def _as_extreme(found: Array, observed: float) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(found) >= abs(observed) * (1 - 1e-12))


def _drawn_p(extreme: npt.NDArray[np.bool_]) -> float:
    return float((extreme.sum() + 1) / (len(extreme) + 1))  # the observed one counts, so p is never 0


def welch(a: Sequence[float], b: Sequence[float]) -> Interval:
    """Difference of means a - b of two independent samples with its 95 % Welch interval."""
    value = float(np.mean(a) - np.mean(b))
    if min(len(a), len(b)) < 2:
        return Interval(value, math.nan, math.nan)
    parts = [float(np.var(x, ddof=1)) / len(x) for x in (a, b)]
    if sum(parts) == 0.0:
        return Interval(value, value, value)
    freedom = sum(parts) ** 2 / sum(p**2 / (len(x) - 1) for p, x in zip(parts, (a, b), strict=True))
    half = _t_quantile(freedom) * math.sqrt(sum(parts))
    return Interval(value, value - half, value + half)


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for their number (Holm): each at least as large as before, in the same order."""
    corrected, running = [0.0] * len(ps), 0.0
    for place, index in enumerate(np.argsort(ps)):
        running = max(running, min(1.0, (len(ps) - place) * ps[index]))
        corrected[index] = running
    return corrected


def friedman(matrix: Array, rng: np.random.Generator, drawn: int = DRAWN) -> Friedman:
    """Friedman's test over arms with Nemenyi's post-hoc; rows are blocks, columns arms (at least 2 and 3).

    Raises:
        ValueError: too few blocks or arms, or a value that is not finite.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] < 2 or matrix.shape[1] < 3:
        raise ValueError(f"Friedman's test needs at least 2 blocks and 3 arms, not {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise ValueError("Friedman's test needs a finite value of every arm in every block")
    from scipy.stats import rankdata, studentized_range

    blocks, arms = matrix.shape
    ranks = np.asarray(rankdata(matrix, axis=1), dtype=float)
    spread = _rank_spread(ranks)
    ties = float(((ranks - (arms + 1) / 2) ** 2).sum())
    statistic = blocks**2 * (arms - 1) * float(spread) / ties if ties else 0.0
    spreads = [
        _rank_spread(rng.permuted(np.broadcast_to(ranks, (size, blocks, arms)), axis=2))
        for size in _portions(drawn, blocks * arms)
    ]
    p = _drawn_p(np.concatenate(spreads) >= spread * (1 - 1e-12))
    means = ranks.mean(axis=0)
    apart = np.abs(means[:, None] - means) / math.sqrt(arms * (arms + 1) / (12 * blocks))
    posthoc = np.asarray(studentized_range.sf(apart, arms, np.inf), dtype=float)
    np.fill_diagonal(posthoc, 1.0)
    return Friedman(statistic, p, tuple(map(float, means)), posthoc)


def _rank_spread(ranks: Array) -> Any:
    """Sum of squares of the arms' mean ranks about their centre, over the last two axes (blocks, arms)."""
    return ((ranks.mean(axis=-2) - (ranks.shape[-1] + 1) / 2) ** 2).sum(axis=-1)


def bootstrap(
    statistic: Callable[[Array], Any], matrix: Array, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """A statistic of a matrix with its 95 % percentile interval over resampled rows; nan for a single row.

    `statistic` takes (..., rows, columns) and gives (...), so that all resamples are computed at once.
    """
    matrix = np.asarray(matrix, dtype=float)
    value, rows = float(statistic(matrix)), len(matrix)
    if rows < 2:
        return Interval(value, math.nan, math.nan)
    drawn = [statistic(matrix[rng.integers(rows, size=(n, rows))]) for n in _portions(resamples, matrix.size)]
    found = np.concatenate(drawn).astype(float)
    found = found[~np.isnan(found)]
    if not len(found):
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(found, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def rank_correlation(ours: Array, theirs: Sequence[float], rng: np.random.Generator) -> RankCorrelation:
    """How well our means over seeds (matrix: a row per seed, a column per arm) order arms as `theirs` does.

    The interval is of the seeds' noise alone: seeds are drawn anew, arms stay. Whether so few arms could agree
    by chance is what `p_exact` says.

    Raises:
        ValueError: fewer than 3 arms, or of different numbers.
    """
    ours, wanted = np.atleast_2d(np.asarray(ours, dtype=float)), np.asarray(theirs, dtype=float)
    if ours.shape[1] != len(wanted) or len(wanted) < 3:
        raise ValueError(f"at least 3 arms are wanted on both sides, not {ours.shape[1]} and {len(wanted)}")
    means = ours.mean(axis=0)
    sign_theirs, sign_ours = _pair_signs(wanted), _pair_signs(means)
    return RankCorrelation(
        spearman=bootstrap(lambda rows: spearman(rows.mean(axis=-2), wanted), ours, rng),
        kendall=bootstrap(lambda rows: kendall(rows.mean(axis=-2), wanted), ours, rng),
        p_exact=order_p(means, wanted, rng),
        pairs=int((sign_theirs != 0).sum()),
        agree=int(((sign_theirs != 0) & (sign_ours == sign_theirs)).sum()),
        arms=len(wanted),
        seeds=len(ours),
    )


def spearman(a: Array, b: Array) -> Any:
    """Spearman's rho of (..., arms) with (arms,); nan where one side is all ties."""
    from scipy.stats import rankdata

    ranks = [np.asarray(rankdata(x, axis=-1)) - (np.shape(x)[-1] + 1) / 2 for x in (a, b)]
    return _ratio(ranks[0] @ ranks[1], (ranks[0] ** 2).sum(axis=-1) * (ranks[1] ** 2).sum())


def kendall(a: Array, b: Array) -> Any:
    """Kendall's tau-b of (..., arms) with (arms,); nan where one side is all ties."""
    signs = [_pair_signs(np.asarray(x)) for x in (a, b)]
    return _ratio(signs[0] @ signs[1], (signs[0] != 0).sum(axis=-1) * (signs[1] != 0).sum())


def _pair_signs(values: Array) -> Array:
    """Signs of the differences of all pairs of the last axis."""
    first, second = np.triu_indices(values.shape[-1], 1)
    return np.sign(values[..., first] - values[..., second]).astype(float)


def _ratio(product: Any, squares: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.where(squares > 0, product / np.sqrt(squares), np.nan)[()]


def order_p(a: Array, b: Array, rng: np.random.Generator) -> float:
    """Two-sided p of Kendall's tau under random orders: exact up to 7 arms, else by drawn orders."""
    signs = _pair_signs(np.asarray(b, dtype=float))
    exact = len(a) <= 7
    orders = (
        np.array(list(permutations(range(len(a)))))
        if exact
        else rng.permuted(np.tile(np.arange(len(a)), (DRAWN, 1)), axis=1)
    )
    values = np.asarray(a, dtype=float)
    found = _pair_signs(values[orders]) @ signs
    extreme = np.asarray(np.abs(found) >= abs(_pair_signs(values) @ signs) - 1e-9)
    return float(extreme.mean()) if exact else _drawn_p(extreme)


def slope(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Least-squares slope of y over x with its 95 % interval; of logarithms, the exponent of a power law.

    Raises:
        ValueError: fewer than 2 different x.
    """
    u, v = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    if len(u) != len(v) or len(set(x)) < 2:
        raise ValueError("a slope needs at least 2 points at different places")
    centred = u - u.mean()
    value = float(centred @ v / (centred @ centred))
    freedom = len(u) - 2
    if freedom < 1:
        return Interval(value, math.nan, math.nan)
    left = v - v.mean() - value * centred
    half = _t_quantile(freedom) * math.sqrt(float(left @ left) / freedom / float(centred @ centred))
    return Interval(value, value - half, value + half)
