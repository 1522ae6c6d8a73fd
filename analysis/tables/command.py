"""`python -m analysis make-tables`: rebuild every table; print those that are named, or an overview and your run."""

from __future__ import annotations

import argparse

from analysis.options import (
    add_publish,
    add_results,
    load_chosen,
    terminal_width,
    view_folder,
    write_all,
)
from analysis.tables.overview import latest_study, overview
from analysis.tables.render import rendered, terminal
from analysis.tables.study import build_tables
from studies.declare.changes import parse_setting
from studies.declare.registry import find_study


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY",
        help="print the tables of these; default: an overview of all, and your own latest study",
    )
    add_results(parser)
    add_publish(parser, "results/tables/")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="as the runs to show were given it"
    )


def run(args: argparse.Namespace) -> int:
    """Print tables, and write all of them as Markdown, LaTeX and CSV."""
    names = [find_study(name).name for name in args.studies]
    records = load_chosen(args)
    tables = build_tables(records, dict(map(parse_setting, args.set)))
    width = terminal_width()
    own = latest_study(records, args.results)
    shown = names or ([own] if own is not None else [])
    if not names:
        print("\n".join(overview(tables, width)) + "\n")
    for table in tables:
        if table.study in shown:
            print(terminal(table, width))
    if not records:
        print(f"no records below {args.results}, so nothing is written: python -m studies run scan_ablation")
        return 0
    folder = args.results / "tables" if args.publish else view_folder(args.results) / "tables"
    return write_all(folder, rendered(tables), "as .md, .tex and .csv")
