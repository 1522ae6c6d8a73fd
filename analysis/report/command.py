"""`python -m analysis report`: one page with everything."""

from __future__ import annotations

import argparse
import sys

from analysis.options import add_results, load_chosen, no_folder, view_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    add_results(parser)
    parser.add_argument(
        "--out", type=no_folder, metavar="FILE", help="default: view/report.html in the results folder"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    from analysis.report.write import write_report  # loads matplotlib, which --help does without

    out = args.out or view_folder(args.results) / "report.html"
    try:
        path = write_report(out, load_chosen(args), args.results)
    except OSError as error:
        print(f"not written to {out}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)", file=sys.stderr)
    return 0
