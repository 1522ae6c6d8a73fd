"""Curves from a user's file: `my_curves.py:spiral`."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from zigma.scans.registry import register_scan, registered_by, scan_names, unknown


def load_scan(spec: str) -> str:
    """Register the curve of a file, given as `FILE.py:NAME`, and return the name it has from then on.

    NAME is what `@register_scan` was given in the file, or the name of an undecorated function of it; where that is
    a known curve's name too, the file's is put before it: `my_curves.spiral`. Raises
    ValueError for a file that is not there or does not run, and for a name it does not have.
    """
    file, _, name = spec.rpartition(":")
    if not file or not name:
        raise ValueError(f"a curve of a file is written FILE.py:NAME, unlike {spec!r}")
    path = Path(file).expanduser().resolve()
    module = _run(path)
    # a function that an earlier reading of the file registered is not the one the file has now
    names = {
        known: rule for known, rule in registered_by(module.__name__).items() if rule in vars(module).values()
    }
    if name in names:
        return name
    rule = getattr(module, name, None)
    for registered, its_rule in names.items():
        if rule is its_rule:  # named by its function instead of the name it was registered under
            return registered
    functions = [
        word
        for word, its in vars(module).items()
        if inspect.isfunction(its) and its.__module__ == module.__name__
    ]
    if name not in functions:
        raise ValueError(unknown(f"curve of {path.name}", name, [*names, *functions]))
    known_as = (
        f"{path.stem}.{name}" if name in scan_names() and name not in registered_by(module.__name__) else name
    )
    register_scan(known_as)(getattr(module, name))
    return known_as


def _run(path: Path) -> ModuleType:
    """The file as a module; its name is made from its path, so that two files of one name do not collide."""
    if not path.is_file():
        raise ValueError(f"no file {path}")
    name = f"scan_file_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    located = importlib.util.spec_from_file_location(name, path)
    if located is None or located.loader is None:
        raise ValueError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(located)
    sys.modules[name] = module
    try:
        located.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"{path.name} does not run: {type(error).__name__}: {error}") from error
    return module
