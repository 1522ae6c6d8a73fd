"""The names of the data sets, known without importing torch."""

from __future__ import annotations

import difflib

_NAMES = ("digits",)


def data_names() -> tuple[str, ...]:
    """Every name that `DataConfig.name` accepts."""
    return _NAMES


def check_name(name: str) -> None:
    """Raise ValueError, naming the nearest known data set, when there is none of this name."""
    if name in _NAMES:
        return
    near = difflib.get_close_matches(str(name), _NAMES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"no data set {name!r}: {hint}known are {', '.join(_NAMES)}")
