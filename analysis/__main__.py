"""`python -m analysis`: rebuild tables and figures from records."""

from __future__ import annotations

import argparse
import os
import sys
from importlib import import_module
from pathlib import Path

from analysis.options import add_results, say_faults, terminal_width
from zigma.common.program import print_anywhere
from zigma.common.words import Parser, WordError, fail, results_folder

PROGRAM = "python -m analysis"
COMMANDS = {  # word -> the module that has its `add_arguments` and `run`, what it does, an example
    "claims": (
        "analysis.claims.command",
        "judge what the paper claims by the records, beside the paper's own numbers",
        "more-schemes-help hilbert-is-hard",
    ),
    "findings": (
        "analysis.claims.findings_command",
        "reproduce what is wrong in the paper or the released code",
        "R1 R4 --released ../zigma",
    ),
    "compare": (
        "analysis.compare",
        "put two sets of records side by side, with differences and significance",
        "results ../other-machine/results",
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
    print_anywhere()
    words = sys.argv[1:] if words is None else words
    args = _parser(next((word for word in words if word in COMMANDS), None)).parse_args(words)
    try:
        return int(args.command(args) or 0)
    except (WordError, ValueError, FileNotFoundError) as error:
        fail(f"{PROGRAM} {args.word}", error)
    except BrokenPipeError:  # whoever read the output, such as `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser(word: str | None) -> Parser:
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
        epilog=f"example: {PROGRAM} make-tables scan_ablation --results results",
    )
    tables.add_argument(
        "studies", nargs="*", metavar="STUDY", help="print only these; default: all with records"
    )
    add_results(tables)
    tables.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="as the runs to show were given it"
    )
    tables.set_defaults(command=_make_tables)

    figures = commands.add_parser(
        "make-figures",
        help="draw every figure from the records and the code",
        description="Draw the paper's figures as PDF, SVG and PNG, with a manifest of the records behind each.",
        epilog=f"example: {PROGRAM} make-figures --only 6 --only 14",
    )
    add_results(figures)
    figures.add_argument(
        "--only", action="append", default=[], metavar="FIGURE", help="only this figure; may be given again"
    )
    figures.add_argument("--out", type=results_folder, default=Path("paper_figures"), metavar="DIR")
    figures.set_defaults(command=_make_figures)

    report = commands.add_parser(
        "report",
        help="write one page with everything: tables, figures, claims, and the records behind each number",
        description="Write one self-contained HTML page of everything that is recorded.",
        epilog=f"example: {PROGRAM} report --out results/report.html",
    )
    add_results(report)
    report.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the results folder")
    report.set_defaults(command=_report)

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


def _make_figures(args: argparse.Namespace) -> None:
    from analysis.figures import make_figures
    from analysis.records import load

    records = load(args.results, args.source)
    say_faults(records)
    written, missing = make_figures(args.out, records, args.results, args.only)
    for path in written:
        print(f"written to {path}", file=sys.stderr)
    for name, run in missing.items():
        print(f"{name}: not drawn, no records yet: {run}", file=sys.stderr)


def _report(args: argparse.Namespace) -> None:
    from analysis.records import load
    from analysis.report import write_report

    out = args.out or args.results / "report.html"
    if out.is_dir():
        raise WordError(f"--out takes a file, such as {out / 'report.html'}; {out} is a folder")
    records = load(args.results, args.source)
    say_faults(records)
    path = write_report(out, records, args.results)
    print(f"written to {path} ({path.stat().st_size / 1e6:.1f} MB)", file=sys.stderr)


def _make_tables(args: argparse.Namespace) -> None:
    from analysis.render import terminal
    from analysis.tables import make_tables
    from studies.declare.changes import parse_setting
    from studies.declare.registry import find_study

    wanted = {find_study(name).title for name in args.studies}
    tables, records = make_tables(args.results, dict(map(parse_setting, args.set)), args.source)
    say_faults(records)
    empty = []
    for table in tables:
        if table.caption in wanted or (not wanted and table.recorded):
            print(terminal(table, terminal_width()))
        elif not wanted:
            empty.append(table.file)
    if empty:
        print(f"no records yet: {', '.join(empty)} (the paper's numbers are on their sheets)")
    print(f"written to {args.results / 'tables'} as .md, .tex and .csv", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
