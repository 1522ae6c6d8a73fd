"""What the statistics give: named, frozen results. nan stands where the data give no number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from analysis.stats.flips import sign_flip_p

Array = npt.NDArray[np.float64]
LEVEL = 0.95  # of every interval
ALPHA = 1 - LEVEL


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
        between = "" if math.isnan(self.low) else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{between}"

    @property
    def exp(self) -> Interval:
        """Of a difference of logarithms: the ratio."""
        return Interval(math.exp(self.value), math.exp(self.low), math.exp(self.high))


@dataclass(frozen=True)
class Paired:
    """Two arms compared seed by seed: a - b."""

    difference: float
    low: float  # of the 95 % interval of the mean difference, by Student's t; nan for a single pair
    high: float
    effect: float  # Hedges' g of the differences: their mean over their spread, corrected for few pairs
    p: float  # two-sided, Student's t
    n: int
    differences: tuple[float, ...] = ()  # of the pairs

    @property
    def p_exact(self) -> float:
        """Two-sided p by sign flips: it needs no normal law, but cannot fall below 2 / 2 ** n."""
        return sign_flip_p(self.differences)

    @property
    def interval(self) -> Interval:
        return Interval(self.difference, self.low, self.high)


@dataclass(frozen=True)
class Ratio:
    """Two arms' positive values compared as a over b: by seed, or (`paired` is False) of independent samples."""

    ratio: Interval  # of geometric means
    effect: float  # Hedges' g of the logarithms' differences; nan where not paired
    p: float  # two-sided, Student's t (Welch's where not paired)
    n: int  # pairs; the smaller sample where not paired
    paired: bool


@dataclass(frozen=True)
class Equivalence:
    """Whether two arms are the same to within a margin, by two one-sided tests (TOST) of the logarithms."""

    ratio: Interval  # a over b with the 90 % interval that decides: equal where it lies inside the margin
    margin: float  # 0.05: from 1 / 1.05 to 1.05
    p: float  # the larger of the two one-sided p; below 0.05: equivalent
    p_different: float  # the larger of the two one-sided p of lying outside, whichever side is nearer
    n: int

    @property
    def inside(self) -> bool:
        """Whether the values are shown to be equal to within the margin."""
        return self.p < ALPHA

    @property
    def outside(self) -> bool:
        """Whether the values are shown to differ by more than the margin."""
        return self.p_different < ALPHA


@dataclass(frozen=True)
class Trend:
    """Whether columns rise from the first to the last, by Page's test on their ranks within each seed."""

    statistic: float  # Page's L
    p_rising: float  # one-sided: the columns rise in the order given
    p_falling: float
    rising_pairs: int  # pairs of columns whose means rise, of
    pairs: int
    n: int  # seeds


@dataclass(frozen=True)
class PairOfColumns:
    """One pair of an order: the later column over the earlier one."""

    first: int
    later: int
    ratio: Interval
    p_rising: float  # one-sided, Student's t of the paired logarithms
    p_falling: float


@dataclass(frozen=True)
class OrderOfColumns:
    """A whole order tested by all its pairs: it holds where each pair is shown to (intersection-union test)."""

    pairs: tuple[PairOfColumns, ...]
    p: float  # of the whole order: the largest one-sided p of its pairs
    p_against: float  # that some pair is reversed: the smallest p of falling, Holm-corrected for the pairs
    n: int


@dataclass(frozen=True)
class Power:
    """How many seeds would decide a comparison, were the spread and the size of the effect as recorded."""

    have: int
    needed: int | None  # None: more than `MOST_SEEDS`, or there is no effect to show
    chance: float  # with which that many seeds show it

    @property
    def more(self) -> int | None:
        """Seeds that are still missing."""
        return None if self.needed is None else max(0, self.needed - self.have)


@dataclass(frozen=True)
class Friedman:
    """Whether the arms differ at all, by their ranks within each block."""

    statistic: float
    p: float
    by: Literal["permutations", "chi-squared"]  # how p was had: few blocks need permutations within them
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
