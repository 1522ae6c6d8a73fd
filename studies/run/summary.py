"""What `status` and `list` show of every record, remembered from one time to the next.

Reading ten thousand records takes seconds, looking at their dates a tenth of one. The memory is a file under
`results/view/` that may be deleted at any time; a record whose size, inode or last change, which no program can set
back, differs is read anew.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studies.declare.study import label_of
from studies.run.record import read_each, read_record, record_files
from zigma.common.files import read_json, replace_json
from zigma.common.words import WordError, printable

MEMORY = "records.index.json"
VERSION = 3
WORTH = 200  # records from which on it is worth a file
NO_STATE = [0, 0, 0]

_Line = list[str | None] | str  # the words of a Summary, or a fault


@dataclass(frozen=True)
class Summary:
    """A record in a line."""

    identity: str
    study: str
    scale: str
    label: str
    status: str
    error: str | None


def summaries(results: Path) -> tuple[list[Summary], list[WordError]]:
    """A line for every record, in the order of their paths, and what is wrong with the files that are none."""
    memory = results / "view" / MEMORY
    contents = read_json(memory) if memory.is_file() else {}  # a pipe would be waited for
    remembered: Any = contents.get("records") if contents.get("version") == VERSION else None
    if not isinstance(remembered, dict):
        remembered = {}
    entries: dict[str, list[Any]] = {}
    faults = []
    for path, key, line in _entries(record_files(results), remembered):
        if isinstance(line, str):
            faults.append(WordError(line))
        else:
            entries[str(path)] = [*key, *line]
    if entries != remembered and len(entries) >= WORTH:
        _remember(memory, entries)
    return [Summary(*entry[3:]) for entry in entries.values()], faults


def name_faults(faults: Iterable[WordError]) -> int:
    """Name the files in the way that are no records, on stderr; the exit status that says whether there were any."""
    for fault in (named := list(faults)):
        print(f"left alone: {printable(str(fault))}", file=sys.stderr)
    return 1 if named else 0


def _entries(paths: list[Path], remembered: dict[str, Any]) -> Iterator[tuple[Path, list[int], _Line]]:
    """Every record with what tells a changed one, and its line, remembered or read now."""
    keys, unread = {}, []
    for path in paths:
        try:
            state = path.stat()
        except FileNotFoundError:  # replaced or moved away since it was listed
            continue
        except OSError:  # such as a link to itself: whoever reads it says why
            keys[path] = NO_STATE
            unread.append(path)
            continue
        keys[path] = key = [state.st_size, state.st_ctime_ns, state.st_ino]
        entry: Any = remembered.get(str(path))
        if not _is_entry(entry) or entry[:3] != key:
            unread.append(path)
    read = dict(zip(unread, read_each(_read, unread), strict=True))
    for path, key in keys.items():
        yield path, key, read[path] if path in read else remembered[str(path)][3:]


def _read(path: Path) -> _Line:
    """A record's line, or what is wrong with it."""
    try:
        record = read_record(path)
    except WordError as fault:
        return str(fault)
    error = record.data.get("error")
    return [
        record["identity"],
        record["study"],
        record["scale"],
        label_of(record.data),
        record["status"],
        None if error is None else str(error),
    ]


def _is_entry(entry: Any) -> bool:
    texts = isinstance(entry, list) and len(entry) == 9 and all(isinstance(word, str) for word in entry[3:8])
    return texts and (entry[8] is None or isinstance(entry[8], str))


def _remember(memory: Path, entries: dict[str, list[Any]]) -> None:
    # a folder that one may not write to, a full disk: it is read again next time
    with contextlib.suppress(OSError):
        memory.parent.mkdir(parents=True, exist_ok=True)
        replace_json(memory, {"version": VERSION, "records": entries})
