"""Reads every member of every shard of a folder, to find the damaged ones before a long run does."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path

from zigma.common.files import sha256_of
from zigma.common.words import counted, one_line
from zigma.data.captions import decoded, json_of
from zigma.data.layout import CAPTION_SUFFIXES, LATENT, TEXT_SUFFIXES, class_number, first_of, read_captions
from zigma.data.media import IMAGE_SUFFIXES, load_image, unpack_frames
from zigma.data.shards.manifest import read_manifest
from zigma.data.shards.npy import Read, check_array, member_reader, read_header
from zigma.data.shards.sources import shard_files
from zigma.data.shards.tar_index import Entry, index_shard

# suffix -> member -> shape; None for the number of frames or of captions
Shapes = dict[str, dict[str, tuple[int | None, ...]]]
_MOST_BYTES = 2**28  # of a member that is read whole; arrays are read in parts


def check_shards(root: Path) -> tuple[int, dict[str, str]]:
    """The number of samples in `root`, and what is wrong with each damaged member ("SHARD:KEY.SUFFIX") or shard.

    Where a manifest lists the shards, their hashes are compared too: damage inside a latent shows in nothing else.
    Latents of one name have one shape, but for the number of frames, and text features but for that of captions: those
    of any other cannot be put in a batch.
    Raises ValueError for a manifest that is none, or where there is no shard at all.
    """
    count, damaged = 0, dict[str, str]()
    shapes: Shapes = defaultdict(dict)
    manifest = read_manifest(root)
    hashes = {} if manifest is None else {row.file: row.sha256 for row in manifest.shards}
    for shard in [root / name for name in sorted(hashes)] or shard_files(root):
        try:
            entries = index_shard(shard)
        except (OSError, ValueError) as error:
            damaged[shard.name] = _in_a_line(error)
            continue
        count += len(entries)
        damaged |= _check_members(shard, entries, shapes)
        if shard.name in hashes and sha256_of(shard) != hashes[shard.name]:
            damaged[shard.name] = "other bytes than when it was prepared (SHA-256 of the manifest)"
    return count, damaged | _of_other_shapes(shapes)


def _of_other_shapes(shapes: Shapes) -> dict[str, str]:
    damaged = {}
    for named in shapes.values():
        usual, often = Counter(named.values()).most_common(1)[0]
        for name, shape in named.items():
            if shape != usual:
                damaged[name] = f"its shape is {_shown(shape)}, and that of {often} others {_shown(usual)}"
    return damaged


def _shown(shape: tuple[int | None, ...]) -> str:
    return f"({', '.join('any' if side is None else str(side) for side in shape)})"


def _check_members(shard: Path, entries: list[Entry], shapes: Shapes) -> dict[str, str]:
    damaged = {}
    with shard.open("rb") as stream:
        for entry in entries:
            for suffix, span in entry.members.items():
                name, read = f"{shard.name}:{entry.key}.{suffix}", member_reader(stream.fileno(), *span)
                try:
                    _check_member(suffix, read, span[1])
                    if LATENT.fullmatch(suffix) or suffix in TEXT_SUFFIXES:
                        shapes[suffix][name] = _of_one(suffix, read_header(read).shape)
                except Exception as error:  # hostile members raise nearly every type there is
                    damaged[name] = _in_a_line(error)
            if fault := _other_count(stream.fileno(), entry):
                damaged.setdefault(f"{shard.name}:{entry.key}", fault)
    return damaged


def _of_one(suffix: str, shape: tuple[int, ...]) -> tuple[int | None, ...]:
    """The shape of a frame's latent or of a caption's features, behind a None for how many there are."""
    if 0 in shape:
        raise ValueError(f"its shape is {_shown(shape)}: it holds nothing")
    if suffix in TEXT_SUFFIXES:
        return None, *shape[-2:]
    return shape if len(shape) < 4 else (None, *shape[1:])


def _other_count(descriptor: int, entry: Entry) -> str:
    """What is wrong where a sample has features of more or fewer captions than it has; empty where nothing is."""
    captions, text = first_of(entry, CAPTION_SUFFIXES), first_of(entry, TEXT_SUFFIXES)
    if captions is None or text is None:
        return ""
    try:
        shape = read_header(member_reader(descriptor, *entry.members[text])).shape
        count = len(
            read_captions(member_reader(descriptor, *entry.members[captions])(0, _MOST_BYTES), captions)
        )
    except ValueError:  # told of the member already
        return ""
    if len(shape) != 3 or shape[0] == count:
        return ""
    return f"{counted(count, 'caption')} with features of {shape[0]}"


def _check_member(suffix: str, read: Read, length: int) -> None:
    """Read a member as its suffix says; those that nothing here reads are taken as they are."""
    kind = Path(f"x.{suffix}").suffix
    if kind == ".npy":
        check_array(read, length)
        return
    check = _CHECKS.get(kind)
    if kind in IMAGE_SUFFIXES:
        check = _picture
    elif suffix in CAPTION_SUFFIXES:
        check = _captions
    if check is None:
        return
    if length > _MOST_BYTES:
        raise ValueError(f"{length} bytes are more than a {kind} of a sample has")
    check(read(0, length), suffix)


def _picture(data: bytes, suffix: str) -> None:
    load_image(data, 8)


def _captions(data: bytes, suffix: str) -> None:
    read_captions(data, suffix)


def _frames(data: bytes, suffix: str) -> None:
    unpack_frames(data, 8, 0, None)


def _json(data: bytes, suffix: str) -> None:
    json_of(decoded(data))


def _class(data: bytes, suffix: str) -> None:
    class_number(data)


_CHECKS: dict[str, Callable[[bytes, str], None]] = {".zip": _frames, ".json": _json, ".cls": _class}


def _in_a_line(error: Exception) -> str:
    return one_line(error, 300) or type(error).__name__
