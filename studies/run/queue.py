"""What a command is about to do: which runs it means, which are recorded, and which are to be carried out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from studies.declare.study import Run
from studies.run.conditions import Mode
from studies.run.record import Record, digest, read_record, recorded


@dataclass(frozen=True)
class RunStatus:
    """A run and its record, where there is one."""

    run: Run
    record: Record | None

    @property
    def status(self) -> str | None:
        return self.record["status"] if self.record else None


@dataclass(frozen=True)
class QueuedRun:
    """A run to carry out, and the digest of the record that it is to replace."""

    run: Run
    replaces: str | None = None


def look_up(runs: Iterable[Run], results: Path) -> list[RunStatus]:
    """Each run with its record, by its identity."""
    files = recorded(results)
    return [RunStatus(run, read_record(files[i]) if (i := run.identity) in files else None) for run in runs]


def to_run(status: str | None, mode: Mode) -> bool:
    """Whether a run whose record has `status` (None: no record) is carried out in `mode`."""
    return status is None or mode == "force" or (mode == "retry" and status == "failed")


def queue(statuses: Iterable[RunStatus]) -> list[QueuedRun]:
    """These runs, each with the record that it replaces."""
    return [QueuedRun(item.run, digest(item.record.path) if item.record else None) for item in statuses]
