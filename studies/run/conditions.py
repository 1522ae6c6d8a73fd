"""How runs are carried out. Nothing here changes a number, and so nothing here is part of a run's identity."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Mode = Literal["cached", "retry", "force"]
CHECKPOINT_EVERY_S = 10.0
BEAT_S = 5.0


@dataclass(frozen=True)
class Conditions:
    """What all runs of one command share."""

    results: Path
    mode: Mode = "cached"
    checkpoint_every_s: float = CHECKPOINT_EVERY_S
    tracker: str | None = None
    beat_s: float = BEAT_S  # how often the owner of a run shows that it lives
    debug: bool = False  # an error is raised, for a debugger, and not recorded
