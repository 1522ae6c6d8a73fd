"""`try`: a curve, a plan or a mixer of one's own beside the paper's, in one command and one page.

The page is made by `python -m analysis card` in a process of its own: `studies` does not import `analysis`, so that
what carries runs out never depends on what shows them, and the page can be made again without running anything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass

from studies.cli import own_images, where
from studies.cli.options import add_results, check_at_least
from studies.cli.planned import Planned, check_machine, print_plan
from studies.cli.start import start
from studies.cli.where import Where
from studies.declare.own_data import OwnData
from studies.declare.selection import Selection
from studies.declare.shipped import PUBLISHED, shipped_results
from studies.declare.trial import SCALE, Trial, trial
from studies.declare.validate import resolve
from studies.run.queue import RunStatus, look_up, to_run
from studies.run.record import by_identity, read_record
from zigma.common.words import WordError, counted

HELP = "put a curve, a plan or a mixer beside the paper's: picture, closed form, short runs, one page"
EXAMPLE = "try my_curves.py:my-spiral"
SEEDS = 5  # as the published runs have


@dataclass(frozen=True)
class Request:
    """What is tried, with how many seeds."""

    word: str
    trial: Trial
    seeds: int
    where: Where
    dry_run: bool
    data: OwnData | None = None


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "what", help="my_curves.py:my-spiral, a plan such as hilbert-4, or a mixer such as mamba-2"
    )
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, metavar="N", help=f"seeds 0 to N-1; default: {SEEDS}"
    )
    own_images.add(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be run and its cost, and stop; images of --data are prepared, and stay",
    )
    add_results(parser, made=True)
    where.add(parser)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request.

    Raises:
        WordError: a word is wrong.
    """
    check_at_least(1, "seeds", args.seeds)
    place = where.read(args)
    if args.cluster not in (None, "debug"):
        raise WordError(
            "try waits for its runs and shows them: `run trial --scan ... --cluster` submits them"
        )
    trial(args.what)  # a wrong word is told before images are prepared
    data = own_images.read(args)
    return Request(args.what, trial(args.what, data), args.seeds, place, args.dry_run, data)


def run(request: Request) -> int:
    """Train what is missing, then make the page; the exit status is 1 where a run has failed."""
    waiting = missing_runs(request)
    if request.dry_run:
        print_plan(Planned(waiting, request.where))
        return 0
    status = _card(request)  # at once: what is known without training
    if waiting:
        print(f"\n{counted(len(waiting), 'run')} to do; the page is written again when they are done")
        check_machine(Planned(waiting, request.where))
        status = start(waiting, request.where)
        print()
        status = max(_card(request), status)
    return status


def missing_runs(request: Request) -> list[RunStatus]:
    """Runs of all arms and settings that are recorded neither by the person nor among what ships."""
    study, results = request.trial.study, request.where.conditions.results
    selection = Selection(study, SCALE, tuple(study.scales[SCALE]), tuple(range(request.seeds)))
    published = by_identity(shipped_results(results) / PUBLISHED / SCALE)
    waiting = []
    for item in look_up(resolve(selection), results):
        path = published.get(item.run.identity)
        ships = item.record is None and path is not None and read_record(path)["status"] == "done"
        if not ships and to_run(item.status, request.where.conditions.mode):
            waiting.append(item)
    return waiting


def _card(request: Request) -> int:
    sys.stdout.flush()
    request.where.conditions.results.mkdir(parents=True, exist_ok=True)
    command = ["-m", "analysis", "card", request.word, "--results", str(request.where.conditions.results)]
    if request.data is not None:
        command += ["--data", request.data.setting]
    return subprocess.run([sys.executable, *command], check=False).returncode
