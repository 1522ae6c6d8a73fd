"""Sweep up what killed processes have left: unfinished files, and folders of runs that are recorded."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from studies.run.artifacts import put_in_place
from studies.run.lease import Owned, acquire, read_lease
from studies.run.process import is_dead
from studies.run.record import digest, recorded
from zigma.common.files import is_partial, read_json

OLD_S = 24 * 3600.0  # no file is being written for as long
FOLDERS = ("records", "samples", "features", "weights", "work")


def sweep(results: Path) -> list[Path]:
    """Remove unfinished files older than a day, and the folders of recorded runs whose owner is gone; returns them."""
    removed = []
    with contextlib.suppress(OSError):
        now = _clock_of_files(results)
        for path in _partial_files(results):
            with contextlib.suppress(OSError):
                if now - path.lstat().st_mtime > OLD_S:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    removed.append(path)
    files = recorded(results)
    for identity, record in files.items():
        work = results / "work" / identity
        if work.is_dir() and _is_left_over(work, record):
            with contextlib.suppress(OSError, Owned), acquire(work, {}) as owner:
                put_in_place(owner.folder, results, read_json(record))
                owner.finished = True  # so that it clears away what it has taken over
            removed.append(work)
    return removed


def _is_left_over(work: Path, record: Path) -> bool:
    """Whether a run is recorded, and the process that recorded it was killed before it could clear away."""
    lease = read_lease(work)
    if lease is None or not (lease.released or is_dead(lease.process)):
        return False
    with contextlib.suppress(OSError):
        recorded_since = record.stat().st_mtime >= (work / f"claim-{lease.number:06}.json").stat().st_mtime
        done = read_json(record).get("status") == "done"  # of a failed one the checkpoint is needed
        return done and recorded_since and digest(record) != lease.replaces
    return False


def _partial_files(results: Path) -> Iterator[Path]:
    for folder in FOLDERS:
        for place, folders, files in os.walk(results / folder):
            yield from (path for name in (*files, *folders) if is_partial(path := Path(place, name)))


def _clock_of_files(folder: Path) -> float:
    """What the file system takes for now: the clocks of two machines are never compared."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()
