"""Where every file inside a WebDataset shard lies, so that any sample is one read away.

A shard is an uncompressed tar whose members `KEY.SUFFIX` with the same KEY make one sample, for example
`00000012.image.jpg`, `00000012.caption.json` and `00000012.img_feature256.npy`.
"""

from __future__ import annotations

import os
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO

from pydantic import BaseModel, Field, ValidationError

from zigma.common.files import replace_text
from zigma.common.words import one_line
from zigma.data.system_files import is_system_file

Whole = Annotated[int, Field(ge=0, strict=True)]
Span = tuple[int, int]  # offset and length in bytes
_SETTLED_S = 2.0  # a file changed more recently may change again without another time of change
_BLOCK = tarfile.BLOCKSIZE


@dataclass(frozen=True)
class Entry:
    """One sample of a shard: its key, and where its members lie by suffix."""

    shard: Path
    key: str
    members: dict[str, Span]


class _Index(BaseModel, frozen=True):
    """What is kept beside a shard: a convenience, believed only while the shard is what was indexed."""

    format: Annotated[int, Field(ge=2, le=2)] = 2
    stamp: tuple[int, int, int]  # size, times of change of contents and of inode
    samples: dict[str, dict[str, tuple[Whole, Whole]]]

    def inside(self) -> bool:
        """Whether every member lies inside the shard."""
        spans = (span for members in self.samples.values() for span in members.values())
        return all(offset + length <= self.stamp[0] for offset, length in spans)


def index_shard(shard: Path) -> list[Entry]:
    """The samples of one shard in the order of their first members.

    The index is kept beside the shard (`NAME.tar.index.json`) and used again while the shard's size and times
    of change stay the same. Raises ValueError for a file that is no whole, uncompressed tar: one that is cut, even
    between two members, has a damaged header in the middle, or goes on after its end.
    """
    status = shard.stat()
    stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    cache = shard.with_name(shard.name + ".index.json")
    samples = _cached(cache, stamp)
    if samples is None:
        samples = _scan(shard)
        if time.time() - max(stamp[1:]) / 1e9 > _SETTLED_S:
            _keep(cache, _Index(stamp=stamp, samples=samples))
    return [Entry(shard, key, members) for key, members in samples.items()]


def index_shards(shards: list[Path]) -> list[Entry]:
    """The samples of all shards, in their order."""
    with ThreadPoolExecutor(max_workers=8) as pool:  # a network file system answers slowly, but many at once
        return [entry for entries in pool.map(index_shard, shards) for entry in entries]


def _scan(shard: Path) -> dict[str, dict[str, Span]]:
    with shard.open("rb") as file:
        try:
            return _members(file)
        except Exception as error:  # hostile headers make tarfile raise nearly every type there is
            reason = one_line(error, 200) or type(error).__name__
            raise ValueError(f"the shard {shard} is no whole uncompressed tar: {reason}") from error


def _members(file: BinaryIO) -> dict[str, dict[str, Span]]:
    samples: dict[str, dict[str, Span]] = {}
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for member in tar:
            folder, name = os.path.split(member.name)
            stem, _, suffix = name.partition(".")
            if member.isreg() and stem and suffix and not is_system_file(folder.split("/")):
                samples.setdefault(os.path.join(folder, stem), {})[suffix.lower()] = _span(member)
        _check_end(file, tar.offset)
    return samples


def _span(member: tarfile.TarInfo) -> Span:
    if member.issparse():
        raise ValueError(f"{member.name[:80]!r} is stored sparse")
    return member.offset_data, member.size


def _check_end(file: BinaryIO, end: int) -> None:
    """A tar ends with a block of zeros, and no member follows; tarfile takes any odd block for the end."""
    file.seek(end)
    block = file.read(_BLOCK)
    if len(block) < _BLOCK:
        raise ValueError("it is cut: the block of zeros at its end is missing")
    if any(block):
        raise ValueError(f"its header at byte {end} is damaged")
    while block := file.read(_BLOCK):
        if any(block) and _is_header(block):
            raise ValueError(f"more members follow after its end at byte {end}")


def _is_header(block: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _cached(cache: Path, stamp: tuple[int, int, int]) -> dict[str, dict[str, Span]] | None:
    try:
        index = _Index.model_validate_json(cache.read_bytes())
    except (OSError, ValidationError):
        return None  # no index or a damaged one: the shard itself is read
    return index.samples if index.stamp == stamp and index.inside() else None


def _keep(cache: Path, index: _Index) -> None:
    try:
        replace_text(cache, index.model_dump_json())
    except OSError:
        return  # shards are often read-only; the index is then made anew each time
