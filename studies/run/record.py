"""One JSON file per run. Anyone may have written it: it is data, checked here, in one place, before it is believed."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from studies.declare.identity import identity_of
from studies.declare.study import Run
from studies.run.checked import WORTH, checked_before, remember
from studies.run.schema import SCHEMA, RecordSchema, too_deep
from zigma.common.forked import map_forked
from zigma.common.words import WordError, one_line

BLOCK_BYTES = 2**16
LARGEST_BYTES = 16 * 2**20  # a record has some 8 KiB; one with a point of a curve for every step still fits
# Where a parser may accept what JSON in UTF-8 cannot hold: half of a surrogate pair, a number too large for a float.
UNWRITABLE = re.compile(rb"\\u[dD]|[eE]\+?[0-9]{3}|[0-9]{200}")
WORTH_PROCESSES = 1000  # records from which on parsing and checking them is worth several processes
TOGETHER = 100  # files that a process reads before it hands them over
READ_AND_NEVER_WAIT = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

T = TypeVar("T")


@dataclass(frozen=True)
class Record:
    """A run's record as read from its file."""

    path: Path
    data: dict[str, Any]
    written_ns: int = 0  # when the file was last written, of one that was read
    sha256: str = ""  # of the file's bytes, of one that was read

    def __getitem__(self, key: str) -> Any:
        return self.data[key]

    def metric(self, name: str) -> dict[str, Any] | None:
        """The metric of that name with its protocol, or None."""
        return next((metric for metric in self.data["metrics"] if metric["name"] == name), None)

    @property
    def history(self) -> list[dict[str, Any]]:
        """What has worked on the run, in order: commit, code, torch, device, threads, from_step and started of each.

        One segment for a run that was never interrupted, and for one whose record is older than histories.
        """
        whole = {**self.data["environment"], "from_step": 0, "started": self.data.get("started")}
        return self.data.get("history") or [whole]


def record_path(results: Path, run: Run) -> Path:
    """Where a run's record lies. The name ends in the identity, so that finding it reads no file."""
    name = f"{run.arm}.{run.setting}.seed{run.config.seed}.{run.identity}.json"
    return results / "records" / run.scale / run.study / name


def recorded(results: Path) -> dict[str, Path]:
    """Identity -> file of every record, whichever study ran it first."""
    return by_identity(results / "records")


def by_identity(folder: Path) -> dict[str, Path]:
    """Identity -> file of every record below a folder, such as that of a scale; no file is read."""
    return {path.name.split(".")[-2]: path for path in json_files(folder) if path.name.count(".") >= 2}


def record_files(results: Path) -> list[Path]:
    """Every record file of a results folder, sorted."""
    return json_files(results / "records")


def json_files(top: Path, apart: Container[str] = ()) -> list[Path]:
    """Every JSON file below a folder but those of its subfolders `apart`, sorted. Ten thousand take 0.1 s.

    A folder that may not be read stands for its files: whoever reads it learns why.
    """
    files: list[str] = []
    folders = [str(top)]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if folder != str(top) or entry.name not in apart:
                            folders.append(entry.path)
                    elif entry.name.endswith(".json") and not entry.name.startswith("."):
                        files.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            files.append(folder)
    return [Path(path) for path in sorted(files, key=lambda path: path.split(os.sep))]


