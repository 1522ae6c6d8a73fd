"""How a run goes, live: one line that is rewritten on a terminal, a line every ten seconds in a log."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zigma.training import Progress

LOG_EVERY_S = 10.0


class Reporter:
    """Prints the progress of the runs of one command."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.terminal = sys.stderr.isatty()
        self._prefix = ""
        self._last = 0.0

    def start(self, number: int, label: str) -> None:
        """Begin run `number` (from 1) of `total`."""
        self._prefix = f"[{number}/{self.total}] {label}"
        self._last = 0.0

    def training(self, progress: Progress) -> None:
        """Show a training step; at most twice a second on a terminal."""
        now = time.monotonic()
        if now - self._last < (0.5 if self.terminal else LOG_EVERY_S) and progress.step < progress.steps:
            return
        self._last = now
        self._show(
            f"step {progress.step}/{progress.steps}  loss {progress.loss:.4f}  "
            f"{progress.images_per_s:.0f} images/s  {duration(progress.seconds_left)} left"
        )

    def stage(self, message: str) -> None:
        """Show what comes after training."""
        self._show(message)

    def end(self, message: str) -> None:
        """Close the run's line with its outcome."""
        self._show(message)
        if self.terminal:
            print(file=sys.stderr)

    def _show(self, message: str) -> None:
        line = f"{self._prefix}  {message}"
        if self.terminal:
            print(f"\r\x1b[2K{line}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`3:05`, or `2:03:05` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
