"""What is known about the files of a folder besides their pixels: captions, and which folders are classes."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from zigma.common.files import sha256_of, text_of_name
from zigma.data.captions import checked, decoded, json_of, lines_of
from zigma.data.folders.matching import Captions, normal
from zigma.data.folders.walk import walk

T = TypeVar("T")
_FORMATS = "give a .json, .jsonl or .csv file, or a folder of .txt files"


def read_captions_file(path: Path) -> Captions:
    """Captions from one file or from a folder of text files.

    .json   {"file": "caption"} or {"file": [captions]}, or MS-COCO's "images" and "annotations"
    .jsonl  one object per line with "file_name" and "text" (a caption or a list)
    .csv    rows of file, caption (a header `file,caption` or `file_name,text` is allowed)
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
        yield text_of_name(path.name, "surrogateescape"), path
        return
    for file in sorted(walk(path).files):
        if file.suffix.lower() == ".txt":
            yield text_of_name(file.relative_to(path).with_suffix("").as_posix()), file


def captions_identity(path: Path) -> str:
    """A hash of a captions file, or of every text file of a folder of them by its place in the folder."""
    digest = hashlib.sha256()
    for name, file in caption_files(path):
        if not file.is_file():
            raise ValueError(f"no captions at {path}: {_FORMATS}")
        digest.update(f"{name} {sha256_of(file)}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


_SPLIT = re.compile(r"(train|training|val|valid|validation|test|testing|dev|eval|held[-_]?out)[-_]?\d*", re.I)


def split_folders(files: Iterable[str]) -> list[str]:
    """The folders that are splits of the data (`train`, `images/val2014`), sorted; none if files lie elsewhere."""
    folders = [PurePosixPath(file).parts[:-1] for file in files]
    above = _above_classes(folders)
    if above == 0 or any(len(parts) < above for parts in folders):
        return []
    return sorted({"/".join(parts[:above]) for parts in folders})


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
            captions[normal(file)] += checked(value)
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
    """The columns that a first line names, of as many as there are; without one, two."""
    try:  # strictly: a quote that is never closed would take in all rows after it
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise ValueError(str(error)) from error
    head = rows[0] if rows else []
    named = [next((head.index(name) for name in names if name in head), None) for names in _COLUMNS]
    file, caption = named
    if file is None or caption is None:
        file, caption, head = 0, 1, ["", ""]
    else:
        rows = rows[1:]
    for row in rows:
        if len(row) != len(head):
            raise ValueError(
                "every row must be file,caption, or have the columns of a first line that names them"
            )
        yield row[file], row[caption]


_COLUMNS = (("file_name", "file"), ("text", "caption"))
_PAIRS = {".json": _json_pairs, ".jsonl": _jsonl_pairs, ".csv": _csv_pairs}
