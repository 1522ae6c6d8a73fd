"""What a claim is, what the records show of it, and the words of a verdict. Values only: the rule is in `judge`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, Protocol

from analysis.records import Sheet
from studies.declare.study import Study

Word = Literal["holds", "reversed", "undecided", "not learned", "not tried"]
Side = Literal["for", "against", "open"]
Range = tuple[float, float]  # open at both ends, which may be infinite
Measure = Literal["ratio", "ratio of ratios", "exponent", "Kendall's tau", "Spearman's rho"]
TREND: Final = "Kendall's tau"  # the measure of a contrast whose rows are series
RHO: Final = "Spearman's rho"  # the measure of a contrast whose rows are the arms' values twice


@dataclass(frozen=True)
class Contrast:
    """One comparison that a claim needs, on the records of one scale, setting and metric.

    `samples` has a row per seed. Its rows are single numbers, such as the logarithm of a ratio, whose mean the claim
    wants inside `claimed`; of a trend, one number per size in rising order of size, which the claim wants to rise; of
    a rank correlation, a number per arm by one measure and then by another, which the claim wants to rank arms alike.
    """

    says: str  # "zigzag-8 is better than zigzag-2"
    scale: str
    setting: str
    metric: str
    measure: Measure  # the samples of ratios are logarithms
    samples: tuple[tuple[float, ...], ...]
    claimed: Range  # in the units of the samples
    decides: bool  # whether the verdict rests on it; what is shown beside cannot change it
    counted: bool  # a counted quantity has no noise: one seed decides
    unlearned: str  # why networks of these records may not be judged yet; empty where they may
    records: tuple[str, ...]  # identities of the records behind it
    of_more_arms: bool = False  # of a rank correlation: it is about arms like these, not about these alone

    @property
    def may_decide(self) -> bool:
        """Whether it has a say in the verdict: it is meant to, and its networks have learned."""
        return self.decides and not self.unlearned

    @property
    def is_ratio(self) -> bool:
        return self.measure in ("ratio", "ratio of ratios")

    @property
    def is_rank(self) -> bool:
        """Whether it is a rank correlation of each seed, which has p values and no interval."""
        return self.measure in (TREND, RHO)


@dataclass(frozen=True)
class Tested:
    """A contrast with its size, interval and one-sided p values, before any correction."""

    contrast: Contrast
    value: float  # in the units of the measure, as are the next three
    low: float  # 95 % interval over seeds; nan where one seed gives none, and of rank correlations
    high: float
    claimed: Range
    effect: float  # Hedges' g over seeds; nan where it has no meaning
    p_for: float  # of the data, or more in favour, if the true value were at the edge of the claimed range
    p_against: float  # the same on the other side; nan with a single seed
    n: int  # seeds
    side: Side  # where the interval lies; of rank correlations, what p says at the same level
    # for an 80 % chance to decide, from the recorded spread; None: more than can be run
    seeds_needed: int | None

    @property
    def says(self) -> str:
        return self.contrast.says

    @property
    def is_sound(self) -> bool:
        """Whether its p values count: it may decide, and its seeds have a spread."""
        return self.contrast.may_decide and not math.isnan(self.p_for)


@dataclass(frozen=True)
class Printed:
    """What the paper's own numbers say of a statement of a claim."""

    says: str
    numbers: str  # "256 FID: 65.7 and 54.7, ratio 1.20"
    holds: bool


class Statement(Protocol):
    """What a claim says of a study's arms; its kind says how that is tested."""

    kind: ClassVar[str]  # "better", "no worse", "equal", "order", "trend", ...
    joins: ClassVar[bool]  # whether one comparison is about several settings

    @property
    def study(self) -> str: ...

    @property
    def settings(self) -> Sequence[str]:
        """The quantifier: the settings that are meant; none: all that are recorded."""
        ...

    @property
    def metric(self) -> str | None:
        """What may decide; None: what judges the quality of samples (`analysis.claims.deciding`)."""
        ...

    @property
    def arms(self) -> Sequence[str]: ...

    @property
    def says(self) -> str: ...

    def comparisons(self, scale: str) -> int:
        """How many comparisons it makes at a scale, of arms that differ there.

        All must have been tried, in each named setting unless it joins them.
        """
        ...

    def contrasts(self, sheets: Mapping[str, Sheet]) -> list[Contrast]:
        """The comparisons on the sheets (setting -> records) of one scale."""
        ...

    def printed(self, study: Study) -> list[Printed]:
        """The statement on the numbers beside the study's arms; empty where the paper shows a plot only."""
        ...


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, and the statements that it makes. It holds where all of them do, in every setting."""

    name: str
    quote: str  # the paper's words
    where: str  # "section 4.2, Table 1"
    plain: str  # the same in a few words of ours
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Judged:
    """A claim at one scale."""

    scale: str
    verdict: Word
    why: str  # in a few words
    p: float  # two-sided, corrected for all claims at the scale; nan where it is not what decides
    more_seeds: int | None  # of each arm, for an 80 % chance of a decision, where that is known
    tested: tuple[Tested, ...]

    @property
    def n(self) -> int:
        """The fewest seeds of the comparisons that decide, or those of the one that reverses; 0 without any."""
        deciding = [test for test in self.tested if test.contrast.decides]
        if self.verdict == "reversed":
            return min((test for test in deciding if test.is_sound), key=lambda test: test.p_against).n
        return min((test.n for test in deciding), default=0)


@dataclass(frozen=True)
class Verdict:
    """A claim, the paper's own evidence, and ours at each scale. The largest scale that was tried has the last word."""

    claim: Claim
    printed: tuple[Printed, ...]
    at: tuple[Judged, ...]  # scales rising

    @property
    def name(self) -> str:
        return self.claim.name

    @property
    def last(self) -> Judged:
        tried = [judged for judged in self.at if judged.verdict != "not tried"]
        return (tried or self.at)[-1]

    @property
    def verdict(self) -> Word:
        return self.last.verdict
