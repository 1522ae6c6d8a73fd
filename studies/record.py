"""One JSON file per run, whole or not there. Anyone may read one: it is data, checked before it is believed."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.study import Run
from studies.words import WordError

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
    paths = (results / "records").rglob("*.json")
    return {path.name.split(".")[-2]: path for path in sorted(paths) if path.name.count(".") >= 2}


def read_record(path: Path) -> Record:
    """Read and check one record.

    Raises:
        WordError: not JSON, a field is missing or of another type, or the schema is another; names the file.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WordError(
            f"{path} is not a record: {error}; repair it, or move it away to run again"
        ) from error
    if not isinstance(data, dict):
        raise WordError(f"{path} is not a record: a JSON object is wanted, not {type(data).__name__}")
    if data.get("schema") != SCHEMA:
        raise WordError(f"{path} has schema {data.get('schema')!r}; this version reads schema {SCHEMA}")
    for name, kind in REQUIRED.items():
        if not isinstance(data.get(name), kind):
            raise WordError(f"{path} is not a record: field {name!r} should be of type {kind.__name__}")
    if data["status"] not in STATUSES:
        raise WordError(f"{path}: status {data['status']!r} is none of {', '.join(STATUSES)}")
    for metric in data["metrics"]:
        if not isinstance(metric, dict) or not {"name", "value"} <= metric.keys():
            raise WordError(f"{path}: each metric needs a name and a value")
        if not isinstance(metric["value"], int | float):
            raise WordError(f"{path}: metric {metric['name']!r} has no number for its value")
    if not path.name.endswith(f".{data['identity']}.json"):
        raise WordError(f"{path}: the file's name does not end in its identity {data['identity']}")
    return Record(path, data)


def read_records(results: Path) -> Iterator[Record]:
    """Every record below a results folder, in the order of their paths."""
    for path in sorted((results / "records").rglob("*.json")):
        yield read_record(path)


def write_record(path: Path, data: dict[str, Any]) -> None:
    """Write a record in one step. One that it replaces is kept under `replaced/`: records are never lost."""
    text = json.dumps(data, indent=1, allow_nan=False) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _keep(path)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _keep(path: Path) -> None:
    results = path.parents[3]
    folder = results / "replaced" / path.relative_to(results / "records").parent
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while (kept := folder / f"{path.stem}.{number}.json").exists():
        number += 1
    shutil.copy2(path, kept)
