"""What the page needs to know of claims and findings beyond their values: the records behind them by number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.claims import Verdict
from analysis.claims.findings import Fact, Finding
from analysis.claims.show import paper_word, tests
from analysis.records import devices_of
from analysis.report.store import Store


@dataclass(frozen=True)
class ShownTest:
    """A comparison as a row of words, with the records behind it."""

    scale: str
    cells: dict[str, object]
    records: tuple[int, ...]
    devices: tuple[str, ...]


@dataclass(frozen=True)
class ShownClaim:
    """A claim with its rows."""

    verdict: Verdict
    paper: str
    at: dict[str, str]  # scale -> word
    tests: tuple[ShownTest, ...]


@dataclass(frozen=True)
class ShownFinding:
    """A finding, computed again."""

    finding: Finding
    shown: tuple[Fact, ...]

    @property
    def agrees(self) -> bool:
        return all(fact.agrees for fact in self.shown)


def shown_findings(findings: Iterable[Finding]) -> list[ShownFinding]:
    """The findings in their order, each computed again."""
    return [ShownFinding(finding, tuple(finding.show())) for finding in findings]


def shown_claims(verdicts: Iterable[Verdict], store: Store) -> list[ShownClaim]:
    """The claims in their order."""
    return [
        ShownClaim(v, paper_word(v), {j.scale: j.verdict for j in v.at}, tuple(_tests(v, store)))
        for v in verdicts
    ]


def _tests(verdict: Verdict, store: Store) -> Iterable[ShownTest]:
    for test, cells in tests(verdict):
        behind = tuple(store.refer_identities(test.contrast.records))
        devices = devices_of([store.records[i] for i in behind])
        yield ShownTest(test.contrast.scale, cells, behind, devices)
