"""What is known about the files of a folder besides their pixels: captions, and which folders are classes."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from zigma.common.files import sha256_of
from zigma.data.captions import checked, decoded, json_of, lines_of
from zigma.data.folders.walk import walk

T = TypeVar("T")
Captions = dict[
    str, list[str]
]  # a path, with or without suffix, as the captions' file or folder gives it -> captions
_FORMATS = "give a .json, .jsonl or .csv file, or a folder of .txt files"


def read_captions_file(path: Path) -> Captions:
    """Captions from one file or from a folder of text files.

    .json   {"file": "caption"} or {"file": [captions]}, or MS-COCO's "images" and "annotations"
    .jsonl  one object per line with "file_name" and "text" (a caption or a list)
    .csv    rows of file, caption (a header `file,caption` is allowed)
    folder  a .txt beside where each picture would be, one caption per line

    All are UTF-8 whatever the locale is. Empty captions are left out. Raises ValueError, in one line, for a file that
    is damaged or not understood, and for a caption that is no text.
    """
    if path.is_dir():
        return {name: _read(file, lambda text: checked(lines_of(text))) for name, file in caption_files(path)}
    if not path.is_file():
        raise ValueError(f"no captions at {path}: {_FORMATS}")
    pairs = _PAIRS.get(path.suffix.lower())
    if pairs is None:
        raise ValueError(
            f"captions in {path} are not understood: use .json, .jsonl, .csv or a folder of .txt"
        )
    return _read(path, lambda text: _collected(pairs(text)))


def caption_files(path: Path) -> Iterator[tuple[str, Path]]:
    """The one file of captions; of a folder every .txt file, by its path inside the folder without suffix."""
    if not path.is_dir():
        yield path.name, path
        return
    for file in sorted(walk(path).files):
        if file.suffix.lower() == ".txt":
            yield file.relative_to(path).with_suffix("").as_posix(), file


def captions_identity(path: Path) -> str:
    """A hash of a captions file, or of every text file of a folder of them by its place in the folder."""
    digest = hashlib.sha256()
    for name, file in caption_files(path):
        if not file.is_file():
            raise ValueError(f"no captions at {path}: {_FORMATS}")
        digest.update(os.fsencode(f"{name} {sha256_of(file)}\n"))
    return digest.hexdigest()[:16]


def match_captions(files: Iterable[str], captions: Captions) -> dict[str, list[str] | str]:
    """For each file, by its path relative to the source, its captions, or in a word why it has none.

    A file gets the captions given under its own path, with or without suffix. Where there are none, what is given
    under the same name elsewhere serves, the one that shares most folders at its end; but only when no other
    captions fit as well, and no other file would be served by the same ones.
    """
    by_path: dict[str, str] = {}
    by_name: dict[str, list[str]] = defaultdict(list)
    for key in captions:
        normal = _normal(key)
        by_path.setdefault(normal, key)
        by_name[PurePosixPath(normal).name].append(key)
    chosen: dict[str, str] = {}
    reasons: dict[str, list[str] | str] = {}
    borrowers: dict[str, list[str]] = defaultdict(list)
    for file in files:
        own = [by_path[name] for name in (_normal(file), _without_suffix(file)) if name in by_path]
        if own:
            chosen[file] = own[0]
            continue
        alike = [key for name in _names(file) for key in by_name.get(name, ())]
        closeness = {key: _shared_end(file, key) for key in alike}
        nearest = [key for key in alike if closeness[key] == max(closeness.values())]
        if len(nearest) == 1:
            borrowers[nearest[0]].append(file)
        else:
            reasons[file] = (
                f"ambiguous captions: {', '.join(nearest[:3])} fit alike" if nearest else "no caption"
            )
    for key, several in borrowers.items():
        closest = max(_shared_end(file, key) for file in several)
        nearest = [file for file in several if _shared_end(file, key) == closest]
        taken = key in chosen.values()
        for file in several:
            if file in nearest and len(nearest) == 1 and not taken:
                chosen[file] = key
            elif taken or file not in nearest:
                reasons[file] = "no caption"
            else:
                reasons[file] = f"ambiguous captions: {key} fits {' and '.join(nearest[:3])} alike"
    for file, key in chosen.items():
        reasons[file] = captions[key] or "no caption"
    return reasons


_SPLIT = re.compile(r"(train|training|val|valid|validation|test|testing|dev|eval|held[-_]?out)[-_]?\d*", re.I)


def class_folders(files: Iterable[str], held_out_folder: str | None) -> dict[str, str | None]:
    """For each file, by its path relative to the source, the folder that is its class: the first below its split.

    The held-out folder is a split and no class. So are folders such as train and val2014 where nothing else lies
    beside them, also below folders that hold all the data (`images/train/cat/1.png`): among other folders, `train`
    may well be a class of vehicles.
    """
    held = PurePosixPath(held_out_folder).parts if held_out_folder else ()
    folders = {file: PurePosixPath(file).parts[:-1] for file in files}
    held_out = {file for file, parts in folders.items() if held and parts[: len(held)] == held}
    above = _above_classes([parts for file, parts in folders.items() if file not in held_out])
    below = {
        file: parts[len(held) :] if file in held_out else parts[above:] for file, parts in folders.items()
    }
    return {file: parts[0] if parts else None for file, parts in below.items()}


def _above_classes(folders: Iterable[tuple[str, ...]]) -> int:
    """How many folders from the source on lie above the classes: those of a split and all that it lies in."""
    level, paths = 0, [parts for parts in folders if parts]
    while paths:
        if all(_SPLIT.fullmatch(parts[level]) for parts in paths):
            return level + 1 if level == 0 or any(len(parts) > level + 1 for parts in paths) else 0
        if len({parts[level] for parts in paths}) > 1:
            return 0
        level += 1
        paths = [parts for parts in paths if len(parts) > level]
    return 0


def _normal(path: str) -> str:
    """A path as the files of the source are named: slashes, no ./ before, accents composed as on Linux and Windows."""
    path = unicodedata.normalize("NFC", path.replace("\\", "/"))
    return "/".join(part for part in path.split("/") if part not in ("", "."))


def _without_suffix(file: str) -> str:
    return _normal(PurePosixPath(file).with_suffix("").as_posix())


def _names(file: str) -> tuple[str, str]:
    """Under which names a file's captions may be given: its own, and without suffix."""
    path = PurePosixPath(_normal(file))
    return path.name, path.stem


