"""`python -m analysis findings`: what is wrong in the paper or the released code, shown again."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from analysis.claims.findings import FINDINGS, Finding, find
from analysis.options import terminal_width


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    known = ", ".join(finding.name for finding in FINDINGS)
    parser.add_argument("findings", nargs="*", metavar="FINDING", help=f"of {known}; default: all")
    parser.add_argument(
        "--released",
        type=Path,
        metavar="DIR",
        help="a checkout of the released code, whose lines to show too",
    )


def run(args: argparse.Namespace) -> int:
    """Print each finding and what shows it; 1 if one is not reproduced."""
    reproduced = [_print(finding, args.released, terminal_width()) for finding in find(args.findings)]
    print(f"{sum(reproduced)} of {len(reproduced)} findings reproduced")
    return 0 if all(reproduced) else 1


def _print(finding: Finding, released: Path | None, width: int) -> bool:
    print("\n".join(textwrap.wrap(f"{finding.name} ({finding.of}): {finding.says}", width)))
    print(f"  here: {finding.here}")
    agrees = True
    for shown in finding.show():
        said = f" (said: {shown.said})" if shown.said else ""
        mark = "" if shown.agrees else "  <- not as the finding says"
        agrees &= shown.agrees
        print(
            "\n".join(
                textwrap.wrap(
                    f"{shown.what}: {shown.found}{said}{mark}",
                    width,
                    initial_indent="  - ",
                    subsequent_indent="    ",
                )
            )
        )
    if released is not None:
        for line in finding.lines:
            there, where = line.find(released)
            agrees &= there
            mark = "" if there else "  <- not as the finding says"
            print(f"  - {line.says}: {where}{mark}")
    if finding.also:
        print(f"  more: {finding.also}")
    print()
    return agrees
