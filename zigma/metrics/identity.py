"""Which weights an extractor has, asked without loading it: for the identity of a run. No torch."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any, get_args

from zigma.metrics.config import ExtractorName, check_name
from zigma.metrics.weights import WEIGHTS, sha256


@cache
def extractor_identity(name: ExtractorName) -> str:
    """The sha256 of an extractor's weights.

    Raises:
        ValueError: no such extractor.
        MissingWeights: its weights are not on this machine.
    """
    check_name("extractor", name, get_args(ExtractorName))
    return _remembered_sha256(WEIGHTS[name].find())


LARGE_BYTES = 1 << 24  # hashing DINOv2's 1.2 GB takes seconds, and `studies list` asks each time


def _remembered_sha256(path: Path) -> str:
    """The hash of a file, remembered in the user's cache until its size, time or inode changes."""
    status = path.stat()
    if status.st_size < LARGE_BYTES:
        return sha256(path)
    memory = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "zigma" / "sha256.json"
    key, stamp = str(path.resolve()), [status.st_size, status.st_mtime_ns, status.st_ino]
    known = _read(memory)
    match known.get(key):
        case {"stamp": before, "sha256": str(found)} if before == stamp:
            return found
    found = sha256(path)
    _write(memory, known | {key: {"stamp": stamp, "sha256": found}})
    return found


def _read(memory: Path) -> dict[str, Any]:
    try:
        known = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # not there yet, or damaged: hashed anew
        return {}
    return known if isinstance(known, dict) else {}


def _write(memory: Path, known: dict[str, Any]) -> None:
    beside = memory.with_name(f"{memory.name}.{os.getpid()}.tmp")
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(known), encoding="utf-8")
        beside.replace(memory)
    except OSError:  # a home that cannot be written, a full disk: the file is hashed again next time
        return
