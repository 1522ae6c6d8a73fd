"""How runs go, live: bars drawn by rich on a terminal, plain lines in a log."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOG_EVERY_S = 10.0
BAR_CHARACTERS = 20


class Reporter:
    """Prints how the runs of one command get on, numbered from 1; a context manager, which leaves a clean line."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._labels: dict[int, str] = {}
        self._printed: dict[int, float] = {}
        self._lines: dict[int, str] = {}  # that were printed last
        self._bars: Progress | None = _bars() if sys.stderr.isatty() else None
        self._tasks: dict[int, TaskID] = {}

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def start(self, number: int, label: str, line: str = "starting") -> None:
        """A run begins."""
        self._labels[number] = f"[{number}/{self.total}] {label}"
        if self._bars is not None:
            self._tasks[number] = self._bars.add_task(self._labels[number], total=1.0, line="")
        if line:
            self.tell(number, line)

    def tell(self, number: int, line: str, fraction: float | None = None) -> None:
        """A run has got somewhere; `fraction` of its training is done."""
        if self._bars is not None:
            self._bars.update(self._tasks[number], line=line, completed=fraction, refresh=True)
            return
        if line == self._lines.get(number):
            return
        now = time.monotonic()
        if not line.startswith(("step ", "sampling ")) or now - self._printed.get(number, 0.0) >= LOG_EVERY_S:
            self._printed[number], self._lines[number] = now, line
            print(f"{self._labels[number]}  {line}", file=sys.stderr, flush=True)

    def end(self, number: int, outcome: str) -> None:
        """A run is over."""
        line = f"{self._labels[number]}  {outcome}"
        if self._bars is None:
            print(line, file=sys.stderr, flush=True)
            return
        from rich.text import Text

        self._bars.remove_task(self._tasks.pop(number))
        self._bars.console.print(Text(line))

    def say(self, number: int, label: str, outcome: str) -> None:
        """How a run stands that is not begun."""
        self.start(number, label, "")
        self.end(number, outcome)


def _bars() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    # names and messages are text, whatever brackets they hold
    columns: list[Any] = [
        TextColumn("{task.description}", markup=False),
        BarColumn(BAR_CHARACTERS),
        TextColumn("{task.fields[line]}", markup=False),
    ]
    return Progress(*columns, console=Console(stderr=True), auto_refresh=False, transient=True)


def roughly(seconds: float) -> str:
    """An estimate: `12 min` or `1,200 h`."""
    minutes = seconds / 60
    return f"{max(minutes, 1):.0f} min" if minutes < 99.5 else f"{minutes / 60:,.0f} h"


def duration(seconds: float) -> str:
    """`3:05`, or `2:03:05` from an hour on."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
