"""What a command is about to do: which runs, and which of them are recorded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studies.declare.study import Run
from studies.run.record import Record, read_record, recorded

Mode = Literal["cached", "retry", "force"]
CHECKPOINT_EVERY_S = 10.0


@dataclass(frozen=True)
class Planned:
    """A run and what is known of it."""

    run: Run
    record: Record | None

    @property
    def status(self) -> str | None:
        return self.record["status"] if self.record else None


def plan(wanted: list[Run], results: Path) -> list[Planned]:
    """Look every run up by its identity."""
    files = recorded(results)
    found = []
    for run in wanted:
        path = files.get(run.identity)
        found.append(Planned(run, read_record(path) if path else None))
    return found


def to_run(status: str | None, mode: Mode) -> bool:
    """Whether a run whose record has `status` (None: no record) is carried out in `mode`."""
    return status is None or mode == "force" or (mode == "retry" and status == "failed")
