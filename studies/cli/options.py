"""Options that several commands share, and hints that repeat them."""

from __future__ import annotations

import argparse
from pathlib import Path

from studies.declare.shipped import RESULTS, same_results
from zigma.common.words import WordError, results_folder

PROGRAM = "python -m studies"


def add_results(parser: argparse.ArgumentParser, made: bool = False) -> None:
    """Add `--results DIR`: a folder that is there, or that the command makes (`made`)."""
    kind = results_folder if made else existing_folder
    parser.add_argument("--results", type=kind, default=RESULTS, metavar="DIR", help=f"default: {RESULTS}")


def existing_folder(text: str) -> Path:
    """`--results DIR` of a command that only looks: a mistyped one is refused, and never made."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {text}")
    return Path(text)


def hint(command: str, results: Path) -> str:
    """A command to type, for the same results folder."""
    return f"{PROGRAM} {command}{same_results(results)}"


def check_at_least(least: int, option: str, value: int | None) -> None:
    """WordError for a number that is too small; None where a person gave none."""
    if value is not None and value < least:
        raise WordError(f"--{option} takes a number from {least} on, not {value}")
