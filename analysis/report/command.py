"""`python -m analysis report`: one page with everything."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis.options import add_results, load_chosen, view_folder
from zigma.common.words import WordError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    add_results(parser)
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="default: view/report.html in the results folder"
    )


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    from analysis.report.write import write_report  # loads matplotlib, which --help does without

    out = args.out or view_folder(args.results) / "report.html"
    if out.is_dir():
        raise WordError(f"--out takes a file, such as {out / 'report.html'}; {out} is a folder")
    try:
        path = write_report(out, load_chosen(args), args.results)
    except OSError as error:
        print(f"not written to {out}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)", file=sys.stderr)
    return 0
