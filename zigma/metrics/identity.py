"""Which weights an extractor has, asked without loading it: for the identity of a run. No torch."""

import os
from functools import cache
from pathlib import Path
from typing import Any, get_args

from zigma.common.files import read_json, replace_json, sha256_of
from zigma.metrics.config import ExtractorName, check_name
from zigma.metrics.weights import WEIGHTS


@cache
def extractor_identity(name: ExtractorName) -> str:
    """The sha256 of an extractor's weights.

    Raises:
        ValueError: no such extractor.
        MissingWeights: its weights are not on this machine.
    """
    check_name("extractor", name, get_args(ExtractorName))
    return _remembered_sha256(WEIGHTS[name].find())


LARGE_BYTES = 1 << 26  # hashing DINOv2's 1.2 GB takes seconds, and `studies list` asks each time


def _remembered_sha256(path: Path) -> str:
    """The hash of a file, remembered in the user's cache until its size, time or inode changes."""
    status = path.stat()
    if status.st_size < LARGE_BYTES:
        return sha256_of(path)
    memory = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "zigma" / "sha256.json"
    key, stamp = str(path.resolve()), [status.st_size, status.st_mtime_ns, status.st_ino]
    remembered = read_json(memory)
    match remembered.get(key):
        case {"stamp": before, "sha256": str(digest)} if before == stamp:
            return digest
    digest = sha256_of(path)
    _write(memory, remembered | {key: {"stamp": stamp, "sha256": digest}})
    return digest


def _write(memory: Path, remembered: dict[str, Any]) -> None:
    try:
        memory.parent.mkdir(parents=True, exist_ok=True)
        replace_json(memory, remembered)
    except OSError:  # a home that cannot be written, a full disk: the file is hashed again next time
        return
