"""What a run says before it starts: which runs, what they cost by estimate, and whether this machine can do them."""

from __future__ import annotations

import sys

from studies.cli.where import Where
from studies.declare.study import Run
from studies.declare.validate import machine_problems
from studies.launch.progress import duration, roughly
from studies.run.conditions import Mode
from studies.run.queue import RunStatus, to_run
from zigma.common.machine import Machine, machine
from zigma.common.terminal import print_table
from zigma.common.words import Problems, counted
from zigma.experiment.estimate import Device, estimate, scale_device


def check_machine(waiting: list[Run], where: Where) -> None:
    """Raise `Problems` unless this machine can carry the runs out, or they go elsewhere."""
    if not where.here:
        return
    here = machine()
    problems = machine_problems(waiting, here, where.devices)
    if problems:
        raise Problems(problems)
    if not here.gpus_gib and scale_device(waiting[0].scale) == "gpu":
        print(f"{_no_gpu(waiting)}; scale {waiting[0].scale} is meant for a GPU", file=sys.stderr)


def print_plan(statuses: list[RunStatus], mode: Mode, where: Where) -> None:
    """What a dry run says: every run with its record, time and memory, then what is left to do."""
    here = machine() if where.here else None
    device = _device(statuses[0].run.scale, here)
    rows, left = [["run", "identity", "record", "estimate", "memory"]], []
    for item in statuses:
        run, needs = item.run, estimate(item.run.config, device, where.devices)
        cost = "cached"
        if to_run(item.status, mode):
            left.append(run)
            cost = duration(needs.seconds)
        rows.append([run.label, run.identity, item.status or "-", cost, f"{needs.memory_gib:.1f} GiB"])
    print_table(rows, left=3)
    print(_to_do(left, len(statuses), device, where))
    if here is not None and left:
        _print_fit(left, here, device, where.devices)


def print_left(waiting: list[Run], of: int, where: Where) -> None:
    """What is about to be run, how long it takes, and where its records go."""
    device = _device(waiting[0].scale, machine() if where.here else None)
    records = where.conditions.results / "records"
    print(f"{_to_do(waiting, of, device, where)}; records go to {records}", flush=True)


def _device(scale: str, here: Machine | None) -> Device:
    return "gpu" if here and here.gpus_gib else scale_device(scale)


def _to_do(left: list[Run], of: int, device: Device, where: Where) -> str:
    seconds = sum(estimate(run.config, device, where.devices).seconds for run in left)
    unit = {"cpu": "of one CPU core", "gpu": f"of {counted(where.devices, 'GPU')}"}[device]
    return f"{len(left)} of {counted(of, 'run')} to do, about {roughly(seconds)} {unit} by estimate"


def print_recorded(statuses: list[RunStatus], waiting: list[RunStatus]) -> None:
    """Which runs are recorded already, and which of these failed."""
    recorded = [item for item in statuses if item not in waiting]
    for item in recorded:
        if item.status == "failed" and item.record is not None:
            print(f"{item.run.label} failed: {item.record['error']} (--mode retry runs it again)")
    done = [item for item in recorded if item.status == "done"]
    if len(done) == len(statuses):
        print(f"recorded already: {counted(len(done), 'run')}; nothing to do (--mode force runs again)")
    elif done:
        print(f"recorded already: {len(done)} of {counted(len(statuses), 'run')}")


def _print_fit(left: list[Run], here: Machine, device: Device, devices: int) -> None:
    if device == "gpu" and not here.gpus_gib:
        print(_no_gpu(left))
    for problem in machine_problems(left, here, devices):
        print(f"not on this machine: {problem}")


def _no_gpu(runs: list[Run]) -> str:
    hours = sum(estimate(run.config, "cpu").seconds for run in runs) / 3600
    return f"no GPU here: about {hours:,.1f} core-hours on this machine by estimate"
