"""Hashes of large files, remembered while the files stay as they are: a data set of 100 GB is read once for them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from zigma.common.files import sha256_of
from zigma.common.user_cache import keep_cached, read_cached

_MEMORY = "sha256.json"
_SETTLED_S = 2.0  # a file changed more recently may change again without another time of change
_MOST = 20_000  # files remembered


def remembered_sha256(paths: Sequence[Path], from_bytes: int) -> list[str]:
    """The SHA-256 of every file, in hexadecimal.

    Those of at least `from_bytes` are remembered in the user's cache until size, times of change or inode differ.
    The cache saves time and decides nothing: without it, or with a damaged one, the files are read.
    """
    remembered = read_cached(_MEMORY)
    stamps = [_stamp(path) for path in paths]
    keys = [str(path.resolve()) for path in paths]
    digests = [_recall(remembered.get(key), stamp) for key, stamp in zip(keys, stamps, strict=True)]
    missing = [i for i, digest in enumerate(digests) if digest is None]
    with ThreadPoolExecutor(max_workers=4) as pool:
        for i, digest in zip(missing, pool.map(sha256_of, [paths[i] for i in missing]), strict=True):
            digests[i] = digest
    new = {
        keys[i]: {"stamp": stamps[i], "sha256": digests[i]}
        for i in missing
        if stamps[i][0] >= from_bytes and time.time() - max(stamps[i][1:3]) / 1e9 > _SETTLED_S
    }
    if new:
        keep_cached(_MEMORY, dict(list((remembered | new).items())[-_MOST:]))
    return [digest for digest in digests if digest is not None]


def _stamp(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _recall(row: object, stamp: list[int]) -> str | None:
    match row:
        case {"stamp": before, "sha256": str(digest)} if before == stamp:
            return digest
    return None
