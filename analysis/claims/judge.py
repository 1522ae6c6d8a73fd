"""From records to verdicts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from analysis.claims.claim import ALPHA, Claim, Judged, Tested, Verdict, across, all_of
from analysis.claims.paper import CLAIMS
from analysis.records import Records, Sheet, sheets
from analysis.stats import holm
from studies.declare.registry import find_study
from studies.declare.study import SCALES
from studies.run.record import Record


class Book:
    """The sheets of every study and scale, made once."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = records if isinstance(records, Records) else Records(records)
        self._sheets: dict[tuple[str, str], dict[str, Sheet]] = {}

    def sheets(self, study: str, scale: str) -> dict[str, Sheet]:
        """Setting -> sheet; empty where the study is not declared at the scale."""
        if (study, scale) not in self._sheets:
            declared = find_study(study)
            found = sheets(declared, self.records, scale) if scale in declared.scales else {}
            self._sheets[study, scale] = found
        return self._sheets[study, scale]


def judge(records: Iterable[Record], claims: Sequence[Claim] = CLAIMS) -> list[Verdict]:
    """The verdict on every claim, in their order."""
    book = Book(records)
    return [_judge(claim, book) for claim in claims]


def _judge(claim: Claim, book: Book) -> Verdict:
    printed = tuple(
        p for statement in claim.statements for p in statement.printed(find_study(statement.study))
    )
    at = tuple(_at(claim, scale, book) for scale in SCALES)
    return Verdict(claim, printed, at, across([judged.verdict for judged in at]))


def _at(claim: Claim, scale: str, book: Book) -> Judged:
    """A claim at one scale: each statement over the settings that have it, then all statements together.

    A statement without records leaves the claim at most inconclusive: half a claim does not hold.
    """
    found = [
        (i, test) for i, s in enumerate(claim.statements) for test in s.ours(book.sheets(s.study, scale))
    ]
    tested = _corrected([test for _, test in found])
    words = [
        across(
            [test.verdict for (owner, _), test in zip(found, tested, strict=True) if owner == i and test.main]
        )
        for i in range(len(claim.statements))
    ]
    return Judged(scale, all_of(words), tuple(tested))


def _corrected(tested: list[Tested]) -> list[Tested]:
    """A claim fails if any of its statements does, so that is corrected for their number (Holm).

    That all of them hold needs no correction: it is the more demanding the more there are.
    """
    against = [
        i for i, test in enumerate(tested) if test.verdict == "does not hold" and not math.isnan(test.p)
    ]
    ps = [test.p for test in tested if test.main and not math.isnan(test.p)]
    if len(ps) < 2:
        return tested
    for i in against:
        others = list(ps)
        if tested[i].main:
            others.remove(tested[i].p)
        if holm([tested[i].p, *others])[0] >= ALPHA:
            tested[i] = replace(tested[i], verdict="inconclusive")
    return tested
