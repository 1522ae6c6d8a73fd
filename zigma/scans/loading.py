"""Curves and orders from a user's files: `my_curves.py:spiral` and `orders.npy`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from zigma.common.plugged import is_file, run_file
from zigma.common.words import one_line, unknown
from zigma.scans.given import GivenOrders
from zigma.scans.registry import SEPARATORS, Curve, collecting, curve_of, forget, publish, taken

_files: dict[Path, FileCurves] = {}


@dataclass(frozen=True)
class FileCurves:
    """What a Python file offers: the curves that it registers, and its functions, each a curve by its own name."""

    path: Path
    source: bytes
    registered: Mapping[str, Curve]
    functions: Mapping[str, Curve | None]  # None: a function that cannot be a curve

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys([*self.registered, *self.functions]))

    def curve(self, name: str) -> Curve:
        """The curve of that name; ValueError with the names that the file has where it is none of them."""
        if name in self.registered:
            return self.registered[name]
        if name not in self.functions:
            raise unknown(f"curve of {self.path.name}", name, self.names)
        curve = self.functions[name]
        if curve is None:
            raise ValueError(
                f"{self.path.name}:{name} must take (height, width), (frames, height, width) or (grid), "
                "and options need a default"
            )
        publish([curve])
        return curve


def load_scan(spec: str) -> str:
    """Register the curve of a file, given as `FILE.py:NAME`, and return the name it has from then on.

    NAME is what `@register_scan` was given in the file, or the name of an undecorated function of it; where that is
    the name of a built-in curve too, the file's is put before it: `my_curves.spiral`. Raises ValueError for a file
    that does not exist or does not run, and for a name it does not have.
    """
    return load_curve(spec).name


def load_curve(spec: str) -> Curve:
    """The same as a curve."""
    file, _, name = spec.rpartition(":")
    if not file or not name:
        raise ValueError(f"a curve of a file is written FILE.py:NAME, unlike {spec!r}")
    return read_curves(Path(file)).curve(name)


def read_curves(path: Path) -> FileCurves:
    """The curves of a Python file as it is now: it is run again only where its text has changed."""
    path = path.expanduser().absolute()
    if not is_file(path):
        raise ValueError(f"no file {path}")
    source = path.read_bytes()
    if path not in _files or _files[path].source != source:
        registered: dict[str, Curve] = {}
        with collecting(registered):
            module = run_file(path, source)
        _files[path] = _curves_of(path, source, module, registered)
        forget(path)
        publish(_files[path].registered.values())
    return _files[path]


def read_orders(path: Path) -> GivenOrders:
    """The orders of a `.npy` file: whole numbers of shape (L,), or (k, L) for k orders."""
    path = path.expanduser().absolute()
    try:
        table = np.load(path, allow_pickle=False)
    except Exception as error:  # a file from elsewhere may fail in any way
        reason = one_line(error)
        if "pickle" in reason:  # NumPy would have one load it unsafely
            reason = "it holds Python objects, or no array; save whole numbers by np.save"
        raise ValueError(f"{path.name} cannot be read as an array: {reason}") from error
    if not isinstance(table, np.ndarray):
        raise ValueError(f"{path.name} holds several arrays; save one, with np.save")
    return GivenOrders.of(table, _speakable(path.name), path)


def _curves_of(path: Path, source: bytes, module: ModuleType, registered: Mapping[str, Curve]) -> FileCurves:
    def shown(name: str) -> str:
        return f"{_speakable(path.stem)}.{name}" if taken(name) else name

    by_decorator = {name: replace(curve, name=shown(name), file=path) for name, curve in registered.items()}
    rules = {curve.rule: curve for curve in by_decorator.values()}
    functions: dict[str, Curve | None] = {}
    for name, function in vars(module).items():
        if inspect.isfunction(function) and function.__module__ == module.__name__:
            try:
                functions[name] = rules.get(function) or curve_of(shown(name), function, file=path)
            except ValueError:
                functions[name] = None  # a helper of the curves
    return FileCurves(path, source, by_decorator, functions)


def _speakable(stem: str) -> str:
    """A file's name without what means something in a plan."""
    return re.sub(f"[{re.escape(SEPARATORS)}]", "_", stem)
