"""Statistics against closed forms."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from analysis.stats import (
    bootstrap,
    estimate,
    friedman,
    holm,
    kendall,
    order_p,
    paired,
    rank_correlation,
    sign_flip_p,
    slope,
    spearman,
    welch,
)


def test_one_value_has_no_interval() -> None:
    alone = estimate([3.0])
    assert (alone.mean, alone.n) == (3.0, 1)
    assert math.isnan(alone.half_width)


def test_two_values_by_hand() -> None:
    # t(0.975, 1 degree of freedom) = 12.706; the standard error of 0 and 2 is 1
    pair = estimate([0.0, 2.0])
    assert pair.mean == 1.0
    assert pair.half_width == pytest.approx(12.7062047, rel=1e-6)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(loc=5, scale=2, size=(2000, 4))
    covered = [abs(estimate(list(row)).mean - 5) <= estimate(list(row)).half_width for row in draws]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_no_value_is_no_estimate() -> None:
    with pytest.raises(ValueError, match="at least one"):
        estimate([])


def test_paired_equals_scipy_and_closed_forms() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=6), rng.normal(size=6)
    ours, theirs = paired(list(a), list(b)), scipy_stats.ttest_rel(a, b)
    low, high = theirs.confidence_interval()
    assert (ours.p, ours.low, ours.high) == pytest.approx((theirs.pvalue, low, high))
    assert ours.difference == pytest.approx((a - b).mean())
    d = (a - b).mean() / (a - b).std(ddof=1)
    assert ours.effect == pytest.approx(d * (1 - 3 / 19))
    flips = scipy_stats.permutation_test((a, b), lambda x, y: (x - y).mean(), permutation_type="samples")
    assert ours.p_exact == pytest.approx(flips.pvalue)


def test_paired_of_one_and_of_equal_differences() -> None:
    assert math.isnan(paired([1.0], [2.0]).p)
    assert paired([1.0], [2.0]).difference == -1.0
    same = paired([1.0, 2.0], [1.0, 2.0])
    assert (same.difference, same.effect, same.p) == (0.0, 0.0, 1.0)
    apart = paired([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    assert (apart.low, apart.high, apart.p, apart.p_exact) == (1.0, 1.0, 0.0, 0.25)
    with pytest.raises(ValueError, match="pairs"):
        paired([1.0], [1.0, 2.0])


def test_sign_flips_of_many_pairs_are_drawn_and_agree_with_the_t_test() -> None:
    difference = np.random.default_rng(2).normal(0.3, 1, size=40)
    drawn = sign_flip_p(difference, np.random.default_rng(0))
    assert drawn == pytest.approx(scipy_stats.ttest_1samp(difference, 0).pvalue, abs=0.02)
    assert drawn == sign_flip_p(difference, np.random.default_rng(0))


def test_welch_equals_scipy() -> None:
    a, b = [1.0, 2.0, 4.0], [0.0, 0.5, 0.25, 0.1]
    low, high = scipy_stats.ttest_ind(a, b, equal_var=False).confidence_interval()
    assert (welch(a, b).low, welch(a, b).high) == pytest.approx((low, high))
    assert math.isnan(welch([1.0], b).low)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_friedman_equals_scipy_with_and_without_ties() -> None:
    rng = np.random.default_rng(3)
    for matrix in (rng.normal(size=(8, 4)), rng.integers(0, 3, size=(8, 4)).astype(float)):
        found = friedman(matrix, np.random.default_rng(0))
        theirs = scipy_stats.friedmanchisquare(*matrix.T)
        assert found.statistic == pytest.approx(theirs.statistic)
        assert found.p == pytest.approx(theirs.pvalue, abs=0.06)


def test_friedman_on_demsar_s_example() -> None:
    # Demsar 2006 (JMLR 7), section 3.2.4: four classifiers on 14 data sets, mean ranks 3.143, 2.000, 2.893, 1.964
    ranks = np.array([3.143, 2.000, 2.893, 1.964])
    blocks, arms = 14, 4
    statistic = 12 * blocks / (arms * (arms + 1)) * ((ranks**2).sum() - arms * (arms + 1) ** 2 / 4)
    assert statistic == pytest.approx(9.28, abs=0.01)
    # its critical difference 1.25 at alpha 0.05 is where Nemenyi's p crosses 0.05
    rows = np.array([[1.0, 2.0, 3.0, 4.0]] * 14)
    found = friedman(rows, np.random.default_rng(0), drawn=200)
    assert found.posthoc[0, 1] > 0.05  # one rank apart
    assert found.posthoc[0, 2] < 0.05  # two ranks apart
    assert found.mean_ranks == (1.0, 2.0, 3.0, 4.0)
    assert found.p == pytest.approx(1 / 201)


def test_friedman_of_noise_is_rarely_significant() -> None:
    draws = np.random.default_rng(5).normal(size=(200, 3, 4))
    ps = [friedman(matrix, np.random.default_rng(0), drawn=500).p for matrix in draws]
    assert np.mean(np.array(ps) < 0.05) < 0.09


@pytest.mark.parametrize("shape", [(1, 4), (5, 2), (5,)])
def test_friedman_refuses_too_little(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least 2 blocks"):
        friedman(np.zeros(shape), np.random.default_rng(0))
    with pytest.raises(ValueError, match="finite"):
        friedman(np.full((3, 3), math.nan), np.random.default_rng(0))


def test_bootstrap_is_seeded_and_covers() -> None:
    matrix = np.random.default_rng(6).normal(size=(40, 1))
    first = bootstrap(lambda rows: rows.mean(axis=(-2, -1)), matrix, np.random.default_rng(0))
    assert first == bootstrap(lambda rows: rows.mean(axis=(-2, -1)), matrix, np.random.default_rng(0))
    assert first.high - first.low == pytest.approx(2 * 1.96 * matrix.std() / math.sqrt(40), rel=0.1)
    assert math.isnan(
        bootstrap(lambda rows: rows.mean(axis=(-2, -1)), matrix[:1], np.random.default_rng(0)).low
    )


def test_rank_correlations_equal_scipy() -> None:
    rng = np.random.default_rng(7)
    for a, b in (
        (rng.normal(size=6), rng.normal(size=6)),
        (np.array([1, 2, 2, 4.0]), np.array([2, 1, 3, 3.0])),
    ):
        assert spearman(a, b) == pytest.approx(scipy_stats.spearmanr(a, b).statistic)
        assert kendall(a, b) == pytest.approx(scipy_stats.kendalltau(a, b).statistic)
    distinct = rng.normal(size=5), rng.normal(size=5)
    exact = scipy_stats.kendalltau(*distinct, method="exact").pvalue
    assert order_p(*distinct, rng) == pytest.approx(exact)
    many = rng.normal(size=9), rng.normal(size=9)
    assert order_p(*many, rng) == pytest.approx(
        scipy_stats.kendalltau(*many, method="exact").pvalue, abs=0.02
    )


def test_the_same_order_of_four_arms() -> None:
    ours = np.array([[4.0, 3.0, 2.0, 1.0], [4.1, 3.1, 2.1, 1.1]])
    found = rank_correlation(ours, [158.1, 65.7, 54.7, 45.5], np.random.default_rng(0))
    assert (found.spearman.value, found.kendall.value, found.agree, found.pairs) == (1.0, 1.0, 6, 6)
    assert found.p_exact == pytest.approx(2 / 24)  # four arms cannot do better
    with pytest.raises(ValueError, match="at least 3"):
        rank_correlation(ours[:, :2], [1.0, 2.0], np.random.default_rng(0))


def test_noisy_arms_have_a_wide_interval() -> None:
    ours = np.random.default_rng(8).normal(size=(5, 4))
    found = rank_correlation(ours, [4.0, 3.0, 2.0, 1.0], np.random.default_rng(0)).spearman
    assert found.high - found.low > 0.8


def test_slope_equals_scipy() -> None:
    x, y = np.log([64, 256, 1024, 4096]), np.array([1.0, 2.4, 3.7, 5.2])
    theirs = scipy_stats.linregress(x, y)
    found = slope(list(x), list(y))
    assert found.value == pytest.approx(theirs.slope)
    assert found.high - found.value == pytest.approx(theirs.stderr * scipy_stats.t.ppf(0.975, 2))
    assert math.isnan(slope([1.0, 2.0], [0.0, 3.0]).low)
    with pytest.raises(ValueError, match="2 points"):
        slope([1.0, 1.0], [0.0, 3.0])


def test_what_differs_by_rounding_alone_is_equal() -> None:
    found = paired([1e-17, -2e-17, 3e-17], [0.0, 0.0, 0.0])
    assert (found.effect, found.p) == (0.0, 1.0)
