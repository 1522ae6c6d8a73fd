"""Reads every member of every shard of a folder, to find the damaged ones before a long run does."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from zigma.common.files import sha256_of
from zigma.data.layout import read_captions
from zigma.data.media import IMAGE_SUFFIXES, load_image
from zigma.data.shards.sources import listed_shards, shard_files
from zigma.data.shards.tar_index import index_shard


def check_shards(root: Path) -> tuple[int, dict[str, str]]:
    """The number of samples in `root`, and what is wrong with each damaged member ("SHARD:KEY.SUFFIX") or shard.

    Where a manifest lists the shards, their hashes are compared too: damage inside a latent shows in nothing else.
    """
    count, damaged = 0, {}
    listed = listed_shards(root)
    for shard in sorted({*shard_files(root), *(root / name for name in listed)}):
        try:
            entries = index_shard(shard)
        except (OSError, ValueError) as error:
            damaged[shard.name] = " ".join(str(error).split())
            continue
        with shard.open("rb") as stream:
            for entry in entries:
                count += 1
                for suffix, (offset, length) in entry.members.items():
                    stream.seek(offset)
                    try:
                        _read(suffix)(stream.read(length))
                    except (ValueError, EOFError, zipfile.BadZipFile) as error:
                        damaged[f"{shard.name}:{entry.key}.{suffix}"] = " ".join(str(error).split())
        if shard.name in listed and sha256_of(shard) != listed[shard.name]:
            damaged[shard.name] = "other bytes than when it was prepared (SHA-256 of the manifest)"
    return count, damaged


def _read(suffix: str) -> Callable[[bytes], object]:
    """What reads a member of this suffix and raises when it is damaged; others are taken as they are."""
    kind = Path(f"x.{suffix}").suffix
    if kind in IMAGE_SUFFIXES:
        return lambda data: load_image(data, 8)
    if suffix in ("caption.json", "caption.txt", "txt"):
        return lambda data: read_captions(data, suffix)
    return _READERS.get(kind, len)


def _array(data: bytes) -> None:
    array = np.load(io.BytesIO(data), allow_pickle=False)
    if not np.isfinite(array).all():
        raise ValueError("numbers that are not finite")


def _frames(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            load_image(archive.read(name), 8)


_READERS: dict[str, Callable[[bytes], object]] = {
    ".npy": _array,
    ".zip": _frames,
    ".json": json.loads,
    ".cls": int,
}