def digest(path: Path) -> str | None:
    """Which record a file holds: a hash of its bytes; None where there is no file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except FileNotFoundError:
        return None


def read_record(path: Path) -> Record:
    """Read and check one record, of this schema or an older one.

    Raises:
        WordError: it is not a record, or was altered since it was written; names the file and the reason.
    """
    try:
        contents, written_ns = _bytes_of(path)
        data = json.loads(contents.decode(), object_pairs_hook=_object, parse_constant=_no_number)
    except (OSError, ValueError, RecursionError) as error:
        advice = "repair it, or move it away to run again"
        raise WordError(f"{path} is not a record: {_reason(error)}; {advice}") from error
    check_record(path, data, contents)
    return Record(path, data, written_ns, hashlib.sha256(contents).hexdigest())


def check_record(path: Path, data: Any, contents: bytes | None = None) -> None:
    """Raise a WordError that names the file and the reason unless `data` is what a record holds.

    `contents`: the JSON that it was read from. If nothing in it is `UNWRITABLE`, a record without a checksum is not
    written again to see whether that works, which takes half of the time of reading.
    """
    fault = record_fault(data, contents)
    if fault is not None:
        raise WordError(f"{path} {fault}")
    if not _bears_identity(path, data):
        raise WordError(f"{path}: the file's name does not end in its identity {data['identity']}")


def _bears_identity(path: Path, data: Mapping[str, Any]) -> bool:
    return path.name.endswith(f".{data['identity']}.json")


def record_fault(data: Any, contents: bytes | None = None) -> str | None:
    """Why `data` is not what a record holds, as the rest of a sentence that begins with its name; None where it is."""
    if not isinstance(data, dict):
        return f"is not a record: it should be a JSON object, not {type(data).__name__}"
    schema = data.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool) or not 1 <= schema <= SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        advice = "update this project" if newer else "no version of this project wrote it: move it away"
        return f"has schema {schema!r:.20} and this version reads schemas up to {SCHEMA}; {advice}"
    fault = _fault(data, contents)
    return None if fault is None else f"is not a record: {fault}"


def _fault(data: dict[str, Any], contents: bytes | None) -> str | None:
    try:
        RecordSchema.model_validate(data)
        if too_deep(data):
            return "it is nested deeper than a record is"
        if "checksum" in data:
            if data["checksum"] != checksum(data):
                return "its checksum does not fit its contents, which were changed after it was written"
        elif contents is None or UNWRITABLE.search(contents):  # a ValueError for what is not JSON
            json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
        if identity_of(data["config"], data.get("fingerprints") or {}) != data["identity"]:
            return "its identity does not fit its configuration and fingerprints: one of them was changed"
        if data["config"].get("seed", data["seed"]) != data["seed"]:
            return f"its seed is {data['seed']} and that of its configuration {data['config']['seed']!r:.20}"
    except ValidationError as error:
        return _first(error)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        return _reason(error)
    return None


def checksum(data: Mapping[str, Any]) -> str:
    """A hash of all that a record holds, metrics and curves too, however it is laid out; it stands in the record.

    Raises:
        ValueError: something in it is not JSON: infinity, NaN, half of a surrogate pair.
    """
    rest = {name: value for name, value in data.items() if name != "checksum"}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_records(files: Iterable[Path], faults: list[WordError] | None = None) -> Iterator[Record]:
    """The records of these files, in their order.

    A file that is no record raises a WordError; with a list of `faults`, the error goes there and reading goes on.
    """
    paths = list(files)
    for path, outcome in zip(paths, _read_or_recognize(paths), strict=True):
        if not isinstance(outcome, WordError):
            yield Record(path, *outcome)
        elif faults is None:
            raise outcome
        else:
            faults.append(outcome)


def read_each(read: Callable[[Path], T], paths: Sequence[Path]) -> Iterator[T]:
    """`read`, which raises nothing, of every path in their order, by several processes where they are many."""
    return map_forked(read, paths, WORTH_PROCESSES, TOGETHER)


# what a record's file holds, when it was written, and the hash of its bytes
_Read = tuple[dict[str, Any], int, str]


def _read_or_recognize(paths: list[Path]) -> Iterator[_Read | WordError]:
    """What each file holds, or why it is no record; of many, those that were checked before are only parsed."""
    before = checked_before() if len(paths) >= WORTH else set()
    checked = {path: read for path in paths if before and (read := _recognize(path, before)) is not None}
    others = read_each(_attempt, [path for path in paths if path not in checked])
    now = set()
    for path in paths:
        outcome = checked.get(path) or next(others)
        if not isinstance(outcome, WordError):
            now.add(outcome[-1])
        yield outcome
    if len(paths) >= WORTH:
        remember(before, now)


def _recognize(path: Path, before: Set[str]) -> _Read | None:
    """What a file holds, if its bytes were checked before and it bears its identity's name; else None."""
    try:
        contents, written_ns = _bytes_of(path)
        sha256 = hashlib.sha256(contents).hexdigest()
        data = from_json(contents) if sha256 in before else None
    except (OSError, ValueError):  # whoever reads it in full says why
        return None
    return None if data is None or not _bears_identity(path, data) else (data, written_ns, sha256)


def _attempt(path: Path) -> _Read | WordError:
    """What a record's file holds, or why it is none."""
    try:
        record = read_record(path)
    except WordError as error:
        return error
    return record.data, record.written_ns, record.sha256


def _bytes_of(path: Path) -> tuple[bytes, int]:
    """What a regular file of reasonable size holds, and when it was written.

    A pipe would be waited for, and a device never ends.
    """
    with open(os.open(path, READ_AND_NEVER_WAIT), "rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        if status.st_size > LARGEST_BYTES:
            raise ValueError(f"it has {status.st_size:,} bytes and a record at most {LARGEST_BYTES:,}")
        parts: list[bytes] = []
        while part := file.read(BLOCK_BYTES if parts else max(status.st_size, 1)):
            parts.append(part)
            if len(parts) * BLOCK_BYTES > LARGEST_BYTES:
                raise ValueError("it grows while it is read")
        return b"".join(parts), status.st_mtime_ns


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    whole = dict(pairs)
    if len(whole) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:50]!r} stands twice in one object")
    return whole


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number of JSON")


def _first(error: ValidationError) -> str:
    """The first complaint, with its place: `metrics.0.value: input should be a valid number`."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    place = ".".join(str(part)[:50] for part in first["loc"])
    return _plain(f"{place}: {first['msg'][:1].lower()}{first['msg'][1:]}")


def _reason(error: BaseException) -> str:
    return _plain(f"{error}" or type(error).__name__)


def _plain(text: str) -> str:
    return one_line(text, 300)
