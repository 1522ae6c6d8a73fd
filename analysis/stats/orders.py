"""Many arms: do they differ, do they rise in an order, and does one order predict another?

A matrix has a row per block (a seed, or a seed in a data set) and a column per arm.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np

from analysis.stats.results import (
    LEVEL,
    Array,
    Friedman,
    Interval,
    RankCorrelation,
    Trend,
)

RESAMPLES = 2000
DRAWN = 20_000  # permutations; all are tried where there are no more
TIED = 1e-9  # between values of rho, which are sums of ranks
AT_ONCE = 2**21  # numbers of a column that are drawn at once
MANY_BLOCKS = 30  # from which on chi-squared's law holds, and permutations take seconds
PERMUTED: Literal["permutations"] = "permutations"
CHI_SQUARED: Literal["chi-squared"] = "chi-squared"


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
    from scipy.stats import friedmanchisquare, permutation_test, rankdata, studentized_range

    blocks, arms = matrix.shape
    ranks = np.asarray(rankdata(matrix, axis=1), dtype=float)
    means = ranks.mean(axis=0)
    all_tied = not np.ptp(ranks, axis=1).any()
    statistic = 0.0 if all_tied else float(friedmanchisquare(*matrix.T).statistic)

    def spread(*columns: Array, axis: int = -1) -> Any:
        """Of the arms' mean ranks: for given ranks, it orders permutations as Friedman's statistic does."""
        return np.stack([column.mean(axis=axis) for column in columns], axis=-1).var(axis=-1)

    by: Literal["permutations", "chi-squared"]
    if all_tied:  # every order of the arms is as likely as the one seen
        p, by = 1.0, PERMUTED
    elif blocks > MANY_BLOCKS:
        p, by = float(friedmanchisquare(*matrix.T).pvalue), CHI_SQUARED
    else:
        test = permutation_test(
            tuple(ranks.T),
            spread,
            permutation_type="samples",
            vectorized=True,
            alternative="greater",
            n_resamples=drawn,
            rng=rng,
        )
        p, by = float(test.pvalue), PERMUTED
    apart = np.abs(means[:, None] - means) / math.sqrt(arms * (arms + 1) / (12 * blocks))
    posthoc = np.asarray(studentized_range.sf(apart, arms, np.inf), dtype=float)  # Demsar 2006, section 3.2.2
    np.fill_diagonal(posthoc, 1.0)
    return Friedman(statistic, p, by, posthoc)


def trend(matrix: Array) -> Trend:
    """Do the columns rise from the first to the last? Page's test (1963); rows are seeds, at least 2 by 3.

    Raises:
        ValueError: too few seeds or columns, or a value that is not finite.
    """
    matrix = np.asarray(matrix, dtype=float)
    if matrix.ndim != 2 or matrix.shape[0] < 2 or matrix.shape[1] < 3 or not np.isfinite(matrix).all():
        raise ValueError(f"a trend needs finite values of at least 2 seeds and 3 columns, not {matrix.shape}")
    from scipy.stats import page_trend_test

    rising, falling = (page_trend_test(values) for values in (matrix, -matrix))
    return Trend(float(rising.pvalue), float(falling.pvalue))


def bootstrap(
    statistic: Callable[[Array], Any], matrix: Array, rng: np.random.Generator, resamples: int = RESAMPLES
) -> Interval:
    """A statistic of a matrix with its 95 % percentile interval over resampled rows; nan for a single row.

    `statistic` takes (..., rows, columns) and gives (...), so that all resamples are computed at once. Where some
    resamples have no value (all ties), the interval is of the others.
    """
    matrix = np.asarray(matrix, dtype=float)
    value, rows = float(statistic(matrix)), len(matrix)
    if rows < 2:
        return Interval(value, math.nan, math.nan)
    from scipy.stats import DegenerateDataWarning
    from scipy.stats import bootstrap as resample

    def of_columns(*columns: Array, axis: int = -1) -> Any:
        return statistic(np.stack(columns, axis=-1))

    with warnings.catch_warnings():  # where all resamples are alike, the interval is that value
        warnings.simplefilter("ignore", DegenerateDataWarning)
        drawn = resample(
            tuple(matrix.T),
            of_columns,
            paired=True,
            vectorized=True,
            n_resamples=resamples,
            batch=max(1, AT_ONCE // rows),
            method="percentile",
            rng=rng,
        ).bootstrap_distribution
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Interval(value, math.nan, math.nan)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def rank_correlation(ours: Array, theirs: Sequence[float], rng: np.random.Generator) -> RankCorrelation:
    """How well our means over seeds (matrix: a row per seed, a column per arm) order arms as `theirs` does.

    The interval is of the seeds' noise alone: seeds are drawn anew, arms stay. Whether so few arms could agree
    by chance is what `p_exact` says.

    Raises:
        ValueError: fewer than 3 arms, or of different numbers.
    """
    ours, reference = np.atleast_2d(np.asarray(ours, dtype=float)), np.asarray(theirs, dtype=float)
    if ours.shape[1] != len(reference) or len(reference) < 3:
        raise ValueError(
            f"both sides need the same arms, at least 3, not {ours.shape[1]} and {len(reference)}"
        )
    means = ours.mean(axis=0)
    agree, pairs = count_pairs(ours, reference)
    return RankCorrelation(
        spearman=bootstrap(lambda rows: spearman(rows.mean(axis=-2), reference), ours, rng),
        kendall=bootstrap(lambda rows: kendall(rows.mean(axis=-2), reference), ours, rng),
        p_exact=order_p(means, reference, rng),
        pairs=pairs,
        agree=agree,
        arms=len(reference),
        seeds=len(ours),
    )


def count_pairs(ours: Array, theirs: Array | Sequence[float]) -> tuple[int, int]:
    """How many pairs of arms our means over seeds (matrix: a row per seed) order as `theirs` does, and of how many."""
    sign_theirs = _pair_signs(np.asarray(theirs, dtype=float))
    sign_ours = _pair_signs(np.asarray(ours, dtype=float).mean(axis=0))
    ordered = sign_theirs != 0
    return int((ordered & (sign_ours == sign_theirs)).sum()), int(ordered.sum())


# scipy's spearmanr and kendalltau take one pair of lists at a time: too slow for thousands of resamples
def spearman(a: Array, b: Array) -> Any:
    """Spearman's rho of (..., arms) with (arms,); nan where one side is all ties."""
    from scipy.stats import rankdata

    ranks = [np.asarray(rankdata(x, axis=-1)) - (np.shape(x)[-1] + 1) / 2 for x in (a, b)]
    return _cosine(ranks[0] @ ranks[1], (ranks[0] ** 2).sum(axis=-1) * (ranks[1] ** 2).sum())


