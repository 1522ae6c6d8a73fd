"""What a command is about to do: which runs, which of them are recorded, and what the rest will cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studies.config import Config, RunConfig
from studies.record import Record, read_record, recorded
from studies.study import Run
from zigma.models.config import ZigMaConfig

Mode = Literal["cached", "retry", "force"]
CHECKPOINT_EVERY_S = 10.0

# Network parameters times tokens a second, forwards and backwards, of one CPU core: what `tiny` runs reached (a run
# of 5.0e10 took 76 to 100 s, two side by side on an AMD EPYC). It sizes estimates, and nothing else.
CPU_PARAMETER_TOKENS_PER_S = 6e8
ASKED_A_STEP = {"heun": 2, "sde-heun": 2}  # evaluations of the network in a step of a sampler; else 1


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


def estimate_seconds(config: Config) -> float | None:
    """Time of a run on one CPU core by tokens and parameters; None for networks it was not measured on."""
    if not isinstance(config, RunConfig):
        return None
    model, sampling, n_generated = config.model, config.sampling, config.evaluation.n_generated
    if not isinstance(model, ZigMaConfig):
        return None
    trained = config.training.steps * config.training.batch_images
    sampled = n_generated * sampling.steps * ASKED_A_STEP.get(sampling.sampler, 1)
    tokens = math.prod(model.token_grid) * (trained + sampled / 3)  # forwards alone is a third of the work
    # projections of a block, over the square of its width: 4 in, 2 out
    return tokens * 6 * model.depth * model.hidden**2 / CPU_PARAMETER_TOKENS_PER_S
