"""`python -m analysis claims`: the verdicts, the paper's evidence and ours; written as Markdown and JSON."""

from __future__ import annotations

import argparse

from analysis.agreement import Agreement, agreement
from analysis.claims.claim import Verdict
from analysis.claims.findings import FINDINGS
from analysis.claims.judge import Book, judge
from analysis.claims.paper import CLAIMS
from analysis.claims.show import Reproduced, as_json, markdown, text
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
from zigma.common.words import unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help="print only these; default: all")
    add_results(parser)
    add_publish(parser, "results/claims.md and claims.json")


def run(args: argparse.Namespace) -> int:
    """Judge every claim, write `claims.md` and `claims.json`, print what was asked for."""
    known = {claim.name: claim for claim in CLAIMS}
    for name in args.claims:
        if name not in known:
            raise unknown("claim", name, known)
    records = load_chosen(args)
    judged = judge(records), all_agreements(records), reproduced()
    verdicts, agreements, findings = judged
    shown = [verdict for verdict in verdicts if not args.claims or verdict.name in args.claims]
    beside = ([], []) if args.claims else (agreements, findings)
    print(text(shown, *beside, terminal_width()))
    folder = args.results if args.publish else view_folder(args.results)
    return write_all(folder, _written(*judged), "as claims.md and claims.json")


def sheets(records: Records) -> dict[str, str]:
    """File name -> the claims sheet, as `run` writes it."""
    return _written(judge(records), all_agreements(records), reproduced())


def _written(verdicts: list[Verdict], agreements: list[Agreement], findings: Reproduced) -> dict[str, str]:
    return {
        "claims.md": markdown(verdicts, agreements, findings),
        "claims.json": as_json(verdicts, agreements, findings),
    }


def all_agreements(records: Records) -> list[Agreement]:
    """The rank correlation with the paper of every table, scale and setting that has the numbers."""
    book = Book(records)
    found = [
        agreement(sheet)
        for study in studies().values()
        if study.shows.startswith("Table")
        for scale in study.scales
        for sheet in book.sheets(study.name, scale).values()
    ]
    return [item for item in found if item is not None]


def reproduced() -> Reproduced:
    """Every finding with what shows it."""
    return [(finding, finding.show()) for finding in FINDINGS]
