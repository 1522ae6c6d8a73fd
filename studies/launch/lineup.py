"""Which run of a queue is next, while other processes may be at work on the same queue."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from studies.launch.execute import Outcome, outcome_of
from studies.launch.progress import Reporter
from studies.run.lease import is_running
from studies.run.queue import QueuedRun
from studies.run.record import digest, read_record, recorded

LOOK_AGAIN_S = 0.5
PATIENCE = 2.0  # times the longest run of this command: its siblings in other processes take about as long


class LineUp:
    """Hands out the runs of a queue, numbered from 1, and remembers how each has ended.

    A run that another process has recorded meanwhile is not begun. One that another process has under way is put
    off, and looked at again after all others.
    """

    def __init__(
        self,
        queue: Iterable[QueuedRun],
        results: Path,
        reporter: Reporter,
        cancelled: Callable[[], Collection[str]] = tuple,
    ) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._results, self._reporter, self._cancelled = results, reporter, cancelled
        self._waiting = deque(enumerate(queue, 1))
        self._put_off: dict[int, tuple[QueuedRun, Outcome]] = {}
        self._longest_s = 0.0  # of the runs that were carried out here
        self._since: float | None = None  # this command has nothing to do but wait for others

    def next(self) -> tuple[int, QueuedRun] | None:
        """The next run to begin, with its number; None while there is none."""
        while self._waiting:
            number, queued = self._waiting.popleft()
            identity = queued.run.identity
            lease = is_running(self._results / "work" / identity)
            if identity in self._cancelled():
                self._settle(number, queued, Outcome("cancelled", "was cancelled"))
            elif (outcome := recorded_now(queued, self._results)) is not None:
                self._settle(number, queued, outcome)
            elif lease is not None:
                self._put_off[number] = queued, Outcome("elsewhere", f"it is being run by {lease.who}")
            else:
                self._since = None
                return number, queued
        return None

    def end(self, number: int, queued: QueuedRun, outcome: Outcome, seconds: float) -> None:
        """A run that was begun has ended so."""
        if outcome.kind == "elsewhere":
            self._put_off[number] = queued, outcome
            return
        self.outcomes[number] = outcome
        self._longest_s = max(self._longest_s, seconds if outcome.kind == "done" else 0.0)

    def wait(self) -> bool:
        """Wait a moment for runs of other processes; False when nothing is left, or patience is at an end."""
        if not self._put_off:
            return False
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since >= PATIENCE * self._longest_s:
            for number, (queued, outcome) in self._put_off.items():
                self._settle(number, queued, recorded_now(queued, self._results) or outcome)
            return False
        time.sleep(LOOK_AGAIN_S)
        self._waiting.extend((number, queued) for number, (queued, _) in self._put_off.items())
        self._put_off.clear()
        return True

    def _settle(self, number: int, queued: QueuedRun, outcome: Outcome) -> None:
        self.outcomes[number] = outcome
        self._reporter.say(number, queued.run.label, outcome.line)


def recorded_now(queued: QueuedRun, results: Path) -> Outcome | None:
    """What is recorded of a run since it was queued; None for nothing, or what it is to replace."""
    path = recorded(results).get(queued.run.identity)
    if path is None or digest(path) == queued.replaces:
        return None
    return outcome_of(read_record(path).data, by_another=True)
