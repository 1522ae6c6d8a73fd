"""`run`: train and evaluate the arms of a study, and record results."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from studies.cli import own_images, where
from studies.cli.options import add_results, check_at_least
from studies.cli.planned import Planned, check_machine, print_left, print_plan, print_recorded
from studies.cli.start import print_advice, print_request, start
from studies.cli.where import Where
from studies.declare.selection import Selection, select
from studies.declare.study import SCALES
from studies.declare.validate import resolve, sharing_problems
from studies.run.queue import look_up, queue
from studies.run.sweep import sweep
from zigma.common.words import Problems, WordError

HELP = "train and evaluate the arms of a study, and record results"
EXAMPLE = "run scan_ablation --seeds 3"


@dataclass(frozen=True)
class Request:
    """Which runs, and where they go on."""

    selection: Selection
    where: Where
    dry_run: bool = False
    rehearse: bool = False


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("study", help="a study by its name, or a file of yours: my_study.py")
    parser.add_argument("--scale", help=f"one of {', '.join(SCALES)}; default: tiny, or the study's first")
    parser.add_argument(
        "--setting",
        action="append",
        default=[],
        metavar="NAME",
        help="the data set and size, or all; default: the scale's first; may be given again",
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="run seeds 0 to N-1; default: 1")
    parser.add_argument(
        "--seed", type=int, action="append", default=[], metavar="S", help="run this seed; may be given again"
    )
    parser.add_argument(
        "--only", action="append", default=[], metavar="ARM", help="only this arm; may be given again"
    )
    parser.add_argument(
        "--scan",
        action="append",
        default=[],
        metavar="PLAN",
        help="add an arm that scans along a plan, such as my_curves.py:spiral or vmamba; see python -m zigma.scans",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="change the configuration of every arm, such as training.steps=4000; `show` prints paths and values",
    )
    own_images.add(parser)
    parser.add_argument(
        "--rehearse",
        action="store_true",
        help="the whole way once with a few images and steps, stand-ins for what is missing; records nothing",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be run and its cost, and stop; images of --data are prepared, and stay",
    )
    add_results(parser, made=True)
    where.add(parser)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request: every word of it is looked up here, and nowhere below.

    Raises:
        WordError: a word is wrong.
    """
    place = where.read(args)
    words = (args.study, args.scale, args.setting, _seeds(args), args.only, args.scan, args.set)
    selection = select(*words)  # a wrong word is told before images are prepared
    if (data := own_images.read(args)) is not None:
        selection = select(*words, data)
    _say_what(selection, data is None)
    return Request(selection, place, args.dry_run, args.rehearse)


def run(request: Request) -> int:
    """Carry the runs out or submit them; returns the exit status: 1 where one has failed.

    Raises:
        Problems: runs cannot work; all reasons for all runs, and nothing is started.
    """
    if request.rehearse:
        from studies.run.rehearse import rehearse

        return rehearse(request.selection)
    runs = resolve(request.selection)
    planned = Planned(look_up(runs, request.where.conditions.results), request.where)
    if planned.has_devices and (unshared := sharing_problems(runs, request.where.devices)):
        raise Problems(unshared)
    if request.dry_run:
        print_plan(planned)
        print_request(queue(planned.waiting), request.where)
        print_advice(queue(planned.waiting), request.where)
        return 0
    print_recorded(planned)
    failed = any(item.status == "failed" for item in planned.statuses if not planned.is_left(item))
    if not planned.waiting:
        sweep(request.where.conditions.results)
    else:
        check_machine(planned)
        print_left(planned)
        return max(start(planned.waiting, request.where), int(failed))
    return int(failed)


def _seeds(args: argparse.Namespace) -> list[int]:
    if args.seeds is not None and args.seed:
        raise WordError(
            f"--seeds {args.seeds} runs seeds 0 to {args.seeds - 1}, --seed only the one: give one of them"
        )
    check_at_least(1, "seeds", args.seeds)
    return args.seed or list(range(args.seeds or 1))


def _say_what(selection: Selection, declared: bool) -> None:
    """What is meant: the study, its scale and settings; and which others are declared."""
    study, scale, settings = selection.study, selection.scale, selection.settings
    shows = f" ({study.shows})" if study.rebuilds_paper else ""
    line = f"{study.name}{shows} at scale {scale}, setting {', '.join(settings)}"
    others = [name for name in study.scales[scale] if name not in settings]
    if others and declared:
        line += f"; --setting takes {', '.join(others)} or all as well"
    print(line, flush=True)
