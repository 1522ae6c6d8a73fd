"""What the statistics give: named, frozen results. nan stands where the data give no number."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
LEVEL = 0.95  # of every interval
ALPHA = 1 - LEVEL
MOST_EXPONENT = math.log(sys.float_info.max)


@dataclass(frozen=True)
class SeedMean:
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
        numbers = (self.value, self.low, self.high)
        digits = next((n for n in (2, 3) if not any(_hidden(x, n) for x in numbers)), 4)
        value, low, high = (_shown(x, digits) for x in numbers)
        return value if math.isnan(self.low) else f"{value} [{low}, {high}]"

    @property
    def exp(self) -> Interval:
        """Of a difference of logarithms: the ratio."""
        return Interval(exp(self.value), exp(self.low), exp(self.high))


def exp(logarithm: float) -> float:
    """e to a power; infinite where no float is as large."""
    return math.exp(logarithm) if logarithm < MOST_EXPONENT else math.inf if logarithm > 0 else logarithm


def _hidden(value: float, digits: int) -> bool:
    """Whether so few digits would not tell on which side of 0 or of 1 a value lies."""
    return math.isfinite(value) and value not in (0, 1) and round(value, digits) in (0, 1)


def _shown(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if abs(value) < 1000 else f"{value:.3g}"


@dataclass(frozen=True)
class Paired:
    """Two arms compared seed by seed: a - b."""

    difference: float
    low: float  # of the 95 % interval of the mean difference, by Student's t; nan for a single pair
    high: float
    effect: float  # Hedges' g of the differences: their mean over their spread, corrected for few pairs
    p: float  # two-sided, Student's t
    n: int

    @property
    def interval(self) -> Interval:
        return Interval(self.difference, self.low, self.high)


@dataclass(frozen=True)
class Ratio:
    """Two arms' positive values compared as a over b, seed by seed."""

    ratio: Interval  # of geometric means
    effect: float  # Hedges' g of the logarithms' differences
    p: float  # two-sided, Student's t
    n: int


@dataclass(frozen=True)
class Trend:
    """Whether columns rise from the first to the last, by Page's test on their ranks within each seed."""

    p_rising: float  # one-sided: the columns rise in the order given
    p_falling: float


@dataclass(frozen=True)
class Friedman:
    """Whether the arms differ at all, by their ranks within each block."""

    statistic: float
    p: float
    by: Literal["permutations", "chi-squared"]  # how p was had: few blocks need permutations within them
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
