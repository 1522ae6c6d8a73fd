"""`show`: one study, its arms beside the paper's numbers, its configurations, and the sources that it follows."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studies.cli.list import DEVICES, cost
from studies.declare.changes import typed
from studies.declare.registry import find_study
from studies.declare.study import SCALES, Study
from studies.declare.validate import missing
from zigma.common.configuration import Configuration
from zigma.common.words import counted
from zigma.experiment.config import Config
from zigma.experiment.estimate import estimate, scale_device

HELP = "one study: its arms, the paper's numbers, its configuration"
EXAMPLE = "show scan_ablation"


@dataclass(frozen=True)
class Request:
    """Which study."""

    study: Study


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("study", help="a study by its name, or a file of yours: my_study.py")


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    return Request(find_study(args.study))


def run(request: Request) -> int:
    """Print the study. Values stand as `--set` reads them."""
    study = request.study
    print(f"{study.name}: {study.title} ({study.shows})")
    _print_arms(study)
    for scale in SCALES:
        for setting, config in study.scales.get(scale, {}).items():
            column = study.stands_for.get(setting)
            print(f"\nscale {scale}, setting {setting}" + (f" (for the paper's {column})" if column else ""))
            _print_config(config)
            configs = {study.config(arm, scale, setting) for arm in study.arms}
            most = max(estimate(one, scale_device(scale)).memory_gib for one in configs)
            whole = (
                f"{cost(configs, scale)} of {DEVICES[scale_device(scale)]} for {counted(len(configs), 'run')}"
            )
            print(f"  {'cost':<13}{whole}, up to {most:.1f} GiB of memory for a whole batch")
            for line in dict.fromkeys(line for one in configs for line in missing(one)):
                print(f"  {'not here':<13}{line}")
    if study.notes:
        print("\nsources and stand-ins")
        print(*(f"  {note}" for note in study.notes), sep="\n")
    return 0


def _print_arms(study: Study) -> None:
    print("\narms")
    width = max(len(arm.name) for arm in study.arms) + 2
    for arm in study.arms:
        print(f"  {arm.name:<{width}}{_assignments(arm.changes)}")
        for place, changes in arm.at.items():
            print(f"  {'':<{width}}at {place}: {_assignments(changes)}")
        if arm.paper:
            printed = ", ".join(f"{column} {value:g}" for column, value in arm.paper.items())
            print(f"  {'':<{width}}paper: {printed}")


def _print_config(config: Config) -> None:
    for part, value in config:
        if isinstance(value, Configuration):
            kind = getattr(value, "kind", None)
            held = {name: one for name, one in value if one is not None and name != "kind"}
            print(f"  {part:<13}{f'{kind}: ' if kind else ''}{_assignments(held)}")
        elif part != "seed":
            print(f"  {part:<13}{typed(part, value)[0][1]}")


def _assignments(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{path}={text}" for at, value in values.items() for path, text in typed(at, value))
