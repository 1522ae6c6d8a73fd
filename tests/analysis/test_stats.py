"""Statistics against closed forms."""

import math
import warnings

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import ttost_paired

from analysis.stats import (
    bootstrap,
    friedman,
    holm,
    kendall,
    mean_over_seeds,
    order_p,
    paired,
    paired_ratio,
    rank_correlation,
    seeds_to_be_alike,
    seeds_to_differ,
    spearman,
    trend,
    welch,
    welch_p,
)


def test_one_value_has_no_interval() -> None:
    alone = mean_over_seeds([3.0])
    assert (alone.mean, alone.n) == (3.0, 1)
    assert math.isnan(alone.half_width)


def test_a_ratio_beyond_all_floats_is_infinite_and_a_large_one_is_short() -> None:
    ratio = paired_ratio([1e60, 1.0], [1.0, 1.0]).ratio
    assert (ratio.low, ratio.high) == (0.0, math.inf)
    assert str(ratio) == "1e+30 [0.00, inf]"
    assert str(paired_ratio([2.0], [1.0]).ratio) == "2.00"


def test_two_values_by_hand() -> None:
    # t(0.975, 1 degree of freedom) = 12.706; the standard error of 0 and 2 is 1
    pair = mean_over_seeds([0.0, 2.0])
    assert pair.mean == 1.0
    assert pair.half_width == pytest.approx(12.7062047, rel=1e-6)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(loc=5, scale=2, size=(2000, 4))
    covered = [
        abs(mean_over_seeds(list(row)).mean - 5) <= mean_over_seeds(list(row)).half_width for row in draws
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_no_value_is_no_estimate() -> None:
    with pytest.raises(ValueError, match="at least one"):
        mean_over_seeds([])


def test_paired_equals_scipy_and_closed_forms() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=6), rng.normal(size=6)
    ours, theirs = paired(list(a), list(b)), scipy_stats.ttest_rel(a, b)
    low, high = theirs.confidence_interval()
    assert (ours.p, ours.low, ours.high) == pytest.approx((theirs.pvalue, low, high))
    assert ours.difference == pytest.approx((a - b).mean())
    d = (a - b).mean() / (a - b).std(ddof=1)
    assert ours.effect == pytest.approx(d * (1 - 3 / 19))


def test_paired_of_one_and_of_equal_differences() -> None:
    assert math.isnan(paired([1.0], [2.0]).p)
    assert paired([1.0], [2.0]).difference == -1.0
    same = paired([1.0, 2.0], [1.0, 2.0])
    assert (same.difference, same.effect, same.p) == (0.0, 0.0, 1.0)
    apart = paired([1.0, 2.0, 3.0], [0.0, 1.0, 2.0])
    assert (apart.low, apart.high, apart.p) == (1.0, 1.0, 0.0)
    with pytest.raises(ValueError, match="at least one pair"):
        paired([1.0], [1.0, 2.0])


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
        test = friedman(matrix, np.random.default_rng(0))
        theirs = scipy_stats.friedmanchisquare(*matrix.T)
        assert test.statistic == pytest.approx(theirs.statistic)
        assert test.p == pytest.approx(theirs.pvalue, abs=0.06)


def test_friedman_on_demsar_s_example() -> None:
    # Demsar 2006 (JMLR 7), section 3.2.4: four classifiers on 14 data sets, mean ranks 3.143, 2.000, 2.893, 1.964
    ranks = np.array([3.143, 2.000, 2.893, 1.964])
    blocks, arms = 14, 4
    statistic = 12 * blocks / (arms * (arms + 1)) * ((ranks**2).sum() - arms * (arms + 1) ** 2 / 4)
    assert statistic == pytest.approx(9.28, abs=0.01)
    # its critical difference 1.25 at alpha 0.05 is where Nemenyi's p crosses 0.05
    rows = np.array([[1.0, 2.0, 3.0, 4.0]] * 14)
    test = friedman(rows, np.random.default_rng(0), drawn=200)
    assert test.posthoc[0, 1] > 0.05  # one rank apart
    assert test.posthoc[0, 2] < 0.05  # two ranks apart
    assert test.p == pytest.approx(1 / 201)


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


def test_friedman_of_many_blocks_is_by_chi_squared_and_near_the_permutations() -> None:
    matrix = np.random.default_rng(14).normal([0.0, 0.1, 0.2, 0.5], size=(31, 4))
    many, few = (friedman(rows, np.random.default_rng(0)) for rows in (matrix, matrix[:30]))
    assert (many.by, few.by) == ("chi-squared", "permutations")
    assert many.p == pytest.approx(scipy_stats.friedmanchisquare(*matrix.T).pvalue)
    assert few.p == pytest.approx(scipy_stats.friedmanchisquare(*matrix[:30].T).pvalue, abs=0.01)


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
    ranks = rank_correlation(ours, [158.1, 65.7, 54.7, 45.5], np.random.default_rng(0))
    assert (ranks.spearman.value, ranks.kendall.value, ranks.agree, ranks.pairs) == (1.0, 1.0, 6, 6)
    assert ranks.p_exact == pytest.approx(2 / 24)  # four arms cannot do better
    with pytest.raises(ValueError, match="at least 3"):
        rank_correlation(ours[:, :2], [1.0, 2.0], np.random.default_rng(0))


