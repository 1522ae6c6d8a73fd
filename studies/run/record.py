"""One JSON file per run, whole or not there. Anyone may read one: it is data, checked before it is believed."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.declare.study import Run
from zigma.common.words import WordError

SCHEMA = 1
REQUIRED = {
    "schema": int,
    "study": str,
    "arm": str,
    "scale": str,
    "setting": str,
    "seed": int,
    "identity": str,
    "config": dict,
    "status": str,
    "metrics": list,
    "curves": dict,
    "wall_time_s": dict,
    "cost": dict,
    "environment": dict,
}
STATUSES = ("done", "failed")
WITHOUT_LINKS = (
    errno.EPERM,
    errno.ENOTSUP,
    errno.EOPNOTSUPP,
    errno.ENOSYS,
    errno.EMLINK,
)  # exFAT, some of FUSE


@dataclass(frozen=True)
class Record:
    """A run's record as read from its file."""

    path: Path
    data: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def metric(self, name: str) -> dict[str, Any] | None:
        """The metric of that name with its protocol, or None."""
        return next((metric for metric in self.data["metrics"] if metric["name"] == name), None)


def record_path(results: Path, run: Run) -> Path:
    """Where a run's record lies. The name ends in the identity, so that finding it reads no file."""
    name = f"{run.arm}.{run.setting}.seed{run.config.seed}.{run.identity}.json"
    return results / "records" / run.scale / run.study / name


def recorded(results: Path) -> dict[str, Path]:
    """Identity -> file of every record, whichever study ran it first."""
    return {path.name.split(".")[-2]: path for path in record_files(results) if path.name.count(".") >= 2}


def record_files(results: Path) -> list[Path]:
    """Every record file of a results folder, sorted. Ten thousand take a tenth of a second."""
    found: list[str] = []
    folders = [str(results / "records")]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.name.endswith(".json") and not entry.name.startswith("."):
                        found.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
    return [Path(path) for path in sorted(found)]


def digest(path: Path) -> str | None:
    """Which record a file holds: a hash of its bytes; None where there is no file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return None


def read_record(path: Path) -> Record:
    """Read and check one record.

    Raises:
        WordError: not JSON, a field is missing or of another type, or the schema is another; names the file.
    """
    try:
        data = json.loads(path.read_bytes(), parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise WordError(
            f"{path} is not a record: {error}; repair it, or move it away to run again"
        ) from error
    check_record(path, data)
    return Record(path, data)


def check_record(path: Path, data: Any) -> None:
    """Raise a WordError that names the file and the reason unless `data` is what a record holds."""
    if not isinstance(data, dict):
        raise WordError(f"{path} is not a record: a JSON object is wanted, not {type(data).__name__}")
    _check_schema(path, data.get("schema"))
    for name, kind in REQUIRED.items():
        if not isinstance(data.get(name), kind) or isinstance(data[name], bool):
            raise WordError(f"{path} is not a record: field {name!r} should be of type {kind.__name__}")
    if data["status"] not in STATUSES:
        raise WordError(f"{path}: status {data['status']!r} is none of {', '.join(STATUSES)}")
    for metric in data["metrics"]:
        if not isinstance(metric, dict) or not {"name", "value"} <= metric.keys():
            raise WordError(f"{path}: each metric needs a name and a value")
        if not _is_number(metric["value"]):
            raise WordError(f"{path}: metric {metric['name']!r} has no number for its value")
    for name, curve in data["curves"].items():
        if not _is_curve(curve):
            raise WordError(f"{path}: curve {name!r} is not a list of steps and one of as many numbers")
    artifacts = data.get("artifacts", {})
    if not isinstance(artifacts, dict) or not all(_is_inside(named) for named in artifacts.values()):
        raise WordError(f"{path}: artifacts should name files by their path inside the results folder")
    if not path.name.endswith(f".{data['identity']}.json"):
        raise WordError(f"{path}: the file's name does not end in its identity {data['identity']}")


def _is_curve(curve: Any) -> bool:
    if not isinstance(curve, dict):
        return False
    steps, values = curve.get("step"), curve.get("value")
    if not isinstance(steps, list) or not isinstance(values, list) or len(steps) != len(values):
        return False
    return all(map(_is_number, steps)) and all(map(_is_number, values))


def _is_inside(named: Any) -> bool:
    """Whether it is a path that cannot lead out of the folder that it starts from."""
    return isinstance(named, str) and not Path(named).is_absolute() and ".." not in Path(named).parts


def _check_schema(path: Path, schema: Any) -> None:
    if schema == SCHEMA and not isinstance(schema, bool):
        return
    newer = isinstance(schema, int) and schema > SCHEMA
    advice = (
        "update this project to read it" if newer else "no version of this project wrote it: move it away"
    )
    raise WordError(f"{path} has schema {schema!r} and this version reads schema {SCHEMA}; {advice}")


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _is_number(value: Any) -> bool:
    try:
        return not isinstance(value, bool) and isinstance(value, int | float) and math.isfinite(float(value))
    except OverflowError:
        return False


def read_records(results: Path, faults: list[WordError] | None = None) -> Iterator[Record]:
    """Every record below a results folder, in the order of their paths.

    A file that is no record raises a WordError; with a list of `faults`, the error goes there and reading goes on.
    """
    for path in record_files(results):
        try:
            yield read_record(path)
        except WordError as error:
            if faults is None:
                raise
            faults.append(error)


class Superseded(RuntimeError):
    """Another process has put a record in this one's place meanwhile."""


def write_record(path: Path, data: dict[str, Any]) -> None:
    """Write a record in one step. One that it replaces is kept under `replaced/`: records are never lost."""
    publish(path, data, digest(path))


def publish(path: Path, data: dict[str, Any], replaces: str | None) -> None:
    """Put a whole record in place, if the place is as it was: empty (None), or the record of that `digest`.

    Never writes over a record: a new one is linked to a name that must be free, and one that is replaced is first
    moved to `replaced/` and looked at there. So whoever comes late, even between any two of these lines, leaves what
    another process has recorded.

    Raises:
        Superseded: the record there is another one; it stays.
    """
    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replaces is not None and path.exists():
            _set_aside(path, replaces)
        _link(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _set_aside(path: Path, expected: str) -> None:
    """Move a record to `replaced/`; if it is not the expected one after all, move it back."""
    results = path.parents[3]
    folder = results / "replaced" / path.relative_to(results / "records").parent
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{path.stem}.{expected}.json"
    if digest(path) != expected:
        raise Superseded(f"{path} was written by another process meanwhile; it stays")
    os.rename(path, kept)
    if digest(kept) != expected:
        _link(kept, path)
        kept.unlink()
        raise Superseded(f"{path} was written by another process meanwhile; it stays")


def _link(source: Path, path: Path) -> None:
    """Give a file a second name, in one step and only if that name is free."""
    try:
        os.link(source, path)
    except FileExistsError:
        raise Superseded(f"{path} was written by another process meanwhile; it stays") from None
    except OSError as error:
        if error.errno not in WITHOUT_LINKS:
            raise
        if path.exists():
            raise Superseded(f"{path} was written by another process meanwhile; it stays") from None
        shutil.copy2(source, source.with_suffix(".copy"))
        os.replace(source.with_suffix(".copy"), path)
