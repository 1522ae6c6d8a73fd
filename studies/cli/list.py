"""`list`: every study, what it rebuilds, what it costs, and how much of it is recorded."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from studies.cli.options import add_results
from studies.declare.identity import identity_here
from studies.declare.registry import studies
from studies.declare.shipped import published_folder
from studies.declare.study import SCALES, Study
from studies.launch.progress import roughly
from studies.run.record import by_identity
from studies.run.summary import Summary, name_faults, summaries
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


@dataclass(frozen=True)
class Recorded:
    """Identities of what is recorded, at whatever scale: what several share is run once, at one of them."""

    own: frozenset[str]
    shipped: frozenset[str]  # without those that are her own as well

    @classmethod
    def of(cls, own: Iterable[Summary], published: Path) -> Recorded:
        """Her own records, which were read, and those that ship, from the names of their files."""
        here = frozenset(record.identity for record in own)
        shipped = frozenset(name for scale in SCALES for name in by_identity(published / scale))
        return cls(here, shipped - here)


def run(request: Request) -> int:
    """Print a line for each study: its arms, and for each scale the settings, the cost and how much is recorded."""
    identity = cache(identity_here)  # the last line has every run once more
    own, faults = summaries(request.results)
    records = Recorded.of(own, published_folder(request.results))
    heads = [h for s in SCALES for h in ("sets", f"{s}, {DEVICES[scale_device(s)]}", "recorded")]
    rows, everything = [["study", "rebuilds", "arms", *heads]], dict.fromkeys(SCALES, frozenset[Config]())
    for study in studies().values():
        row = [study.name, study.shows, str(len(study.arms))]
        for scale in SCALES:
            configs = _configs(study, scale)
            everything[scale] |= configs
            sets = str(len(study.scales[scale])) if configs else "-"
            row += [sets, cost(configs, scale), _recorded(configs, records, identity)]
        rows.append(row)
    total = ["all", "shared runs once", ""]
    for scale in SCALES:
        total += ["", cost(everything[scale], scale), _recorded(everything[scale], records, identity)]
    of_scales = [range(3 + 3 * k, 6 + 3 * k) for k in range(len(SCALES))]
    print_table([*rows, total], left=2, together=[[2], *of_scales])
    print("sets: settings (data and size); cost: of one seed in all of them, by estimate")
    print("recorded: 1+2/4 are one record of yours and two more that ship, of the four runs with seed 0")
    print(
        "-/4: data or weights are not on this machine; `show STUDY` names the files. `run` takes the first setting"
    )
    return name_faults(faults)


def _configs(study: Study, scale: str) -> frozenset[Config]:
    settings = study.scales.get(scale, ())
    return frozenset(study.config(arm, scale, setting) for setting in settings for arm in study.arms)


def cost(configs: Collection[Config], scale: str) -> str:
    """Of one seed, by estimate: `12 min` or `1,200 h`."""
    if not configs:
        return "-"
    return roughly(sum(estimate(config, scale_device(scale)).seconds for config in configs))


def _recorded(configs: frozenset[Config], records: Recorded, identity: Callable[[Config], str | None]) -> str:
    """`3/4`, or `1+2/4` where two more ship; `-/4` where the data or weights are not here, so none can be recorded."""
    if not configs:
        return "-"
    if not records.own and not records.shipped:  # then one run that could be here is enough to know
        return f"{'0' if any(identity(config) for config in configs) else '-'}/{len(configs)}"
    identities = [identity(config) for config in configs]
    if not any(identities):
        return f"-/{len(configs)}"
    own, shipped = (
        sum(identity in recorded for identity in identities) for recorded in (records.own, records.shipped)
    )
    return f"{own}+{shipped}/{len(configs)}" if shipped else f"{own}/{len(configs)}"