def test_noisy_arms_have_a_wide_interval() -> None:
    ours = np.random.default_rng(8).normal(size=(5, 4))
    rho = rank_correlation(ours, [4.0, 3.0, 2.0, 1.0], np.random.default_rng(0)).spearman
    assert rho.high - rho.low > 0.8


def test_equal_values_beside_others_are_no_cause_for_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert welch([0.3, 0.3, 0.3], [0.1, 0.2, 0.4]).value == pytest.approx(0.2 / 3)
        assert 0 < welch_p([0.3, 0.3, 0.3], [0.1, 0.2, 0.4]) < 1


def test_what_differs_by_rounding_alone_is_equal() -> None:
    compared = paired([1e-17, -2e-17, 3e-17], [0.0, 0.0, 0.0])
    assert (compared.effect, compared.p) == (0.0, 1.0)


def test_a_ratio_is_the_paired_difference_of_logarithms() -> None:
    a, b = [2.0, 4.2, 8.1, 3.0], [1.0, 2.0, 4.0, 1.6]
    ratio, logs = paired_ratio(a, b), paired(list(np.log(a)), list(np.log(b)))
    assert ratio.ratio.value == pytest.approx(math.exp(logs.difference))
    assert (ratio.ratio.low, ratio.ratio.high) == pytest.approx((math.exp(logs.low), math.exp(logs.high)))
    assert (ratio.p, ratio.n) == (pytest.approx(logs.p, rel=1e-9), 4)
    inverse = paired_ratio(b, a).ratio
    assert (1 / inverse.high, 1 / inverse.low) == pytest.approx((ratio.ratio.low, ratio.ratio.high))
    with pytest.raises(ValueError, match="above zero"):
        paired_ratio([0.0], [1.0])


def test_welch_p_of_constant_samples() -> None:
    assert (welch_p([1.0, 1.0], [1.0, 1.0]), welch_p([1.0, 1.0], [2.0, 2.0])) == (1.0, 0.0)
    assert math.isnan(welch_p([1.0], [2.0, 3.0]))


def test_trend_equals_page_s_example_and_knows_both_directions() -> None:
    # Page 1963, as in scipy's documentation: students rate tutorials, lectures, seminars; L = 133.5
    rows = np.array([[3, 4, 3], [2, 2, 4], [3, 3, 5], [1, 3, 2], [2, 3, 2],
                     [2, 4, 5], [1, 2, 4], [3, 4, 4], [2, 4, 5], [1, 3, 4]], float)  # fmt: skip
    ordered = rows[:, [0, 2, 1]]
    assert trend(ordered).p_rising == scipy_stats.page_trend_test(ordered).pvalue
    rising = trend(np.array([[1.0, 2.0, 3.0, 4.0]] * 3))
    assert rising.p_rising == pytest.approx(1 / 24**3)  # one of 24 orders in each of three seeds
    assert trend(np.array([[4.0, 3.0, 2.0, 1.0]] * 3)).p_falling == pytest.approx(rising.p_rising)
    with pytest.raises(ValueError, match="at least 2 seeds and 3 columns"):
        trend(np.zeros((1, 3)))


def test_seeds_that_decide_do_decide_as_often_as_promised() -> None:
    rng = np.random.default_rng(12)
    recorded = np.array([0.5, 1.0, 1.5])  # mean 1, spread 0.5: an effect of 2
    needed = seeds_to_differ(list(recorded))
    assert needed is not None
    shown = [scipy_stats.ttest_1samp(rng.normal(1.0, 0.5, size=needed), 0).pvalue < 0.05 for _ in range(2000)]
    assert np.mean(shown) >= 0.78
    fewer = [
        scipy_stats.ttest_1samp(rng.normal(1.0, 0.5, size=needed - 1), 0).pvalue < 0.05 for _ in range(2000)
    ]
    assert np.mean(fewer) < 0.8
    assert seeds_to_differ([1.0, -1.0]) is None
    by_effect = [seeds_to_differ([effect - 1, effect, effect + 1], 0.002) for effect in range(1, 40)]
    assert by_effect == sorted(by_effect, key=lambda n: -(n or 0))  # a larger effect never needs more
    assert seeds_to_differ([1.0, 1.0]) == 2
    with pytest.raises(ValueError, match="at least two seeds"):
        seeds_to_differ([1.0])


def test_seeds_that_show_equality() -> None:
    rng = np.random.default_rng(13)
    recorded = [-0.02, 0.0, 0.02, 0.01]
    needed = seeds_to_be_alike(recorded)
    assert needed is not None
    drawn = rng.normal(np.mean(recorded), np.std(recorded, ddof=1), size=(1000, needed))
    edge = math.log(1.05)
    shown = [ttost_paired(row, np.zeros(len(row)), -edge, edge)[0] < 0.05 for row in drawn[:300]]
    assert np.mean(shown) >= 0.74
    assert seeds_to_be_alike([0.2, 0.21]) is None


def test_what_was_no_test_does_not_count() -> None:
    assert holm([0.01, math.nan, 0.04])[::2] == pytest.approx([0.02, 0.04])
    assert math.isnan(holm([0.01, math.nan])[1])
