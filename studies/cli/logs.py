"""`logs`: what a run has printed."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from studies.cli.options import add_results, check_at_least
from studies.launch.logs import logs_of
from zigma.common.words import WordError, printable

HELP = "what a run has printed"
EXAMPLE = "logs zigzag-8"


@dataclass(frozen=True)
class Request:
    """Which run, and how many of its last lines; 0 for all."""

    run: str
    lines: int
    results: Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.description = f"{HELP}; exit status 2 where no submitted run is meant, or more than one"
    parser.add_argument(
        "run", help="an arm as `status` shows it, or an identity (of `run --dry-run`) or its beginning"
    )
    parser.add_argument(
        "--lines", type=int, default=40, metavar="N", help="the last N lines; default: 40; 0: all"
    )
    add_results(parser)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    check_at_least(0, "lines", args.lines)
    return Request(args.run, args.lines, args.results)


def run(request: Request) -> int:
    """Print the log of the run's latest submission that has one.

    Raises:
        WordError: no run is meant, or more than one.
    """
    labels, paths = logs_of(request.run, request.results)
    if not labels:
        raise WordError(f"no submitted run is called {request.run!r}; runs in a terminal leave no log")
    if len(labels) > 1:
        runs = ", ".join(f"{identity} ({label})" for identity, label in labels.items())
        raise WordError(f"{request.run!r} is more than one run: {runs}; name one by its identity")
    for path in paths:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        print(f"{path}:", file=sys.stderr)
        print(*map(printable, lines[-request.lines :] if request.lines else lines), sep="\n")
    if not paths:
        print(f"{next(iter(labels.values()))} has printed nothing yet", file=sys.stderr)
    return 0
