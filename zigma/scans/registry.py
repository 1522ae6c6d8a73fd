"""The curves by name: built in, registered by a user's file, or brought by an installed package."""

from __future__ import annotations

import difflib
import inspect
import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Literal, TypeVar

import numpy as np

from zigma.scans.checks import check_continuous, order_of
from zigma.scans.order import Grid, IntArray, ScanOrder, as_grid
from zigma.scans.symmetry import CORNERS, Symmetry

Function = TypeVar("Function", bound=Callable[..., Any])
_curves: dict[str, Curve] = {}
_entry_points_read = False


@dataclass(frozen=True)
class Curve:
    """A rule that gives an order for any grid, and what it claims of itself."""

    name: str
    rule: Callable[..., Any]
    sides: int  # positional arguments of the rule: 1 the grid as a tuple, 2 height and width, 3 frames too
    options: tuple[str, ...]
    dimensions: tuple[int, ...]
    returns: Literal["order", "rank"]
    continuous: bool | Callable[[Grid], bool]
    diagonal_steps: float
    variants: float  # how many there are
    symmetries: Sequence[Symmetry]

    def order(self, grid: Grid, variant: int, options: dict[str, Any]) -> IntArray:
        """The order of one variant, int64 (L,), with this curve's claims checked."""
        self._check(grid, variant, options)
        if "variant" in inspect.signature(self.rule).parameters:
            return self._draw(grid, {**options, "variant": variant})
        symmetry = self.symmetries[variant]
        return symmetry.apply(self._draw(symmetry.source_grid(grid), options), grid)

    def _draw(self, grid: Grid, options: dict[str, Any]) -> IntArray:
        drawn = self.rule(grid, **options) if self.sides == 1 else self.rule(*grid, **options)
        if isinstance(drawn, Iterator):
            drawn = list(drawn)
        try:
            order = order_of(np.asarray(drawn), grid, self.returns)
            if self.continuous(grid) if callable(self.continuous) else self.continuous:
                check_continuous(order, grid, self.diagonal_steps)
        except ValueError as error:
            raise ValueError(f"scan {self.name!r}: {error}") from error
        return order

    def _check(self, grid: Grid, variant: int, options: Iterable[str]) -> None:
        if len(grid) not in self.dimensions:
            kind = {2: "(H, W)", 3: "(T, H, W)"}
            others = [name for name, curve in _curves.items() if len(grid) in curve.dimensions]
            raise ValueError(
                f"scan {self.name!r} takes {' or '.join(kind[d] for d in self.dimensions)}, not {grid}; "
                f"{kind[len(grid)]} grids: {', '.join(sorted(others))}"
            )
        if not isinstance(variant, (int, np.integer)) or not 0 <= variant < self.variants:
            last = "" if math.isinf(self.variants) else f"..{int(self.variants) - 1}"
            raise ValueError(f"scan {self.name!r} has variants 0{last}, not {variant!r}")
        for option in options:
            if option not in self.options:
                known = f"its options are {', '.join(self.options)}" if self.options else "it has none"
                raise ValueError(f"scan {self.name!r} has no option {option!r}: {known}")


def register_scan(
    name: str,
    *,
    dimensions: Sequence[int] | None = None,
    returns: Literal["order", "rank"] = "order",
    continuous: bool | Callable[[Grid], bool] = False,
    diagonal_steps: float = 0,
    variants: float = 8,
    symmetries: Sequence[Symmetry] = CORNERS,
) -> Callable[[Function], Function]:
    """Make a function a curve that every command and model knows as `name`.

    The function takes `(height, width)`, or `(frames, height, width)`, or the grid as one tuple (then say
    which `dimensions` it can do, default `(2,)`). It gives the cells in the order of the walk, as (row,
    column) or as row-major indices; or, with `returns="rank"`, the step at which each cell is visited.
    Parameters with a default are options of the curve. A parameter named `variant` is given the variant;
    without it the variants are the eight `symmetries` of what the function draws.

    `continuous=True` claims that each step goes to a neighbour, with up to `diagonal_steps` diagonal ones; a
    function of the grid says where the claim is made. The claim is checked whenever an order is made, and is
    what tells a rank mistaken for an order.
    """
    if not name or any(sign in name for sign in " +:,="):
        raise ValueError(f"a scan's name has no space and none of + : , = in it, unlike {name!r}")
    if returns not in ("order", "rank"):
        raise ValueError(f"returns is 'order' or 'rank', not {returns!r}")
    if name in _curves and _curves[name].rule.__module__.startswith("zigma.scans."):
        raise ValueError(f"scan {name!r} is built in; give yours another name")

    def register(rule: Function) -> Function:
        parameters = inspect.signature(rule).parameters.values()
        whole_grid = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        sides = (
            0 if whole_grid else sum(p.default is p.empty and p.kind is not p.VAR_KEYWORD for p in parameters)
        )
        if not whole_grid and sides not in (1, 2, 3):
            raise ValueError(f"scan {name!r} must take (height, width), (frames, height, width) or (grid)")
        options = tuple(p.name for p in parameters if p.default is not p.empty and p.name != "variant")
        inferred = (sides,) if sides in (2, 3) else (2,)
        _curves[name] = Curve(
            name,
            rule,
            sides,
            options,
            tuple(dimensions or inferred),
            returns,
            continuous,
            diagonal_steps,
            variants,
            symmetries,
        )
        return rule

    return register


def scan_names() -> list[str]:
    """Every known curve, sorted, those of installed packages included."""
    _read_entry_points()
    return sorted(_curves)


def find_curve(name: str) -> Curve:
    """The curve of that name; ValueError with the known names and the nearest one otherwise."""
    if name not in _curves:
        _read_entry_points()
    if name not in _curves:
        raise ValueError(unknown("scan", str(name), scan_names()))
    return _curves[name]


def make_scan(name: str, grid: Iterable[int], variant: int = 0, **options: Any) -> ScanOrder:
    """One order of a curve with its name, grid and inverse; arguments and errors as `scan_order`."""
    sides = as_grid(grid)
    return ScanOrder(find_curve(name).order(sides, variant, options), sides, name, int(variant))


def scan_order(name: str, grid: Iterable[int], variant: int = 0, **options: Any) -> IntArray:
    """The order of a curve on a grid (H, W) or (T, H, W), int64 (L,): the row-major index at each step.

    Raises ValueError for an unknown name, variant or option, a grid the curve does not take, and a curve that
    is not what it claims to be.
    """
    return make_scan(name, grid, variant, **options).order.copy()


def registered_by(module: str) -> dict[str, Callable[..., Any]]:
    """The curves that a module registered, and their functions."""
    return {name: curve.rule for name, curve in _curves.items() if curve.rule.__module__ == module}


def unknown(kind: str, word: str, known: Iterable[str]) -> str:
    """One line: the word is not known, which one is nearest, and all that are."""
    known = list(known)
    nearest = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    guess = f", did you mean {nearest[0]!r}?" if nearest else "."
    return f"unknown {kind} {word!r}{guess} Known: {', '.join(known)}"


def _read_entry_points() -> None:
    global _entry_points_read
    if _entry_points_read:
        return
    _entry_points_read = True
    for entry in entry_points(group="zigma.scans"):
        try:
            rule = entry.load()
            if entry.name not in _curves:  # else its own decorator has registered it
                register_scan(entry.name)(rule)
        except Exception as error:  # a broken package must not take the built-in curves with it
            warnings.warn(f"scan {entry.name!r} of {entry.value} was not loaded: {error!r}", stacklevel=3)
