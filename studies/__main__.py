"""`python -m studies`: list, show, run and follow the experiments of the paper."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from studies.cli import doctor, following, launching, listing, planning
from studies.declare.registry import find_study
from studies.declare.scans import with_scans
from studies.declare.study import SCALES
from studies.run.queue import CHECKPOINT_EVERY_S, Mode, Planned, plan, to_run
from studies.run.record import Record
from zigma.common.words import Parser, WordError, fail, results_folder
from zigma.processor import wait_briefly

wait_briefly()  # in the processes of runs as well: they inherit it

PROGRAM = "python -m studies"
EXAMPLES = """examples:
  python -m studies list
  python -m studies show scan_ablation
  python -m studies run scan_ablation --dry-run
  python -m studies run scan_ablation --seeds 3 --only zigzag-8 --set training.steps=2000
"""


def main(words: list[str] | None = None) -> int:
    """Carry out a command line; returns the exit status."""
    args = _parser().parse_args(words)
    try:
        return int(args.command(args))
    except (WordError, ValueError, FileNotFoundError) as error:
        fail(f"{PROGRAM} {args.word}", error)
    except BrokenPipeError:  # `| head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        print("\ninterrupted; the same command resumes from the last checkpoint", file=sys.stderr)
        return 130


def interrupt_again(lost: sys.UnraisableHookArgs) -> None:
    """Send a Ctrl-C anew, a moment later, that fell into a finaliser: Python lets nothing out of those."""
    if issubclass(lost.exc_type, KeyboardInterrupt):
        main_thread = threading.main_thread().ident
        threading.Timer(0.01, signal.pthread_kill, (main_thread, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(lost)


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description="The experiments of the ZigMa paper: list, show, run.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="word", required=True, metavar="command", parser_class=Parser)

    def add(word: str, command: object, help: str, example: str) -> Parser:
        added: Parser = commands.add_parser(
            word, help=help, description=help, epilog=f"example: {PROGRAM} {example}"
        )
        added.set_defaults(command=command)
        return added

    add("list", _list, "every study: what it rebuilds, its arms, how much is recorded", "list").add_argument(
        "--results", type=results_folder, default=Path("results"), metavar="DIR"
    )
    show = add(
        "show", _show, "one study: its arms, the paper's numbers, its configuration", "show scan_ablation"
    )
    show.add_argument("study")

    run = add(
        "run",
        _run,
        "train and evaluate the arms of a study, and record results",
        "run scan_ablation --seeds 3",
    )
    run.add_argument("study")
    run.add_argument("--scale", help=f"one of {', '.join(SCALES)}; default: tiny")
    run.add_argument(
        "--setting", metavar="NAME", help="the data set and size, or all; default: the scale's first"
    )
    run.add_argument("--seeds", type=int, default=1, metavar="N", help="run seeds 0 to N-1; default: 1")
    run.add_argument("--only", action="append", metavar="ARM", help="only this arm; may be given again")
    run.add_argument(
        "--scan",
        action="append",
        default=[],
        metavar="FILE:CURVE",
        help="add an arm that scans along a curve of yours, such as my_curves.py:spiral, or a known plan",
    )
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PATH=VALUE",
        help="change the configuration of every arm",
    )
    run.add_argument(
        "--mode",
        choices=("cached", "retry", "force"),
        default="cached",
        help="cached: run what has no record; retry: also what failed; force: everything again",
    )
    run.add_argument(
        "--checkpoint-every",
        type=float,
        default=CHECKPOINT_EVERY_S,
        metavar="SECONDS",
        help=f"the most work that a kill can lose; default: {CHECKPOINT_EVERY_S:g}",
    )
    run.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at once; default: one per core, or one where there is a GPU",
    )
    launching.add_arguments(run)
    run.add_argument("--dry-run", action="store_true", help="say what would be run and its cost, and stop")
    run.add_argument(
        "--results", type=results_folder, default=Path("results"), metavar="DIR", help="default: results"
    )

    following.add_commands(add)

    help_doctor = "what this machine has: devices, scan backends and whether they are right, weights, Slurm"
    doctor.add_arguments(add("doctor", _doctor, help_doctor, "doctor"))
    return parser


def _list(args: argparse.Namespace) -> int:
    listing.print_list(args.results)
    return 0


def _show(args: argparse.Namespace) -> int:
    listing.print_show(args.study)
    return 0


def _run(args: argparse.Namespace) -> int:
    launching.check_arguments(args)
    study = with_scans(find_study(args.study), args.scan)
    planned = plan(planning.wanted_runs(study, args), args.results)
    if args.dry_run:
        planning.print_plan(planned, args.mode, args)
        return 0
    waiting = [item for item in planned if to_run(item.status, args.mode)]
    _print_known(planned, args.mode)
    failed = [item for item in planned if item.status == "failed" and not to_run(item.status, args.mode)]
    if not waiting:
        return 1 if failed else 0
    planning.check_machine([item.run for item in waiting], args)
    return max(launching.start(waiting, args), 1 if failed else 0)


def _print_known(planned: list[Planned], mode: Mode) -> None:
    done = [item for item in planned if item.status == "done" and not to_run(item.status, mode)]
    for item in planned:
        if item.status == "failed" and not to_run(item.status, mode):
            print(f"{item.run.label} failed: {_record(item)['error']} (--mode retry runs it again)")
    if len(done) == len(planned):
        print(f"all {len(done)} runs are recorded; nothing to do (--mode force runs them again)")
    elif done:
        print(f"{len(done)} of {len(planned)} runs are recorded already")


def _record(item: Planned) -> Record:
    assert item.record is not None
    return item.record


def _doctor(args: argparse.Namespace) -> int:
    doctor.run(args)
    return 0


if __name__ == "__main__":
    sys.unraisablehook = interrupt_again
    sys.exit(main())
