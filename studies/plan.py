"""What a command is about to do: which runs, which of them are recorded, and what the rest will cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studies.record import Record, read_record, recorded
from studies.study import Run, RunConfig
from zigma.models.config import ZigMaConfig

Mode = Literal["cached", "retry", "force"]
CHECKPOINT_EVERY_S = 10.0

# Training throughput of `tiny` runs on 2 CPU cores, in network parameters times tokens a second; it sizes the
# estimate of a run that has no recorded neighbour, and nothing else.
CPU_PARAMETER_TOKENS_PER_S = 2.5e9


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


def estimate_seconds(config: RunConfig) -> float | None:
    """Training time on 2 CPU cores by tokens and parameters; None for networks it was not measured on."""
    model = config.model
    if not isinstance(model, ZigMaConfig):
        return None
    tokens = config.training.steps * config.training.batch_images
    for side in model.token_grid:
        tokens *= side
    # projections of a block: in 4 D^2, out 2 D^2, adaLN 3 D^2 (once per image, not per token)
    parameters = 6 * model.depth * model.hidden**2
    return tokens * parameters / CPU_PARAMETER_TOKENS_PER_S
