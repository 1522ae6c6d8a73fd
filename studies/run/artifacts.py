"""Put in place what a run leaves beside its record: samples, features, weights.

They are written in the owner's own folder first. A late owner, or a repetition that is not recorded in the end, must
not write over the files of the record that stands: so files are moved to names that are free, the record is published
with those names, and only then do the files go that no record names any more.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from studies.run.publish import Superseded, link, unfinished
from studies.run.record import Record
from zigma.common.files import read_json

STAGED = "artifacts"  # the folder inside the owner's, laid out as a results folder
PLACES = ("samples", "features", "weights")
TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


@contextlib.contextmanager
def in_place(staged: Path, names: Mapping[str, str], results: Path, token: str) -> Iterator[dict[str, str]]:
    """Move artifacts, by their paths inside `staged`, to free names inside `results`; gives kind -> path there.

    After an error in the body, such as a record that another process has published first, they are removed again.
    """
    placed: dict[str, str] = {}
    try:
        for kind, name in names.items():
            placed[kind] = _place(staged / name, results, name, token)
        yield placed
    except BaseException:
        _remove(results, placed.values())
        raise


def remove_unnamed(results: Path, name: str, named: Iterable[str], replaced: Record | None) -> None:
    """Remove artifacts of a run that no record names: those of a replaced record, and of processes that were killed.

    `name` is the run's (SCALE/STUDY/ARM.SETTING.seedN.IDENTITY); a published record's files stay.
    """
    keep = {*named, *_artifacts(read_json(results / "published" / f"{name}.json"))}
    candidates = set() if replaced is None else set(_artifacts(replaced.data))
    for place in PLACES:
        folder, stem = results / place / Path(name).parent, Path(name).name
        with contextlib.suppress(OSError):
            candidates |= {
                f"{place}/{Path(name).parent.as_posix()}/{entry}"
                for entry in os.listdir(folder)
                if entry == stem or entry.startswith(f"{stem}.")
            }
    _remove(results, candidates - keep)


def _artifacts(record: Mapping[str, Any]) -> list[str]:
    named = record.get("artifacts")
    return list(named.values()) if isinstance(named, dict) else []


def _place(source: Path, results: Path, name: str, token: str) -> str:
    """Move a file or a folder to its name, or to one with the owner's token where that is taken."""
    path = Path(name)
    stem, suffix = (path.name, "") if source.is_dir() else (path.stem, path.suffix)
    for free in (path, path.with_name(f"{stem}.{token}{suffix}")):
        (results / free).parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(Superseded):
            (_move_folder if source.is_dir() else _move_file)(source, results / free)
            return free.as_posix()
    raise FileExistsError(f"{results / free} is there already")


def _move_file(source: Path, target: Path) -> None:
    try:
        link(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:  # work/ may lie on another disk
            raise
        copy = unfinished(target)
        try:
            shutil.copy2(source, copy)
            link(copy, target)
        finally:
            copy.unlink(missing_ok=True)
    source.unlink()


def _move_folder(source: Path, target: Path) -> None:
    if target.exists():
        raise Superseded(f"{target} is there already")
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno in TAKEN:
            raise Superseded(f"{target} is there already") from None
        if error.errno != errno.EXDEV:
            raise
        copy = unfinished(target)
        try:
            shutil.copytree(source, copy)
            os.rename(copy, target)
        finally:
            shutil.rmtree(copy, ignore_errors=True)
        shutil.rmtree(source)


def _remove(results: Path, names: Iterable[str]) -> None:
    for name in names:
        path = results / name
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
