"""`python -m analysis make-figures`: draw every figure from the records and the code."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.figures.catalogue import pictures
from analysis.figures.make import make_figures
from analysis.figures.picture import Missing
from analysis.figures.titles import TITLES, find_figure
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
    names = [find_figure(word) for word in args.only] or list(TITLES)
    made = pictures(names, load_chosen(args), args.results)
    try:
        written = make_figures(out, made, args.results)
    except OSError as error:
        print(f"not written to {out}: {error.strerror or error}", file=sys.stderr)
        return 1
    for path in written:
        print(f"written to {path}", file=sys.stderr)
    for name, picture in made.items():
        if isinstance(picture, Missing):
            print(f"{name}: not drawn, no records yet: {picture.run}", file=sys.stderr)
    return 0
