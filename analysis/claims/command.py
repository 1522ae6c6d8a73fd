"""`python -m analysis claims`: the verdicts, the paper's evidence and ours; written as Markdown and JSON."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from analysis.agreement import Agreement, agreement
from analysis.claims.claim import Claim
from analysis.claims.decision import DecisionAccuracy, decision_accuracies
from analysis.claims.findings import FINDINGS
from analysis.claims.judge import Book, judge
from analysis.claims.paper import CLAIMS
from analysis.claims.show import Evidence, as_json, markdown, text
from analysis.options import (
    add_publish,
    add_results,
    load_chosen,
    terminal_width,
    view_folder,
    write_all,
)
from analysis.records import Records
from studies.declare.registry import studies
from studies.declare.study import Study
from zigma.common.words import unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="print only these; default: all")
    add_results(parser)
    add_publish(parser, "results/claims.md and claims.json")


def run(args: argparse.Namespace) -> int:
    """Judge every claim, write `claims.md` and `claims.json`, print those that were asked for."""
    by_name = {claim.name: claim for claim in CLAIMS}
    for name in args.claims:
        if name not in by_name:
            raise unknown("claim", name, by_name)
    whole = evidence(load_chosen(args))
    shown = [verdict for verdict in whole.verdicts if verdict.name in args.claims]
    print(text(Evidence(shown) if args.claims else whole, terminal_width()))
    folder = args.results if args.publish else view_folder(args.results)
    return write_all(folder, _files(whole), "as claims.md and claims.json")


def evidence(records: Records, claims: Iterable[Claim] = CLAIMS) -> Evidence:
    """All that the claims sheet shows of these records."""
    return Evidence(
        judge(records, tuple(claims)),
        all_decisions(records),
        all_agreements(records),
        [(finding, finding.show()) for finding in FINDINGS],
    )


def sheets(records: Records) -> dict[str, str]:
    """File name -> the claims sheet, as `run --publish` writes it."""
    return _files(evidence(records))


def _files(whole: Evidence) -> dict[str, str]:
    return {"claims.md": markdown(whole), "claims.json": as_json(whole)}


def all_decisions(records: Records) -> list[DecisionAccuracy]:
    """How often each study's smaller scales predict its larger ones and the paper."""
    book = Book(records)
    by_study = [{s: book.sheets(study.name, s) for s in study.scales} for study in _studies()]
    return [item for by_scale in by_study for item in decision_accuracies(by_scale)]


def all_agreements(records: Records) -> list[Agreement]:
    """The rank correlation with the paper of every table, scale and setting that has the numbers."""
    book = Book(records)
    made = [
        agreement(sheet)
        for study in _studies()
        if study.shows.startswith("Table")
        for scale in study.scales
        for sheet in book.sheets(study.name, scale).values()
    ]
    return [item for item in made if item is not None]


def _studies() -> Iterable[Study]:
    return studies().values()
