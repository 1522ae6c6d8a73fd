"""What is known about the files of a folder besides their pixels: captions and classes."""

from __future__ import annotations

import csv
import hashlib
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from zigma.common.files import sha256_of

Captions = dict[str, list[str]]  # path relative to the source, its name, or its stem -> captions


def read_captions_file(path: Path) -> Captions:
    """Captions from one file or from a folder of text files.

    .json   {"file": "caption"} or {"file": [captions]}, or MS-COCO's "images" and "annotations"
    .jsonl  one object per line with "file_name" and "text" (a caption or a list)
    .csv    rows of file, caption (a header `file,caption` is allowed)
    folder  STEM.txt for every picture STEM, one caption per line (MultiModal-CelebA)

    Raises ValueError for anything else.
    """
    if path.is_dir():
        return {file.stem: _lines(file) for file in sorted(path.rglob("*.txt"))}
    if not path.is_file():
        raise ValueError(
            f"no captions at {path}: give a .json, .jsonl or .csv file, or a folder of .txt files"
        )
    try:
        pairs = _PAIRS[path.suffix.lower()](path)
    except KeyError as error:
        raise ValueError(f"captions in {path} are not understood: {_reason(path, error)}") from error
    except ValueError as error:
        raise ValueError(f"captions in {path} are damaged: {error}") from error
    captions: Captions = defaultdict(list)
    for file, found in pairs:
        captions[str(file)] += [found] if isinstance(found, str) else [str(caption) for caption in found]
    return dict(captions)


def captions_identity(path: Path) -> str:
    """A hash of a captions file, or of every text file of a folder of them."""
    files = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        if not file.is_file():
            raise ValueError(
                f"no captions at {path}: give a .json, .jsonl or .csv file, or a folder of .txt files"
            )
        digest.update(f"{file.name} {sha256_of(file)}\n".encode())
    return digest.hexdigest()[:16]


def captions_of(file: str, captions: Captions) -> list[str] | None:
    """The captions of a file given by its path relative to the source: by path, by name, or by stem."""
    path = Path(file)
    for key in (file, path.name, path.stem):
        if captions.get(key):
            return captions[key]
    return None


def _lines(file: Path) -> list[str]:
    return [line.strip() for line in file.read_text().splitlines() if line.strip()]


def _json_pairs(path: Path) -> list[tuple[str, Any]]:
    found = json.loads(path.read_text())
    if "annotations" in found and "images" in found:  # MS-COCO
        names = {image["id"]: image["file_name"] for image in found["images"]}
        return [(names[row["image_id"]], row["caption"].strip()) for row in found["annotations"]]
    return list(found.items())


def _jsonl_pairs(path: Path) -> list[tuple[str, Any]]:
    rows = [json.loads(line) for line in _lines(path)]
    return [(row["file_name"], row["text"]) for row in rows]


def _csv_pairs(path: Path) -> list[tuple[str, Any]]:
    with path.open(newline="") as stream:
        rows = [row for row in csv.reader(stream) if row]
    if any(len(row) != 2 for row in rows):
        raise ValueError("every row must be file,caption")
    return [(file, caption) for file, caption in rows if (file, caption) != ("file", "caption")]


def _reason(path: Path, error: KeyError) -> str:
    return (
        f"it lacks {error}"
        if path.suffix.lower() in _PAIRS
        else "use .json, .jsonl, .csv or a folder of .txt"
    )


_PAIRS = {".json": _json_pairs, ".jsonl": _jsonl_pairs, ".csv": _csv_pairs}
