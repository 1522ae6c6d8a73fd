"""Where runs go on, and with what: the half of `run` in which nothing changes a number."""

from __future__ import annotations

import argparse
import json
import re
from argparse import ArgumentTypeError
from dataclasses import dataclass, field
from typing import Any

from studies.cli.options import check_at_least
from studies.launch.cluster import Resources, minutes
from studies.launch.submissions import Cluster
from studies.launch.tracker import TRACKERS, has_package
from studies.run.conditions import BEAT_S, CHECKPOINT_EVERY_S, Conditions
from zigma.common.words import WordError

CLUSTERS = """where the runs go on. Without it: in this terminal, with live progress; Ctrl-C stops them.
local: on this machine behind the terminal's back, submit and return; the runs outlive the terminal.
slurm: a job per run, as a job array; submit and return.
debug: in this very process, one after another, with a debugger at an error.
`status`, `logs` and `cancel` follow all of them"""
OF_SLURM = ("partition", "nodes", "time", "constraint", "slurm")
# what `--slurm` may not set, because a job's being followed rests on it -> what to use instead
OURS = {
    "array": "each run is a job of an array already",
    "wrap": "each job carries out a run",
    "output": "`logs` shows what jobs print",
    "error": "`logs` shows what jobs print",
    "signal": "a job must be told before its time is over, to put its run down",
    "no-requeue": "a run resumes in the next job; `cancel` ends it",
    "test-only": "--dry-run says what would be run",
    "time": "--time",
    "nodes": "--nodes",
    "partition": "--partition",
    "constraint": "--constraint",
    "additional-parameters": "give sbatch's options one by one",
}
NUMBERS = ("cpus-per-task", "ntasks-per-node", "gpus-per-node", "nice", "priority")
PLAIN_JSON = re.compile(r"true|false|-?(0|[1-9]\d*)|\[.*\]", re.DOTALL)
MEMORY = ("mem", "mem-per-cpu", "mem-per-gpu")


@dataclass(frozen=True)
class Where:
    """Where runs go on (None: in this terminal), how, and with what each."""

    conditions: Conditions
    cluster: Cluster | None = None
    jobs: int | None = None  # runs at once in this terminal
    resources: Resources = field(default_factory=Resources)

    @property
    def here(self) -> bool:
        """Whether they go on on this machine."""
        return self.cluster != "slurm"

    @property
    def devices(self) -> int:
        """Of each run."""
        return (self.resources.gpus or 1) * self.resources.nodes


