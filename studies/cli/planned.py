"""What a command says before runs start: which they are, what they cost, and whether this machine can do them."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import cached_property

from studies.cli.where import Where
from studies.declare.shipped import PUBLISHED, shipped_results
from studies.declare.validate import machine_problems
from studies.launch.progress import duration, roughly
from studies.run.queue import RunStatus, to_run
from studies.run.record import by_identity
from zigma.common.machine import Machine, machine
from zigma.common.terminal import print_table
from zigma.common.words import Problems, counted
from zigma.experiment.estimate import Device, Estimate, estimate, scale_device


@dataclass(frozen=True)
class Planned:
    """Runs, each with its record, and where those that are left to do are to be carried out."""

    statuses: list[RunStatus]
    where: Where

    @cached_property
    def waiting(self) -> list[RunStatus]:
        """What is left to do."""
        return [item for item in self.statuses if self.is_left(item)]

    def is_left(self, item: RunStatus) -> bool:
        return to_run(item.status, self.where.conditions.mode)

    @cached_property
    def here(self) -> Machine | None:
        """This machine, where the runs are carried out on it."""
        return machine() if self.where.here else None

    @property
    def has_devices(self) -> bool:
        """Whether each run gets as many devices as were asked for; of a cluster that is not known, and believed."""
        return self.here is None or self.where.devices <= max(1, len(self.here.gpus_gib))

    @cached_property
    def device(self) -> Device:
        return "gpu" if self.here and self.here.gpus_gib else scale_device(self.statuses[0].run.scale)

    @cached_property
    def needs(self) -> dict[str, Estimate]:
        """What each run takes, by its identity."""
        return {
            item.run.identity: estimate(item.run.config, self.device, self.where.devices)
            for item in self.statuses
        }

    @cached_property
    def problems(self) -> list[str]:
        """Why this machine cannot carry out what is left to do."""
        runs = [item.run for item in self.waiting]
        return machine_problems(runs, self.here, self.where.devices) if self.here and runs else []

    @property
    def to_do(self) -> str:
        """How many runs are left, and how long they take."""
        seconds = sum(self.needs[item.run.identity].seconds for item in self.waiting)
        unit = {"cpu": "of one CPU core", "gpu": f"of {counted(self.where.devices, 'GPU')}"}[self.device]
        left = f"{len(self.waiting)} of {counted(len(self.statuses), 'run')} to do"
        return f"{left}, about {roughly(seconds)} {unit} by estimate"

    @property
    def without_gpu(self) -> str | None:
        """What is left to do costs on this machine where it lacks the GPU that the scale is meant for."""
        if not (self.waiting and self.here) or self.here.gpus_gib or self.device == "cpu":
            return None
        hours = sum(estimate(item.run.config, "cpu").seconds for item in self.waiting) / 3600
        return f"no GPU here: about {hours:,.1f} core-hours on this machine by estimate"


def print_plan(planned: Planned) -> None:
    """What a dry run says: every run with its record, time and memory, then what is left to do.

    A record that ships with the project is shown beside those of one's own runs, and takes the place of none.
    """
    if not planned.statuses:
        print("nothing to do")
        return
    rows = [["run", "identity", "record", "estimate", "memory"]]
    ships = by_identity(shipped_results(planned.where.conditions.results) / PUBLISHED)
    for item in planned.statuses:
        record = item.status or ("ships" if item.run.identity in ships else "-")
        needs = planned.needs[item.run.identity]
        cost = duration(needs.seconds) if planned.is_left(item) else "cached"
        rows.append([item.run.label, item.run.identity, record, cost, f"{needs.memory_gib:.1f} GiB"])
    print_table(rows, left=3)
    print(planned.to_do)
    if planned.without_gpu:
        print(planned.without_gpu)
    for problem in planned.problems:
        print(f"not on this machine: {problem}")


def print_recorded(planned: Planned) -> None:
    """Which runs are recorded already, and which of these failed."""
    statuses = planned.statuses
    recorded = [item for item in statuses if not planned.is_left(item)]
    for item in recorded:
        if item.status == "failed" and item.record is not None:
            print(f"{item.run.label} failed: {item.record['error']} (--mode retry runs it again)")
    done = [item for item in recorded if item.status == "done"]
    if len(done) == len(statuses):
        print(f"recorded already: {counted(len(done), 'run')}; nothing to do (--mode force runs again)")
    elif done:
        print(f"recorded already: {len(done)} of {counted(len(statuses), 'run')}")


def check_machine(planned: Planned) -> None:
    """Warn where the runs are meant for a GPU.

    Raises:
        Problems: this machine cannot carry them out.
    """
    if planned.problems:
        raise Problems(planned.problems)
    if planned.without_gpu:
        scale = planned.statuses[0].run.scale
        print(f"{planned.without_gpu}; scale {scale} is meant for a GPU", file=sys.stderr)


def print_left(planned: Planned) -> None:
    """What is about to be run, how long it takes, and where its records go."""
    print(f"{planned.to_do}; records go to {planned.where.conditions.results / 'records'}", flush=True)
