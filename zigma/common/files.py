"""Files that others may be reading: whole or not there, and never trusted to be what they should be."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path`, to be written in the body, that takes its place in one step at the end.

    After an error `path` is as it was and nothing is left beside it.
    """
    beside = unfinished(path)
    try:
        yield beside
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def text_of_name(name: str | os.PathLike[str], errors: str = "strict") -> str:
    """The name of a file as text: the UTF-8 that its bytes are, whatever encoding the locale gives to names.

    Raises UnicodeDecodeError for a name that is not UTF-8, unless `errors`, as bytes.decode takes it, says otherwise.
    Such text is for messages and for files; to open it, `path_of_name` gives the path.
    """
    return os.fsencode(name).decode("utf-8", errors)


def path_of_name(text: str) -> str:
    """The path whose `text_of_name` this is."""
    return os.fsdecode(text.encode("utf-8"))


def unfinished(path: Path) -> Path:
    """A new name beside `path` for what is to become it.

    It ends as the path's does, for writers that choose a format by it, and begins with a dot, so that no listing takes
    it for a finished file.
    """
    return path.with_name(f".{path.stem}.{secrets.token_hex(4)}.tmp{path.suffix}")


def is_partial(path: Path) -> bool:
    """Whether a file has such a name: its writer is at work, or was killed."""
    return path.name.startswith(".") and ".tmp" in path.suffixes


def check_writable(folder: Path) -> None:
    """Make a folder where it is not there; OSError where nothing can be written into it, before long work finds out."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def clock_of_files(folder: Path) -> float:
    """What the file system takes for now: the clocks of two machines are never compared."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def replace_text(path: Path, text: str) -> None:
    """Write a text, UTF-8 and its line ends as given whatever the locale and the system, in one step."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="")


def replace_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON in one step."""
    replace_text(path, json.dumps(data))


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write a safetensors file in one step, for others to read too."""
    from safetensors.torch import save_file  # here: it loads torch

    with replacing(path) as beside:
        save_file(dict(tensors), beside, metadata=None if metadata is None else dict(metadata))
        beside.chmod(0o644)  # safetensors lets nobody else read what it writes


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object, or an empty one where there is none that can be read."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def sha256_of(path: str | os.PathLike[str]) -> str:
    """The sha256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
