"""What saves time and decides nothing, in the user's cache: it may be absent, damaged or impossible to write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zigma.common.files import read_json, replace_json


def read_cached(name: str) -> dict[str, Any]:
    """The JSON object of that name; an empty one where there is none that can be read."""
    path = _place(name)
    return {} if path is None else read_json(path)


def keep_cached(name: str, data: Mapping[str, Any]) -> None:
    """Keep an object under a name, where that is possible."""
    path = _place(name)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_json(path, data)
    except OSError:  # a home that cannot be written, a full disk: it is made again next time
        return


def _place(name: str) -> Path | None:
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "zigma" / name
    except RuntimeError:  # nobody's home
        return None
