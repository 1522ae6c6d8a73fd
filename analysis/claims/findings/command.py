"""`python -m analysis findings`: what is wrong in the paper or the released code, shown again."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from analysis.claims.findings import FINDINGS, Finding, find
from analysis.options import terminal_width
from zigma.common.words import WordError, counted


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    names = ", ".join(finding.name for finding in FINDINGS)
    parser.add_argument("findings", nargs="*", metavar="FINDING", help=f"of {names}; default: all")
    parser.add_argument(
        "--released",
        type=Path,
        metavar="DIR",
        help="a checkout of the released code, whose lines to show too",
    )


def run(args: argparse.Namespace) -> int:
    """Print each finding and what shows it; 1 if one is not reproduced."""
    findings = find(args.findings)
    if args.released is not None and not args.released.is_dir():
        raise WordError(
            f"--released takes a checkout of the released code; there is no folder {args.released}"
        )
    agrees = [_print(finding, args.released, terminal_width()) for finding in findings]
    unread = [finding.name for finding in findings if finding.in_code_alone and args.released is None]
    print(f"{sum(agrees) - len(unread)} of {counted(len(findings), 'finding')} reproduced")
    if unread:
        print(f"{', '.join(unread)} can be seen in the released code alone: --released DIR")
    return 0 if all(agrees) else 1


def _print(finding: Finding, released: Path | None, width: int) -> bool:
    shown = [(f"{f.what}: {f.computed}{_beside(f.stated)}", f.agrees) for f in finding.show()]
    if released is not None:
        read = [(line.says, *line.find(released)) for line in finding.lines]
        shown += [(f"{says}: {where}", agrees) for says, agrees, where in read]
    print("\n".join(textwrap.wrap(f"{finding.name} ({finding.of}): {finding.says}", width)))
    print(f"  here: {finding.here}")
    for words, agrees in shown:
        mark = "" if agrees else "  <- not as the finding says"
        print(textwrap.fill(words + mark, width, initial_indent="  - ", subsequent_indent="    "))
    print(f"  more: {finding.also}\n" if finding.also else "")
    return all(agrees for _, agrees in shown)


def _beside(stated: str) -> str:
    return f" (stated: {stated})" if stated else ""
