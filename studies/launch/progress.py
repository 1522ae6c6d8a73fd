"""How runs go, live: a line per run, rewritten on a terminal, every ten seconds anew in a log."""

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
        self._drawn = 0  # lines that the next drawing writes over

    def start(self, number: int, label: str) -> None:
        """A run begins."""
        self._labels[number] = f"[{number}/{self.total}] {label}"
        self.tell(number, "starting")

    def tell(self, number: int, line: str) -> None:
        """A run has got somewhere."""
        self._lines[number] = line
        now = time.monotonic()
        if self.terminal:
            self._draw("")
        elif (
            not line.startswith(("step ", "sampling ")) or now - self._printed.get(number, 0.0) >= LOG_EVERY_S
        ):
            self._printed[number] = now
            print(f"{self._labels[number]}  {line}", file=sys.stderr, flush=True)

    def end(self, number: int, outcome: str) -> None:
        """A run is over."""
        del self._lines[number]
        line = f"{self._labels[number]}  {outcome}\n"
        if self.terminal:
            self._draw(line)
        else:
            print(line, end="", file=sys.stderr, flush=True)

    def _draw(self, above: str) -> None:
        """Write `above` for good, then a line for each run under way, over the lines of the last time."""
        width = shutil.get_terminal_size().columns - 1
        lines = [f"{self._labels[n]}  {line}"[:width] + "\n" for n, line in self._lines.items()]
        back = f"\x1b[{self._drawn}F" if self._drawn else ""
        print(f"{back}\x1b[J{above}{''.join(lines)}", end="", file=sys.stderr, flush=True)
        self._drawn = len(lines)


def duration(seconds: float) -> str:
    """`3:05`, or `2:03:05` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
