"""`python -m analysis make-tables`: rebuild every table; print those that are named, or an overview and your run."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from analysis.options import (
    add_publish,
    add_results,
    load_chosen,
    terminal_width,
    view_folder,
    write_all,
)
from analysis.records import Records
from analysis.tables.answer import answer
from analysis.tables.heading import table_number
from analysis.tables.overview import latest_study, overview
from analysis.tables.ranking import RANKING
from analysis.tables.render import rendered, terminal
from analysis.tables.strip import draw_strip
from analysis.tables.study import build_tables, studies_with
from analysis.tables.values import Note, Table
from studies.declare.changes import parse_setting
from studies.declare.registry import find_study, studies
from studies.declare.shipped import same_results
from zigma.common.words import WordError, one_line, unknown

PROPOSED = "python -m studies "  # a note that proposes a command ends in it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument(
        "studies",
        nargs="*",
        metavar="STUDY",
        help="print the tables of these studies, of a file of yours (my_study.py), or by the paper's number (table_1); "
        f"`{RANKING}`: every scan, best first; default: an overview of all declared studies, and the latest of them "
        "that you ran",
    )
    add_results(parser)
    add_publish(parser, "results/tables/")
    parser.add_argument(
        "--set", action="append", default=[], metavar="PATH=VALUE", help="as the runs to show were given it"
    )


def run(args: argparse.Namespace) -> int:
    """Print tables, and write all of them as Markdown, LaTeX and CSV."""
    names = list(map(_table_name, args.studies))
    records = load_chosen(args)
    settings = dict(map(parse_setting, args.set))
    if settings and RANKING in names:
        raise WordError(f"{RANKING} shows runs as they are declared: leave --set out, or name their study")
    tables = build_tables(records, settings)
    if not records:
        _print(tables, names, args.results)
        run_first = f"python -m studies run scan_ablation{same_results(args.results)}"
        print(f"no records below {args.results}, so nothing is written: {run_first}")
        return 0
    folder = args.results if args.publish else view_folder(args.results)
    try:
        _print(tables, names, args.results)
    finally:  # also where who reads has had enough, such as `head`
        status = write_all(folder / "tables", rendered(tables), "as .md, .tex and .csv")
    if not names and not args.publish:
        print_answer(records, args.results, tables, settings)
    return status


def _print(tables: Sequence[Table], names: Sequence[str], results: Path) -> None:
    if names:
        print("\n".join(_shown(table, results) for table in tables if table.study in names), flush=True)
    else:
        print("\n".join(overview(tables, terminal_width(), results)) + "\n", flush=True)


def _shown(table: Table, results: Path) -> str:
    """A table on the terminal: there the commands that its notes propose look into the same results folder.

    In files they do not name it, so that a folder that is moved holds the same tables.
    """

    def here(notes: Iterable[Note]) -> tuple[Note, ...]:
        return tuple(
            replace(note, text=note.text + same_results(results)) if f": {PROPOSED}" in note.text else note
            for note in notes
        )

    parts = tuple(replace(part, notes=here(part.notes)) for part in table.parts)
    return terminal(replace(table, parts=parts, notes=here(table.notes)), terminal_width())


def _table_name(word: str) -> str:
    """Of a study, of the paper's table that it rebuilds (`table_1`), of a file that declares one, or of the ranking.

    Raises:
        WordError: it is none of them; the nearest is offered.
    """
    numbers = {name: table_number(study.shows) for name, study in studies().items()}
    word = {f"table_{number}": name for name, number in numbers.items() if number}.get(word, word)
    if not word.endswith(".py") and word not in (RANKING, *studies()):
        raise unknown("study", word, [*studies(), RANKING])
    return word if word == RANKING else find_study(word).name


def print_answer(
    records: Records, results: Path, tables: Iterable[Table], settings: Mapping[str, Any]
) -> None:
    """The table of the user's own latest study, what it means, and where a picture of its samples lies."""
    name, width = latest_study(records, results), terminal_width()
    if name is None:
        return
    study = next(study for study in studies_with(settings) if study.name == name)
    own = answer(study, records, results)
    if own is None:  # of other configurations, or without numbers: the whole table says why
        print("\n".join(_shown(table, results) for table in tables if table.study == name))
        return
    print(_shown(own.table, results))
    print("\n".join(textwrap.wrap(one_line(f"What it means: {own.means}"), width)))
    place = view_folder(results) / f"{name}.{own.sheet.setting}.samples.png"
    try:
        picture = draw_strip(own.sheet, results, place)
    except OSError as error:
        print(f"not written to {place}: {error.strerror or error}", file=sys.stderr)
        return
    if picture is not None:
        print(f"Open {picture}: your samples below real images")
