"""`python -m analysis`: rebuild tables and figures from records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from analysis import compare_scans
from analysis.claims import command as claims_command
from analysis.claims import findings_command
from analysis.options import add_results, say_faults, terminal_width
from studies.words import Parser, WordError, fail, results_folder

PROGRAM = "python -m analysis"


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    args = _parser().parse_args(words)
    try:
        return int(args.command(args) or 0)
    except (WordError, ValueError, FileNotFoundError) as error:
        fail(f"{PROGRAM} {args.word}", error)


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

    claims = commands.add_parser(
        "claims",
        help="what the paper claims, and what the records say of it",
        description="Judge what the paper claims by the records, beside the paper's own numbers.",
        epilog=f"example: {PROGRAM} claims more-schemes-help hilbert-is-hard",
    )
    claims_command.add_arguments(claims)
    claims.set_defaults(command=claims_command.run)

    findings = commands.add_parser(
        "findings",
        help="what is wrong in the paper or the released code, shown again",
        description="Reproduce what is wrong in the paper or the released code.",
        epilog=f"example: {PROGRAM} findings R1 R4 --released ../zigma",
    )
    findings_command.add_arguments(findings)
    findings.set_defaults(command=findings_command.run)

    report = commands.add_parser(
        "report",
        help="write one page with everything: tables, figures, claims, and the records behind each number",
        description="Write one self-contained HTML page of everything that is recorded.",
        epilog=f"example: {PROGRAM} report --out results/report.html",
    )
    add_results(report)
    report.add_argument("--out", type=Path, metavar="FILE", help="default: report.html in the results folder")
    report.set_defaults(command=_report)

    scans = commands.add_parser(
        "compare-scans",
        help="measure scans side by side, and draw them",
        description="Measure scans side by side, and draw their paths, measures and reach through the layers.",
        epilog=f"example: {PROGRAM} compare-scans sweep zigzag hilbert my_curves.py:spiral --grid 16x16",
    )
    compare_scans.add_arguments(scans)
    scans.set_defaults(command=compare_scans.run)
    return parser


def _make_figures(args: argparse.Namespace) -> None:
    from analysis.figures import make_figures
    from analysis.load import load

    records = load(args.results, args.source)
    say_faults(records)
    written, missing = make_figures(args.out, records, args.results, args.only)
    for path in written:
        print(f"written to {path}", file=sys.stderr)
    for name, run in missing.items():
        print(f"{name}: not drawn, no records yet: {run}", file=sys.stderr)


def _report(args: argparse.Namespace) -> None:
    from analysis.load import load
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
    from studies.registry import find_study
    from studies.study import parse_setting

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
