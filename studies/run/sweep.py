"""Sweep up what killed processes have left: unfinished files, and folders of runs that are recorded."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from studies.run.artifacts import put_in_place
from studies.run.lease import TOKEN, Owned, acquire, read_lease, tokens
from studies.run.process import is_dead, local_process
from studies.run.record import digest, recorded
from zigma.common.files import clock_of_files, is_partial, read_json, replace_json

OLD_S = 24 * 3600.0  # no file is being written for as long
REHEARSAL = "zigma-rehearsal-"
OWNER = "process.json"  # of a rehearsal's folder
FOLDERS = ("records", "samples", "features", "weights", "work", "view")


def sweep(results: Path) -> list[Path]:
    """Remove what nobody needs any more; returns what it was of these results.

    That is unfinished files older than a day, what late owners have written since the run was taken from them, folders
    of recorded runs whose owner is gone, whose files are put in place first, and rehearsals that were killed.
    """
    sweep_rehearsals()
    removed = []
    with contextlib.suppress(OSError):
        now = clock_of_files(results)
        for path in (*_partial_files(results), *_folders_of_nobody(results)):
            with contextlib.suppress(OSError):
                if now - _last_written(path) > OLD_S:
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
    yield from filter(is_partial, results.iterdir())
    for folder in FOLDERS:
        for place, folders, files in os.walk(results / folder):
            yield from (path for name in (*files, *folders) if is_partial(path := Path(place, name)))


def _folders_of_nobody(results: Path) -> Iterator[Path]:
    """Owners' folders that no lease names: of owners that wrote on after the run was taken from them."""
    for work in (results / "work").iterdir() if (results / "work").is_dir() else ():
        folders = [path for path in work.iterdir() if TOKEN.fullmatch(path.name)] if work.is_dir() else []
        if folders:
            owners = tokens(work)
            yield from (folder for folder in folders if folder.name not in owners)


def _last_written(path: Path) -> float:
    """When a file, or anything in a folder, was last written."""
    inside = path.rglob("*") if path.is_dir() and not path.is_symlink() else ()
    return max(each.lstat().st_mtime for each in (path, *inside))


@contextlib.contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder for a rehearsal, in the system's place for such, that a later command removes if this one is killed."""
    with tempfile.TemporaryDirectory(prefix=REHEARSAL, ignore_cleanup_errors=True) as folder:
        replace_json(Path(folder, OWNER), local_process(os.getpid()))
        yield Path(folder)


def sweep_rehearsals() -> list[Path]:
    """Remove the folders of rehearsals whose process is gone; returns them."""
    left = [
        path
        for path in Path(tempfile.gettempdir()).glob(f"{REHEARSAL}*")
        if path.is_dir() and not path.is_symlink() and is_dead(read_json(path / OWNER))
    ]
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    return left
