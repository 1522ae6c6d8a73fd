"""Put in place what a run leaves beside its record: samples, features, weights.

A late owner, or a repetition that is not recorded in the end, must not write over the files of the record that
stands. So they are written in the owner's own folder, and moved to their names only after the record is in place, by
whoever holds the run's lease then. If that process is killed in between, the next one finishes: the next owner, or
the sweep of the next command. A mark says to which record the files belong, so that no others are ever moved.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zigma.common.files import read_json, replace_json, unfinished

STAGED = "artifacts"  # the folder inside the owner's, laid out as a results folder
MARK = "of_record.json"


def mark(folder: Path, checksum: str) -> None:
    """Say, before it is published, which record the files in an owner's folder belong to."""
    (folder / STAGED).mkdir(exist_ok=True)
    replace_json(folder / STAGED / MARK, {"checksum": checksum})


def put_in_place(folder: Path, results: Path, record: Mapping[str, Any]) -> None:
    """Move the files of a record that is published from an owner's folder to their names in the results folder.

    Does nothing where they are there already, or belong to another record.
    """
    staged, named = folder / STAGED, record.get("artifacts")
    checksum = read_json(staged / MARK).get("checksum")
    if checksum is None or checksum != record.get("checksum") or not isinstance(named, dict):
        return
    for name in named.values():
        source, target = staged / name, results / name
        if source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _replace(source, target)


def _replace(source: Path, target: Path) -> None:
    """Give a file or a folder its name, from another disk too (the folder of work may lie on one).

    Whoever has lost the run meanwhile has lost the source too, and fails before anything at the target is changed.
    """
    try:
        _rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = unfinished(target)
        try:
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, beside)
            source.stat()  # copying takes time, in which another owner may have taken the source
            _rename(beside, target)
        finally:
            _remove(beside)


def _rename(source: Path, target: Path) -> None:
    """Put a file or a folder in the place of another; a folder is first moved aside, and back after an error."""
    if not target.is_dir():
        os.replace(source, target)
        return
    aside = unfinished(target)
    os.rename(target, aside)
    try:
        os.rename(source, target)
    except OSError:
        os.rename(aside, target)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
