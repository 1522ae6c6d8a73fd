"""The first half of `run`: which runs are meant, whether they can work, and what they will cost."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace

from studies.declare.changes import parse_setting
from studies.declare.study import SCALES, Run, Study
from studies.declare.validate import machine_problems, resolve
from studies.launch.progress import duration
from studies.run.queue import Mode, Planned, to_run
from zigma.common.machine import Machine, machine
from zigma.common.words import Problems, WordError, unknown
from zigma.experiment.estimate import Device, estimate, scale_device


def wanted_runs(study: Study, args: argparse.Namespace) -> list[Run]:
    """The runs that a command line means, each once.

    Raises:
        WordError: a word is wrong.
        Problems: a run cannot work; all reasons for all runs, and nothing is to be started.
    """
    if args.jobs is not None and args.jobs < 1:
        raise WordError(f"--jobs takes a number from 1 on, not {args.jobs}")
    if args.seeds < 1:
        raise WordError(f"--seeds takes a number from 1 on, not {args.seeds}")
    scale = _scale(study, args.scale)
    study = _only(study, args.only or ())
    settings = _settings(study, scale, args.setting)
    changes = dict(parse_setting(text) for text in args.set)
    runs, problems = resolve(study, scale, settings, range(args.seeds), changes)
    if problems:
        raise Problems(problems)
    unique = {run.identity: run for run in reversed(runs)}  # arms of one configuration are one run
    return list(unique.values())[::-1]


def check_machine(waiting: list[Run], args: argparse.Namespace) -> None:
    """Raise `Problems` unless this machine can carry the runs out, or they go elsewhere."""
    if not _runs_here(args):
        return
    here = machine()
    problems = machine_problems(waiting, here, _devices(args))
    if problems:
        raise Problems(problems)
    if not here.gpus_gib and scale_device(waiting[0].scale) == "gpu":
        print(f"{_no_gpu(waiting)}; scale {waiting[0].scale} is meant for a GPU", file=sys.stderr)


def print_plan(planned: list[Planned], mode: Mode, args: argparse.Namespace) -> None:
    """What a dry run says: every run with its record, time and memory, then what is left to do."""
    scale, devices = planned[0].run.scale, _devices(args)
    here = machine() if _runs_here(args) else None
    device: Device = "gpu" if here and here.gpus_gib else scale_device(scale)
    width = max(len(item.run.label) for item in planned) + 2
    print(f"{'run':<{width}}{'identity':<18}{'record':<8}{'estimate':>10}{'memory':>11}")
    total = 0.0
    for item in planned:
        found, wanted = estimate(item.run.config, device, devices), to_run(item.status, mode)
        total += found.seconds if wanted else 0.0
        cost = duration(found.seconds) if wanted else "cached"
        memory = f"{found.memory_gib:.1f} GiB"
        print(
            f"{item.run.label:<{width}}{item.run.identity:<18}{item.status or '-':<8}{cost:>10}{memory:>11}"
        )
    left = [item.run for item in planned if to_run(item.status, mode)]
    unit = {"cpu": "of one CPU core", "gpu": f"of {devices} GPU{'s' if devices > 1 else ''}"}[device]
    print(f"{len(left)} of {len(planned)} runs to do, about {duration(total)} {unit} by estimate")
    if here is not None and left:
        _print_fit(left, here, device, devices)


def _print_fit(left: list[Run], here: Machine, device: Device, devices: int) -> None:
    if device == "gpu" and not here.gpus_gib:
        print(_no_gpu(left))
    for problem in machine_problems(left, here, devices):
        print(f"not on this machine: {problem}")


def _no_gpu(runs: list[Run]) -> str:
    hours = sum(estimate(run.config, "cpu").seconds for run in runs) / 3600
    return f"no GPU here: about {hours:,.1f} core-hours on this machine by estimate"


def _runs_here(args: argparse.Namespace) -> bool:
    return getattr(args, "cluster", None) != "slurm"


def _devices(args: argparse.Namespace) -> int:
    return (getattr(args, "gpus", None) or 1) * (getattr(args, "nodes", None) or 1)


def _scale(study: Study, scale: str | None) -> str:
    if scale is not None and scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    scale = scale or "tiny"
    if scale not in study.scales:
        raise WordError(
            f"{study.name} is not declared at scale {scale!r}; it is at: {', '.join(study.scales)}"
        )
    return scale


def _only(study: Study, names: list[str] | tuple[()]) -> Study:
    arms = [arm.name for arm in study.arms]
    for name in names:
        if name not in arms:
            raise unknown("arm", name, arms)
    return replace(study, arms=tuple(arm for arm in study.arms if not names or arm.name in names))


def _settings(study: Study, scale: str, setting: str | None) -> list[str]:
    """The settings of `--setting`: one, all of them, or by default the scale's first, said aloud."""
    declared = list(study.scales[scale])
    if setting == "all":
        return declared
    if setting is None:
        if len(declared) > 1:
            others = ", ".join(declared[1:])
            print(f"setting {declared[0]} of {study.name}; --setting takes one of {others}, or all")
        return declared[:1]
    if setting not in declared:
        raise unknown("setting", setting, [*declared, "all"])
    return [setting]
