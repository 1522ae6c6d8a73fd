"""`python -m analysis`: rebuild tables and figures from records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from studies.words import Parser, WordError, fail

PROGRAM = "python -m analysis"


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    args = _parser().parse_args(words)
    try:
        args.command(args)
    except (WordError, ValueError, FileNotFoundError) as error:
        fail(f"{PROGRAM} {args.word}", error)
    return 0


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="Rebuild the paper's tables and figures from recorded results; needs neither torch nor a GPU.",
        epilog=f"example: {PROGRAM} make-tables",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="word", required=True, metavar="command", parser_class=Parser)
    tables = commands.add_parser(
        "make-tables",
        help="rebuild every table from the records, and print it",
        description="Rebuild every table from the records as Markdown, LaTeX and CSV, and print it.",
        epilog=f"example: {PROGRAM} make-tables --results results",
    )
    tables.add_argument(
        "--results", type=Path, default=Path("results"), metavar="DIR", help="default: results"
    )
    tables.set_defaults(command=_make_tables)
    return parser


def _make_tables(args: argparse.Namespace) -> None:
    from analysis.table import markdown
    from analysis.tables import make_tables

    for table in make_tables(args.results):
        print(markdown(table))
    print(f"written to {args.results / 'tables'} as .md, .tex and .csv", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
