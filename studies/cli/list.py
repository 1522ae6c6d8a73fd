"""`list`: every study, what it rebuilds, what it costs, and how much of it is recorded."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from studies.cli.options import add_results
from studies.declare.identity import identity_here
from studies.declare.registry import studies
from studies.declare.study import SCALES, Study
from studies.run.record import recorded
from zigma.common.terminal import print_table
from zigma.experiment.config import Config
from zigma.experiment.estimate import estimate, scale_device

HELP = "every study: what it rebuilds, its arms, how much is recorded"
EXAMPLE = "list"
DEVICES = {"cpu": "a core", "gpu": "a GPU"}


@dataclass(frozen=True)
class Request:
    """Where the records are."""

    results: Path


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_results(parser)


def read(args: argparse.Namespace) -> Request:
    """The command line as a request."""
    return Request(args.results)


def run(request: Request) -> int:
    """Print a line for each study: its arms, and for each scale the settings, the cost and how much is recorded."""
    files = recorded(request.results)
    heads = [h for s in SCALES for h in ("sets", f"{s}, {DEVICES[scale_device(s)]}", "recorded")]
    rows, everything = [["study", "rebuilds", "arms", *heads]], dict.fromkeys(SCALES, frozenset[Config]())
    for study in studies().values():
        row = [study.name, study.shows, str(len(study.arms))]
        for scale in SCALES:
            configs = _configs(study, scale)
            everything[scale] |= configs
            sets = str(len(study.scales[scale])) if configs else "-"
            row += [sets, cost(configs, scale), _recorded(configs, files)]
        rows.append(row)
    total = ["all", "shared runs once", ""]
    for scale in SCALES:
        total += ["", cost(everything[scale], scale), _recorded(everything[scale], files)]
    print_table([*rows, total], left=2)
    print("sets: settings (data and size); cost: of one seed in all of them, by estimate")
    print(
        "-/4: the data or the weights are not on this machine. `show STUDY` says more; `run` takes the first setting"
    )
    return 0


def _configs(study: Study, scale: str) -> frozenset[Config]:
    settings = study.scales.get(scale, ())
    return frozenset(study.config(arm, scale, setting) for setting in settings for arm in study.arms)


def cost(configs: Collection[Config], scale: str) -> str:
    """Of one seed, by estimate: `12 min` or `1,200 h`."""
    if not configs:
        return "-"
    minutes = sum(estimate(config, scale_device(scale)).seconds for config in configs) / 60
    return f"{max(minutes, 1):.0f} min" if minutes < 99.5 else f"{minutes / 60:,.0f} h"


def _recorded(configs: frozenset[Config], files: dict[str, Path]) -> str:
    """`3/4`; `-/4` where the data or weights are not here, so that no run can have been made of them."""
    if not configs:
        return "-"
    if not files:  # then nothing has to be hashed
        return f"0/{len(configs)}"
    identities = [identity_here(config) for config in configs]
    if not any(identities):
        return f"-/{len(configs)}"
    return f"{sum(identity in files for identity in identities)}/{len(configs)}"
