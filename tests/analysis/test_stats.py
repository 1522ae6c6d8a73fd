"""Statistics against closed forms."""

import math

import numpy as np
import pytest

from analysis.stats import estimate


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
