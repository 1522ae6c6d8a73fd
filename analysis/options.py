"""Words that several commands take, and where what they write lies."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

from analysis.records import Records, Source, load
from studies.declare.own_data import declare_own_data
from studies.declare.shipped import RESULTS
from zigma.common.files import replace_text
from zigma.common.words import WordError

NARROWEST = 60
VIEW = "view"  # below a results folder: all that looking at records writes; git ignores it


def results_there(text: str) -> Path:
    """`--results DIR`: a folder that is there. Looking makes none."""
    path = Path(text)
    if not path.is_dir() and path != RESULTS:  # without one of one's own, what ships is shown
        raise argparse.ArgumentTypeError(f"there is no folder {path}; it is made by `python -m studies run`")
    return path


def no_folder(text: str) -> Path:
    """A file to read or to write, where a folder would be a mistake."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{path} is a folder, and a file is needed")
    return path


def add_results(parser: argparse.ArgumentParser, source: Source = "all") -> None:
    """`--results` and `--source`: which records."""
    parser.add_argument(
        "--results", type=results_there, default=RESULTS, metavar="DIR", help="default: results"
    )
    parser.add_argument(
        "--source",
        choices=get_args(Source),
        default=source,
        help="own: records/; published: published/, which ships with the project; all: both, your own first "
        f"(default: {source})",
    )


def add_publish(parser: argparse.ArgumentParser, place: str) -> None:
    """`--publish`: write what ships with the project, instead of what only you look at."""
    parser.add_argument(
        "--publish",
        action="store_true",
        help=f"for maintainers: write {place}, which ship with the project, from the published records alone",
    )


def load_chosen(args: argparse.Namespace) -> Records:
    """The records that `--results`, `--source` and `--publish` ask for; names those that are left out.

    Raises:
        WordError: own records are to be published.
    """
    source: Source = args.source
    if getattr(args, "publish", False):
        if source == "own":
            raise WordError("--publish takes the published records; move yours to published/ first")
        source = "published"
    records = load(args.results, source)
    declare_own_data(Path(args.results), records.by_place)
    say_faults(records)
    return records


def view_folder(results: Path) -> Path:
    """Where what viewing writes lies."""
    return results / VIEW


def write_all(folder: Path, contents: Mapping[str, str], what: str) -> int:
    """Write texts below a folder, each in one step, and say so; 1, with the reason, where the disk refuses."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in contents.items():
            replace_text(folder / name, text)
    except OSError as error:
        print(f"not written to {folder}: {error.strerror or error}", file=sys.stderr)
        return 1
    print(f"written to {folder} {what}".rstrip(), file=sys.stderr)
    return 0


def terminal_width() -> int:
    """Columns of the screen; 120 where the output is no screen."""
    return max(NARROWEST, shutil.get_terminal_size((120, 24)).columns)


def say_faults(records: Records) -> None:
    """Name the files that are not records, one a line, on stderr."""
    for fault in records.faults:
        print(f"left out: {fault}", file=sys.stderr)
