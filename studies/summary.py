"""What `status` wants of every record, remembered from one time to the next.

Reading ten thousand records takes seconds, looking at their dates a tenth of one. The memory is a file under
`results/work/` that may be deleted at any time; a record whose size, date or inode differs is read anew.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.ownership import read_json
from studies.record import read_record, record_files
from studies.words import WordError

MEMORY = "records.index.json"
VERSION = 1
WORTH = 200  # records from which on it is worth a file


@dataclass(frozen=True)
class Summary:
    """A record in a line."""

    study: str
    scale: str
    label: str
    status: str
    error: str | None


def summaries(results: Path) -> tuple[list[Summary], list[WordError]]:
    """A line for every record, in the order of their paths, and what is wrong with the files that are none."""
    memory = results / "work" / MEMORY
    said = read_json(memory)
    known: Any = said.get("records") if said.get("version") == VERSION else None
    if not isinstance(known, dict):
        known = {}
    found: dict[str, list[Any]] = {}
    faults = []
    for path in record_files(results):
        try:
            state = path.stat()
            key = [state.st_size, state.st_mtime_ns, state.st_ino]
            entry = known.get(str(path))
            if not _is_entry(entry) or entry[:3] != key:
                entry = [*key, *_read(path)]
            found[str(path)] = entry
        except (OSError, WordError) as error:
            faults.append(error if isinstance(error, WordError) else WordError(f"{path}: {error}"))
    if found != known and len(found) >= WORTH:
        _remember(memory, found)
    return [Summary(*entry[3:]) for entry in found.values()], faults


def _read(path: Path) -> list[str | None]:
    record = read_record(path)
    label = f"{record['arm']} {record['setting']} seed {record['seed']}"
    error = record.data.get("error")
    return [record["study"], record["scale"], label, record["status"], None if error is None else str(error)]


def _is_entry(entry: Any) -> bool:
    texts = isinstance(entry, list) and len(entry) == 8 and all(isinstance(word, str) for word in entry[3:7])
    return texts and (entry[7] is None or isinstance(entry[7], str))


def _remember(memory: Path, found: dict[str, list[Any]]) -> None:
    beside = memory.with_name(f".{MEMORY}.{os.getpid()}.tmp")
    with contextlib.suppress(
        OSError
    ):  # a folder that one may not write to, a full disk: it is read again next time
        memory.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps({"version": VERSION, "records": found}), encoding="utf-8")
        os.replace(beside, memory)
    with contextlib.suppress(OSError):
        beside.unlink(missing_ok=True)
