"""`python -m analysis`: rebuild tables and figures from records."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from zigma.common.program import carry_out
from zigma.common.words import Command, Parser

PROGRAM = "python -m analysis"
COMMANDS = {  # word -> the module that has its `add_arguments` and `run`, what it does, an example
    "make-tables": (
        "analysis.tables.command",
        "rebuild every table from the records as Markdown, LaTeX and CSV; print those named, or an overview",
        "scan_ablation",
    ),
    "make-figures": (
        "analysis.figures.command",
        "draw the paper's figures as PDF, SVG and PNG, with a manifest of the records behind each",
        "--only 6 --only 14",
    ),
    "report": (
        "analysis.report.command",
        "write one page of all but studies in files of yours: tables, figures, claims, the records behind each number",
        "--out report.html",
    ),
    "claims": (
        "analysis.claims.command",
        "judge what the paper claims by the records, beside the paper's own numbers",
        "more-schemes-help hilbert-is-hard",
    ),
    "findings": (
        "analysis.claims.findings.command",
        "reproduce what is wrong in the paper or the released code",
        "R1 R4 --released ../zigma",
    ),
    "compare": (
        "analysis.compare.command",
        "put two sets of records side by side, with differences and significance",
        "results ../other-machine/results",
    ),
    "card": (
        "analysis.card.command",
        "write one page about a curve, a plan or a mixer from what is recorded: what `python -m studies try` shows",
        "my_curves.py:my-spiral",
    ),
    "check": (
        "analysis.check",
        "say for every table, figure and number of README whether a record backs it; 1 if one is not backed",
        "--write",
    ),
    "compare-scans": (
        "analysis.compare_scans",
        "measure scans side by side, and draw their paths, measures and reach through the layers",
        "sweep zigzag hilbert my_curves.py:spiral --grid 16x16",
    ),
}


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    words = sys.argv[1:] if words is None else words
    args = _parser(next((word for word in words if word in COMMANDS), None)).parse_args(words)
    return carry_out(f"{PROGRAM} {args.word}", lambda: args.command(args))


def _parser(word: str | None) -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Rebuild the paper's tables and figures from recorded results; needs neither torch nor a GPU.",
        epilog=f"example: {PROGRAM} make-tables",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="word", required=True, metavar="command", parser_class=Command)
    for name, (module, help, example) in COMMANDS.items():
        added = commands.add_parser(
            name,
            help=help,
            description=f"{help[0].upper()}{help[1:]}.",
            epilog=f"example: {PROGRAM} {name} {example}",
        )
        if name == word:  # its module is read only when it is asked for: the others start without it
            command = import_module(module)
            command.add_arguments(added)
            added.set_defaults(command=command.run)
    return parser


if __name__ == "__main__":
    sys.exit(main())
