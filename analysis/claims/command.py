"""`python -m analysis claims`: the verdicts, the paper's evidence and ours; written as Markdown and JSON."""

from __future__ import annotations

import argparse

from analysis.claims.evidence import Evidence, evidence
from analysis.claims.paper import CLAIMS
from analysis.claims.show import files, text
from analysis.options import (
    add_publish,
    add_results,
    load_chosen,
    terminal_width,
    view_folder,
    write_all,
)
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
    folder = args.results if args.publish else view_folder(args.results)
    try:
        print(text(Evidence(shown) if args.claims else whole, terminal_width()), flush=True)
    finally:  # also where who reads has had enough, such as `head`
        status = write_all(folder, files(whole), "as claims.md and claims.json")
    return status
