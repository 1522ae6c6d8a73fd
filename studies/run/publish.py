"""Put a record in place: whole or not there, and never over another one."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

from studies.run.record import checksum, digest
from zigma.common.files import replacing, unfinished

# exFAT, some of FUSE
WITHOUT_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class Superseded(RuntimeError):
    """Another process has put a record in this one's place meanwhile."""


def write_record(path: Path, data: dict[str, Any]) -> None:
    """Write a record in one step. One that it replaces is kept under `replaced/`: records are never lost."""
    publish(path, data, digest(path), path.parents[3])


def publish(path: Path, data: dict[str, Any], replaces: str | None, results: Path) -> None:
    """Put a whole record in place, if the place is as it was: empty (None), or the record of that `digest`.

    It may lie at any depth below the `records/` of `results`: whoever sorts records into folders moves them.
    Never writes over a record: a new one is linked to a name that must be free, and one that is replaced is first
    moved to `replaced/` and looked at there. So a process that comes late, even between any two of these lines,
    leaves what another process has recorded.

    Raises:
        Superseded: the record there is another one; it stays.
    """
    text = json.dumps({**data, "checksum": checksum(data)}, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = unfinished(path)
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replaces is not None and path.exists():
            _set_aside(path, replaces, results)
        _link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _set_aside(path: Path, expected: str, results: Path) -> None:
    """Move a record to `replaced/`; if it is not the expected one after all, move it back."""
    folder = results / "replaced" / path.relative_to(results / "records").parent
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{path.stem}.{expected}.json"
    if digest(path) != expected:
        raise _superseded(path)
    os.rename(path, kept)
    if digest(kept) != expected:
        _link(kept, path)
        kept.unlink()
        raise _superseded(path)


def _link(source: Path, path: Path) -> None:
    """Give a file a second name, in one step and only if that name is free.

    Raises:
        Superseded: it is taken.
    """
    try:
        os.link(source, path)
    except FileExistsError:
        raise _superseded(path) from None
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        if path.exists():
            raise _superseded(path) from None
        with replacing(path) as copy:
            shutil.copy2(source, copy)


def _superseded(path: Path) -> Superseded:
    return Superseded(f"{path} was written by another process meanwhile; it stays")
