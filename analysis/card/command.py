"""`python -m analysis card`: the page of `python -m studies try`, made again from what is recorded."""

from __future__ import annotations

import argparse
import shlex
import sys

from analysis.options import results_there, say_faults, view_folder
from studies.declare.own_data import OwnData, own_data
from studies.declare.shipped import RESULTS, same_results
from studies.declare.trial import trial
from zigma.common.words import unknown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's words."""
    parser.add_argument("what", metavar="WHAT", help="my_curves.py:my-spiral, a plan, or a mixer")
    parser.add_argument(
        "--results", type=results_there, default=RESULTS, metavar="DIR", help=f"default: {RESULTS}"
    )
    parser.add_argument("--data", metavar="SETTING", help="images of yours that were prepared: birds-32")


def run(args: argparse.Namespace) -> int:
    """Print the verdict, and write the page as HTML and PNG."""
    from analysis.card.content import both_records, card
    from analysis.card.write import write_card  # loads matplotlib, which --help does without

    records = both_records(args.results)
    say_faults(records)
    content = card(trial(args.what, _prepared(args)), records)
    written = None
    try:  # first: who prints into `head` is ended there
        written = write_card(content, view_folder(args.results), _command(args))
    except OSError as error:
        print(f"not written to {view_folder(args.results)}: {error.strerror or error}", file=sys.stderr)
    print(content.verdict)
    for line in content.missing:
        print(f"not recorded: {line}")
    if written is None:
        return 1
    print(f"Open {written[0]} (or {written[1]})")
    return 0


def _command(args: argparse.Namespace) -> str:
    """What makes the page again."""
    what, results = shlex.quote(args.what), same_results(args.results)
    if args.data is None:
        return f"python -m studies try {what}{results}"
    return f"python -m analysis card {what} --data {shlex.quote(args.data)}{results}"


def _prepared(args: argparse.Namespace) -> OwnData | None:
    by_setting = {data.setting: data for data in own_data(args.results)}
    if args.data is not None and args.data not in by_setting:
        raise unknown("prepared folder of images", args.data, by_setting)
    return by_setting.get(args.data)
