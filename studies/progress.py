"""How runs go, live: one line that is rewritten on a terminal, in a log a line per run every ten seconds."""

from __future__ import annotations

import shutil
import sys
import time

LOG_EVERY_S = 10.0


class Reporter:
    """Prints how the runs of one command get on; runs are numbered from 1."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.terminal = sys.stderr.isatty()
        self._labels: dict[int, str] = {}
        self._lines: dict[int, str] = {}  # of the runs under way, in the order of their start
        self._printed: dict[int, float] = {}

    def start(self, number: int, label: str) -> None:
        """A run begins."""
        self._labels[number] = f"[{number}/{self.total}] {label}"
        self.tell(number, "starting")

    def tell(self, number: int, line: str) -> None:
        """A run has got somewhere."""
        self._lines[number] = line
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            text = "   ".join(f"{self._labels[n]}  {line}" for n, line in self._lines.items())
            print(f"\r\x1b[2K{text[:width]}", end="", file=sys.stderr, flush=True)
            return
        now = time.monotonic()
        if not line.startswith("step ") or now - self._printed.get(number, 0.0) >= LOG_EVERY_S:
            self._printed[number] = now
            print(f"{self._labels[number]}  {line}", file=sys.stderr, flush=True)

    def end(self, number: int, outcome: str) -> None:
        """A run is over."""
        del self._lines[number]
        clear = "\r\x1b[2K" if self.terminal else ""
        print(f"{clear}{self._labels[number]}  {outcome}", file=sys.stderr, flush=True)


def duration(seconds: float) -> str:
    """`3:05`, or `2:03:05` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
