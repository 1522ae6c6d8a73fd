"""What a claim is, what was found about it, and how a verdict follows. Data and words only."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from analysis.records import Sheet
from studies.declare.study import Study

Word = Literal["holds", "does not hold", "inconclusive", "not tried"]
ALPHA = 0.05


@dataclass(frozen=True)
class Tested:
    """One statement of a claim, tested on records of one scale, setting and metric."""

    says: str  # "zigzag-8 is better than zigzag-2"
    scale: str
    setting: str
    metric: str
    measure: str  # what `value` is: "ratio" of the arms' means, "exponent" of a power law, ...
    value: float
    low: float  # 95 % interval; nan where one seed gives none
    high: float
    wanted: tuple[float, float]  # where the claim wants the value, an end may be infinite
    effect: float  # Hedges' g over seeds; nan where it has no meaning
    p: float  # two-sided, of no effect; nan likewise
    n: int  # seeds, or points of a fit
    verdict: Word
    main: bool  # whether the scale's verdict rests on it; the held-out loss is shown beside
    records: tuple[str, ...]  # identities of the records behind it


@dataclass(frozen=True)
class Printed:
    """What the paper's own numbers say of a statement of a claim."""

    says: str
    numbers: str  # "256 FID: 65.7 and 54.7, ratio 1.20"
    holds: bool


class Statement(Protocol):
    """A predicate over the records of a study, and over what the paper printed."""

    @property
    def study(self) -> str: ...

    @property
    def says(self) -> str: ...

    def ours(self, sheets: Mapping[str, Sheet]) -> list[Tested]:
        """The statement on the sheets (setting -> records) of one scale."""
        ...

    def printed(self, study: Study) -> list[Printed]:
        """The statement on the numbers beside the study's arms; empty where the paper shows a plot only."""
        ...


@dataclass(frozen=True)
class Claim:
    """A sentence of the paper, and the statements that it makes. It holds where all of them do."""

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
    tested: tuple[Tested, ...]


@dataclass(frozen=True)
class Verdict:
    """A claim, the paper's own evidence, ours at each scale, and what follows."""

    claim: Claim
    printed: tuple[Printed, ...]
    at: tuple[Judged, ...]
    verdict: Word

    @property
    def name(self) -> str:
        return self.claim.name


def verdict_of(low: float, high: float, wanted: tuple[float, float]) -> Word:
    """Holds where the whole interval lies inside the wanted range, does not hold where all of it lies outside.

    The ends are outside: equal is not better.
    """
    if math.isnan(low) or math.isnan(high):
        return "inconclusive"
    if wanted[0] < low and high < wanted[1]:
        return "holds"
    if high <= wanted[0] or low >= wanted[1]:
        return "does not hold"
    return "inconclusive"


def all_of(words: Sequence[Word]) -> Word:
    """A claim that makes several statements: holds where all do, does not hold where one does not."""
    if all(word == "not tried" for word in words):
        return "not tried"
    if "does not hold" in words:
        return "does not hold"
    return "holds" if all(word == "holds" for word in words) else "inconclusive"


def across(words: Sequence[Word]) -> Word:
    """Settings or scales together: one that says nothing changes nothing, two that disagree are inconclusive."""
    said = {word for word in words if word in ("holds", "does not hold")}
    if len(said) == 1:
        return said.pop()
    return "inconclusive" if any(word != "not tried" for word in words) else "not tried"