def _shared_end(file: str, key: str) -> int:
    """How many folders at their end two paths share."""
    one, other = (PurePosixPath(_normal(path)).parts[-2::-1] for path in (file, key))
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _read(path: Path, parse: Callable[[str], T]) -> T:
    try:
        return parse(decoded(path.read_bytes()))
    except ValueError as error:
        raise ValueError(f"captions in {path} are damaged: {error}") from error


def _collected(pairs: Iterable[tuple[object, object]]) -> Captions:
    captions: Captions = defaultdict(list)
    for file, value in pairs:
        if not isinstance(file, str) or not file:
            raise ValueError(f"{file!r} is no name of a file")
        try:
            captions[_normal(file)] += checked(value)
        except ValueError as error:
            raise ValueError(f"{file!r}: {error}") from error
    return dict(captions)


def _json_pairs(text: str) -> Iterator[tuple[object, object]]:
    data = json_of(text)
    if not isinstance(data, dict):
        raise ValueError("it holds no object of files and captions")
    if "annotations" not in data or "images" not in data:
        yield from data.items()
        return
    names = {_field(image, "id"): _field(image, "file_name") for image in _rows(data, "images")}  # MS-COCO
    for row in _rows(data, "annotations"):
        image = _field(row, "image_id")
        if image not in names:
            raise ValueError(f"an annotation is of image {image!r}, which is not among the images")
        yield names[image], _field(row, "caption")


def _rows(data: dict[str, object], key: str) -> list[object]:
    rows = data[key]
    if not isinstance(rows, list):
        raise ValueError(f"its {key!r} is no list")
    return rows


def _field(row: object, key: str) -> Hashable:
    if not isinstance(row, dict):
        raise ValueError("a row is no object")
    if key not in row:
        raise ValueError(f"it lacks {key!r}")
    value: Hashable = row[key]
    if key in ("id", "image_id") and not isinstance(value, int | str):
        raise ValueError(f"{key!r} is neither a number nor text")
    return value


def _jsonl_pairs(text: str) -> Iterator[tuple[object, object]]:
    for line in lines_of(text):
        row = json_of(line)
        yield _field(row, "file_name"), _field(row, "text")


def _csv_pairs(text: str) -> Iterator[tuple[object, object]]:
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""))):
            if row and len(row) != 2:
                raise ValueError("every row must be file,caption")
            if row and (number, *row) != (0, "file", "caption"):
                yield row[0], row[1]
    except csv.Error as error:
        raise ValueError(str(error)) from error


_PAIRS = {".json": _json_pairs, ".jsonl": _jsonl_pairs, ".csv": _csv_pairs}
