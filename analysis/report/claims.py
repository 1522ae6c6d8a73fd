"""Claims as the page shows them: the verdict at each scale, the paper's own numbers, and each test of ours."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from analysis.claims import Tested, Verdict
from analysis.claims.findings import Finding, Shown
from analysis.records import devices_of
from analysis.report.store import Store
from analysis.tables.render import MISSING, number


@dataclass(frozen=True)
class ShownTest:
    """One statement tested on records of one scale, setting and metric."""

    says: str
    scale: str
    setting: str
    metric: str
    measure: str
    value: str
    effect: str
    p: str
    n: int
    verdict: str
    main: bool
    records: tuple[int, ...]
    devices: tuple[str, ...]


@dataclass(frozen=True)
class ShownClaim:
    """A claim of the paper with all that was found about it."""

    name: str
    plain: str
    quote: str
    where: str
    verdict: str
    paper: str  # what the paper's own numbers say
    at: dict[str, str]  # scale -> verdict
    printed: tuple[tuple[str, str, bool], ...]
    tests: tuple[ShownTest, ...]


@dataclass(frozen=True)
class ShownFinding:
    """Something wrong in the paper or the released code, and what shows it again."""

    name: str
    of: str
    says: str
    here: str
    command: str
    shown: tuple[Shown, ...]
    agrees: bool


def shown_findings(findings: Iterable[Finding]) -> list[ShownFinding]:
    """The findings in their order, each computed again."""
    found = []
    for finding in findings:
        shown = tuple(finding.show())
        agrees = all(fact.agrees for fact in shown)
        found.append(
            ShownFinding(finding.name, finding.of, finding.says, finding.here, finding.command, shown, agrees)
        )
    return found


def shown_claims(verdicts: Iterable[Verdict], store: Store) -> list[ShownClaim]:
    """The claims in their order."""
    return [_shown(verdict, store) for verdict in verdicts]


def _shown(found: Verdict, store: Store) -> ShownClaim:
    claim = found.claim
    return ShownClaim(
        claim.name,
        claim.plain,
        claim.quote,
        claim.where,
        found.verdict,
        _paper([printed.holds for printed in found.printed]),
        {judged.scale: judged.verdict for judged in found.at},
        tuple((printed.says, printed.numbers, printed.holds) for printed in found.printed),
        tuple(_test(tested, store) for judged in found.at for tested in judged.tested),
    )


def _paper(holds: list[bool]) -> str:
    if not holds:
        return "a plot or a sentence, no numbers"
    if all(holds):
        return "as claimed"
    return "not as claimed" if not any(holds) else f"{sum(holds)} of {len(holds)} as claimed"


def _test(tested: Tested, store: Store) -> ShownTest:
    interval = "" if math.isnan(tested.low) else f" [{number(tested.low)}, {number(tested.high)}]"
    behind = tuple(store.refer_identities(tested.records))
    return ShownTest(
        tested.says,
        tested.scale,
        tested.setting,
        tested.metric,
        tested.measure,
        f"{number(tested.value)}{interval}",
        MISSING if math.isnan(tested.effect) else f"{tested.effect:.2f}",
        MISSING if math.isnan(tested.p) else f"{tested.p:.2g}",
        tested.n,
        tested.verdict,
        tested.main,
        behind,
        devices_of([store.records[i] for i in behind]),
    )
