"""Words that several commands take."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import get_args

from analysis.records import Records, Source
from zigma.common.words import results_folder

NARROWEST = 60


def add_results(parser: argparse.ArgumentParser) -> None:
    """`--results` and `--source`: which records."""
    parser.add_argument(
        "--results", type=results_folder, default=Path("results"), metavar="DIR", help="default: results"
    )
    parser.add_argument(
        "--source",
        choices=get_args(Source),
        default="all",
        help="own: records/; published: published/, which ships with the project; all: both, your own first "
        "(default)",
    )


def terminal_width() -> int:
    """Columns of the screen; 120 where the output is no screen."""
    return max(NARROWEST, shutil.get_terminal_size((120, 24)).columns)


def say_faults(records: Records) -> None:
    """Name the files that are not records, one a line, on stderr."""
    for fault in records.faults:
        print(f"left out: {fault}", file=sys.stderr)
