"""`python -m analysis make-figures`: draw every figure from the records and the code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.figures.make import make_figures
from analysis.options import add_publish, add_results, load_chosen, view_folder

SHIPPED = Path("paper_figures")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    add_results(parser)
    add_publish(parser, "paper_figures/")
    parser.add_argument(
        "--only", action="append", default=[], metavar="FIGURE", help="only this figure; may be given again"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: view/figures in the results folder")


def run(args: argparse.Namespace) -> int:
    """Draw, and say what was drawn and what would have to be run."""
    out = args.out or (SHIPPED if args.publish else view_folder(args.results) / "figures")
    records = load_chosen(args)
    try:
        written, missing = make_figures(out, records, args.results, args.only)
    except OSError as error:
        print(f"not written to {out}: {error.strerror or error}", file=sys.stderr)
        return 1
    for path in written:
        print(f"written to {path}", file=sys.stderr)
    for name, command in missing.items():
        print(f"{name}: not drawn, no records yet: {command}", file=sys.stderr)
    return 0
