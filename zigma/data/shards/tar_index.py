"""Where every file inside a WebDataset shard lies, so that any sample is one read away.

A shard is an uncompressed tar whose members `KEY.SUFFIX` with the same KEY make one sample, for example
`00000012.image.jpg`, `00000012.caption.json` and `00000012.img_feature256.npy`.
"""

from __future__ import annotations

import json
import os
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

Span = tuple[int, int]  # offset and length in bytes


@dataclass(frozen=True)
class Entry:
    """One sample of a shard: its key, and where its members lie by suffix."""

    shard: Path
    key: str
    members: dict[str, Span]


def index_shard(shard: Path) -> list[Entry]:
    """The samples of one shard in the order of their first members.

    The index is kept beside the shard (`NAME.tar.index.json`) and used again while the shard's size and time
    of change stay the same. Raises ValueError for a file that is no whole, uncompressed tar.
    """
    status = shard.stat()
    stamp = [status.st_size, status.st_mtime_ns]
    cache = shard.with_name(shard.name + ".index.json")
    samples = _cached(cache, stamp)
    if samples is None:
        samples = _scan(shard)
        _keep(cache, {"stamp": stamp, "samples": samples})
    return [
        Entry(shard, key, {suffix: (offset, length) for suffix, (offset, length) in members.items()})
        for key, members in samples.items()
    ]


def index_shards(shards: list[Path]) -> list[Entry]:
    """The samples of all shards, in their order."""
    with ThreadPoolExecutor(max_workers=8) as pool:  # a network file system answers slowly, but many at once
        return [entry for entries in pool.map(index_shard, shards) for entry in entries]


def _scan(shard: Path) -> dict[str, dict[str, Span]]:
    samples: dict[str, dict[str, Span]] = {}
    try:
        with tarfile.open(shard, "r:") as tar:
            for member in tar:
                folder, name = os.path.split(member.name)
                stem, _, suffix = name.partition(".")
                if member.isreg() and stem and suffix:
                    key = os.path.join(folder, stem)
                    samples.setdefault(key, {})[suffix.lower()] = (member.offset_data, member.size)
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"the shard {shard} is no whole uncompressed tar: {error}") from error
    return samples


def _cached(cache: Path, stamp: list[int]) -> dict[str, dict[str, Span]] | None:
    try:
        kept = json.loads(cache.read_text())
        return kept["samples"] if kept["stamp"] == stamp else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no index or a damaged one: the shard itself is read


def _keep(cache: Path, contents: dict[str, object]) -> None:
    partial = cache.with_name(f"{cache.name}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(contents))
        partial.replace(cache)
    except OSError:
        return  # shards are often read-only; the index is then made anew each time