def add(run: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = run.add_argument_group("where and with what (nothing here changes a number)")
    group.add_argument(
        "--mode",
        choices=("cached", "retry", "force"),
        default="cached",
        help="cached: run what you have no record of; retry: also what failed; force: everything again",
    )
    group.add_argument(
        "--checkpoint-every",
        type=float,
        default=CHECKPOINT_EVERY_S,
        metavar="SECONDS",
        help=f"the most work that a kill can lose; default: {CHECKPOINT_EVERY_S:g}",
    )
    group.add_argument(
        "--jobs",
        type=int,
        metavar="N",
        help="runs at once in this terminal; default: one per core, or one per GPU, which more of them share",
    )
    group.add_argument("--cluster", choices=("local", "slurm", "debug"), help=CLUSTERS)
    group.add_argument(
        "--parallel", type=int, metavar="N", help="submitted runs at once; default: all, or one a device"
    )
    group.add_argument("--gpus", type=int, metavar="N", help="GPUs of a run on each node, a process for each")
    group.add_argument("--nodes", type=int, metavar="N", help="nodes of a run")
    group.add_argument("--partition", metavar="NAME", help="Slurm's partition")
    group.add_argument(
        "--time",
        type=_minutes,
        metavar="TIME",
        help="of a job, such as 90 (minutes), 4:00:00 or 2-0; a run resumes in the next",
    )
    group.add_argument("--constraint", metavar="WORDS", help="features that Slurm's nodes must have")
    group.add_argument(
        "--slurm",
        type=_option,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other option of sbatch or submitit, such as account=vision or mem=64G",
    )
    group.add_argument(
        "--tracker",
        type=_tracker,
        choices=TRACKERS,
        help="show the curves there as well; nothing is read from it",
    )
    group.add_argument(
        "--heartbeat",
        type=float,
        default=BEAT_S,
        metavar="SECONDS",
        help=f"a run that misses twelve is taken over by another that wants it; default: {BEAT_S:g}",
    )


def read(args: argparse.Namespace) -> Where:
    """The options as a value.

    Raises:
        WordError: one is wrong, or two do not fit together.
    """
    _check(args)
    resources = Resources(
        partition=args.partition,
        gpus=args.gpus,
        nodes=args.nodes or 1,
        minutes=args.time,
        constraint=args.constraint,
        parallel=args.parallel,
        extra=_options(args.slurm),
    )
    conditions = Conditions(
        results=args.results,
        mode=args.mode,
        checkpoint_every_s=args.checkpoint_every,
        tracker=args.tracker,
        beat_s=args.heartbeat,
    )
    return Where(conditions, args.cluster, args.jobs, resources)


def _check(args: argparse.Namespace) -> None:
    for name in ("jobs", "parallel", "gpus", "nodes"):
        check_at_least(1, name, getattr(args, name))
    if not 0.01 <= args.heartbeat <= 60:
        raise WordError(f"--heartbeat takes 0.01 to 60 seconds, not {args.heartbeat:g}")
    if not args.checkpoint_every >= 0:
        raise WordError(f"--checkpoint-every takes seconds from 0 on, not {args.checkpoint_every:g}")
    if args.cluster != "slurm":
        for name in OF_SLURM:
            if getattr(args, name):
                raise WordError(f"--{name} is for --cluster slurm")
    if args.cluster is None and args.parallel is not None:
        raise WordError("--parallel is for --cluster; in this terminal it is --jobs")
    if args.cluster is not None and args.jobs is not None:
        raise WordError("--jobs is for this terminal; with --cluster it is --parallel")


def _options(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for key, value in pairs:
        if key in options:
            raise WordError(f"--slurm {key} is given twice, with {options[key]} and {value}")
        options[key] = value
    return options


def _minutes(text: str) -> int:
    """`--time` as minutes, in any of Slurm's own ways to write a time."""
    number = minutes(text)
    if not number:
        raise ArgumentTypeError(
            f"takes minutes from 1 on, or such as 4:00:00 or 2-0 (days-hours), not {text!r}"
        )
    return number


def _tracker(name: str) -> str:
    """`--tracker`, whose package is installed."""
    if not has_package(name):
        raise ArgumentTypeError(f"{name} needs a package that is not installed: pip install {name}")
    return name


def _option(pair: str) -> tuple[str, Any]:
    """`--slurm KEY=VALUE` as an option of sbatch; a KEY alone is a flag."""
    key, equals, value = pair.partition("=")
    key = key.lstrip("-")
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", key) or (equals and not value):
        raise ArgumentTypeError(f"takes KEY=VALUE, such as account=vision, not {pair!r}")
    name = key.replace("_", "-")  # what can be told of it before Slurm is asked:
    if name in OURS:
        raise ArgumentTypeError(f"{name} cannot be set: {OURS[name]}")
    if name in NUMBERS and not re.fullmatch(r"\d+", value):
        raise ArgumentTypeError(f"{name} takes a whole number, such as {name}=4, not {value!r}")
    if name in MEMORY and not re.fullmatch(r"\d+[KMGT]?B?", value, re.IGNORECASE):
        raise ArgumentTypeError(f"{name} takes a size, such as {name}=64G, not {value!r}")
    if not PLAIN_JSON.fullmatch(value):  # 1e3 may be an account, and null a word
        return key, value if equals else True
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value
