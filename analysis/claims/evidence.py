"""All that the claims sheet shows of a set of records, as values: `show` turns it into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from analysis.agreement import Agreement, all_agreements
from analysis.claims.claim import Verdict
from analysis.claims.decision import DecisionAccuracy, all_decisions
from analysis.claims.findings import FINDINGS, Fact, Finding
from analysis.claims.judge import judge
from analysis.claims.predicted import Predicted, all_predicted
from analysis.records import Records


@dataclass(frozen=True)
class Evidence:
    """Verdicts, how far smaller scales and closed forms predict, the order of the arms, what is wrong in the paper."""

    verdicts: Sequence[Verdict]
    decisions: Sequence[DecisionAccuracy] = ()
    predicted: Sequence[Predicted] = ()
    agreements: Sequence[Agreement] = ()
    findings: Sequence[tuple[Finding, list[Fact]]] = ()


def evidence(records: Records) -> Evidence:
    """What these records show of every claim."""
    return Evidence(
        judge(records),
        all_decisions(records),
        all_predicted(records),
        all_agreements(records),
        [(finding, finding.show()) for finding in FINDINGS],
    )