def kendall(a: Array, b: Array) -> Any:
    """Kendall's tau-b of (..., arms) with (arms,); nan where one side is all ties."""
    signs = [_pair_signs(np.asarray(x)) for x in (a, b)]
    return _cosine(signs[0] @ signs[1], (signs[0] != 0).sum(axis=-1) * (signs[1] != 0).sum())


def _pair_signs(values: Array) -> Array:
    """Signs of the differences of all pairs of the last axis."""
    first, second = np.triu_indices(values.shape[-1], 1)
    return np.sign(values[..., first] - values[..., second]).astype(float)


def _cosine(product: Any, squares: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.where(squares > 0, product / np.sqrt(squares), np.nan)[()]


def agreement_ps(ours: Array, theirs: Array, rng: np.random.Generator, together: bool) -> tuple[float, float]:
    """One-sided p of two matrices (a row per seed, a column per arm) that rank the arms alike, and of the opposite.

    The statistic is the mean over seeds of Spearman's rho, held against drawn orders of the arms: anew in each seed,
    which asks about these arms; or, `together`, one order for all seeds, which asks about arms like these. Seeds add
    none of those: of few arms, no number of seeds makes that p small.
    """
    from scipy.stats import rankdata

    one, other = (np.asarray(rankdata(side, axis=-1), dtype=float) for side in (ours, theirs))
    one, other = (side - side.mean(axis=-1, keepdims=True) for side in (one, other))
    one /= np.sqrt((one**2).sum(axis=-1) * (other**2).sum(axis=-1))[:, None]
    if together:
        orders = rng.permuted(np.tile(np.arange(one.shape[1]), (DRAWN, 1)), axis=-1)
        drawn = np.moveaxis(other[:, orders], 0, 1)
    else:
        drawn = rng.permuted(np.broadcast_to(other, (DRAWN, *other.shape)), axis=-1)
    rhos, rho = (drawn * one).sum(axis=-1).mean(axis=-1), (other * one).sum(axis=-1).mean()
    rising, falling = ((1 + int((sign * (rhos - rho) > -TIED).sum())) / (1 + DRAWN) for sign in (1, -1))
    return rising, falling


def order_p(a: Array, b: Array, rng: np.random.Generator) -> float:
    """Two-sided p of Kendall's tau under random orders of the arms: by all orders up to 7 arms, else by drawn ones."""
    from scipy.stats import permutation_test

    signs = _pair_signs(np.asarray(b, dtype=float))
    test = permutation_test(
        (np.asarray(a, dtype=float),),
        lambda x, axis: np.abs(_pair_signs(x) @ signs),
        permutation_type="pairings",
        vectorized=True,
        alternative="greater",  # of the absolute value: both sides
        n_resamples=DRAWN,
        rng=rng,
    )
    return float(test.pvalue)
