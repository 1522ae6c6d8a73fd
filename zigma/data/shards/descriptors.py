"""Files kept open for reading, a few at a time: there may be more shards than a process may open."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_OPEN = 64


class Descriptors:
    """Descriptors of files by path, used by several threads; the least recently used are closed first."""

    def __init__(self, most: int = MOST_OPEN) -> None:
        self.most = most
        self._lock = threading.Lock()
        # descriptor, and how many read from it
        self._open: OrderedDict[Path, tuple[int, int]] = OrderedDict()

    @contextmanager
    def reading(self, path: Path) -> Iterator[int]:
        """A descriptor that stays open inside the body."""
        with self._lock:
            descriptor, readers = self._open.pop(path, (None, 0))
            if descriptor is None:
                self._close_idle(self.most - 1)
                descriptor = os.open(path, os.O_RDONLY)
            self._open[path] = (descriptor, readers + 1)
        try:
            yield descriptor
        finally:
            with self._lock:
                descriptor, readers = self._open[path]
                self._open[path] = (descriptor, readers - 1)

    def _close_idle(self, most: int) -> None:
        for path, (descriptor, readers) in list(self._open.items()):
            if len(self._open) <= most:
                return
            if not readers:
                del self._open[path]
                os.close(descriptor)

    def __len__(self) -> int:
        return len(self._open)

    def __del__(self) -> None:
        for descriptor, _ in self._open.values():
            os.close(descriptor)
