"""Who is told how a run goes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zigma.training import Progress


@dataclass(frozen=True)
class Watch:
    """Who is told how a run goes."""

    training: Callable[[Progress], None] = lambda progress: None
    stage: Callable[[str], None] = lambda message: None


WATCH_NOTHING = Watch()
