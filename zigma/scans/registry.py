"""The curves by name: built in, registered by a user's file, or brought by an installed package."""

from __future__ import annotations

import inspect
import math
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from zigma.common.numbers import is_whole
from zigma.common.plugged import SCANS, leave_out, named
from zigma.common.words import WordError, unknown
from zigma.scans.checks import check_continuous, order_of
from zigma.scans.order import MIXINGS, Grid, IntArray, ScanOrder, as_grid, refuse_masked
from zigma.scans.symmetry import CORNERS, Symmetry, along_axes, check_axes, permuted

Function = TypeVar("Function", bound=Callable[..., Any])
AXES = "axes"  # an option of every curve: which axis varies slowest, ..., fastest
BUILT_IN = "zigma.scans."
SEPARATORS = " +:,=@()/\\"  # of plans and of paths: in no curve's name
_curves: dict[str, Curve] = {}
_of_file: list[dict[str, Curve]] = []  # where curves go while a user's file is read
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
    variants: float  # how many it has, infinite where each is a draw
    symmetries: tuple[Symmetry, ...]
    file: Path | None = None  # of a user's curve

    def kept(self, options: Mapping[str, Any]) -> bool:
        """Whether its orders are draws, which another NumPy may draw otherwise: see `ScanOrder.kept`.

        So are those of a curve that is told to follow one that draws, as windows by `outer="random"`.
        """
        followed = (
            _curves.get(value, value) if isinstance(value, str) else value for value in options.values()
        )
        curves = (self, *(value for value in followed if isinstance(value, Curve)))
        return any(math.isinf(curve.variants) for curve in curves)

    @property
    def built_in(self) -> bool:
        return self.rule.__module__.startswith(BUILT_IN)

    def order(self, grid: Grid, variant: int = 0, options: dict[str, Any] | None = None) -> IntArray:
        """The order of one variant, int64 (L,), with this curve's claims checked."""
        options = dict(options or {})
        self._check_grid(grid)
        self.check(variant, options)
        axes = None if AXES in self.options else options.pop(AXES, None)
        if axes is not None:
            return along_axes(self._variant(permuted(grid, axes), variant, options), grid, axes)
        return self._variant(grid, variant, options)

    def check(self, variant: int, options: Mapping[str, Any]) -> None:
        """ValueError for a variant or an option that this curve does not have, whatever the grid."""
        if not is_whole(variant) or not 0 <= variant < self.variants:
            last = "" if math.isinf(self.variants) else f"..{int(self.variants) - 1}"
            raise ValueError(f"scan {self.name!r} has variants 0{last}, not {variant!r}")
        for option in options:
            if option == "variant":
                raise ValueError(f"variants of scan {self.name!r} are chosen by @, as in {self.name}@0,1")
            if option not in (*self.options, AXES):
                raise ValueError(
                    f"scan {self.name!r} has no option {option!r}; it has: {', '.join((*self.options, AXES))}"
                )
        if AXES in options and AXES not in self.options:
            check_axes(options[AXES], self.dimensions)

    def _check_grid(self, grid: Grid) -> None:
        if len(grid) not in self.dimensions:
            kind = {2: "(H, W)", 3: "(T, H, W)"}
            others = [name for name, curve in _curves.items() if len(grid) in curve.dimensions]
            raise ValueError(
                f"scan {self.name!r} takes {' or '.join(kind[d] for d in self.dimensions)}, not {grid}; "
                f"{kind[len(grid)]} grids: {', '.join(sorted(others))}"
            )

    def _variant(self, grid: Grid, variant: int, options: dict[str, Any]) -> IntArray:
        if "variant" in inspect.signature(self.rule).parameters:
            return self._draw(grid, {**options, "variant": variant})
        symmetry = self.symmetries[variant]
        return symmetry.apply(self._draw(symmetry.source_grid(grid), options), grid)

    def _draw(self, grid: Grid, options: dict[str, Any]) -> IntArray:
        if self.built_in:
            return self._checked(self._call(grid, options), grid)
        given = tuple(options.items())
        remembered = not any(isinstance(value, (list, dict, set, np.ndarray)) for value in options.values())
        return _remembered(self, grid, given) if remembered else _drawn(self, grid, given)

    def _call(self, grid: Grid, options: dict[str, Any]) -> Any:
        """What the rule returns; whatever goes wrong in it is one ValueError."""
        try:
            drawn = self.rule(grid, **options) if self.sides == 1 else self.rule(*grid, **options)
            if isinstance(drawn, Iterator):  # perhaps one without end: more cells than there are say enough
                drawn = list(islice(drawn, math.prod(grid) + 1))
            refuse_masked(drawn, "an order")
            return np.array(drawn)  # a copy: it may write into its own again
        except (Exception, SystemExit) as error:  # a rule may be anybody's
            if self.built_in and isinstance(error, ValueError):
                raise  # a wrong option, in words of its own
            words = ", ".join(f"{name}={value}" for name, value in options.items())
            raise ValueError(
                f"scan {self.name!r} fails on the grid {grid}{words and f' with {words}'}"
                f"{_place(error, self.rule)}: {named(error)}"
            ) from error

    def _checked(self, drawn: Any, grid: Grid) -> IntArray:
        try:
            order = order_of(drawn, grid, self.returns)
            if self.continuous(grid) if callable(self.continuous) else self.continuous:
                check_continuous(order, grid, self.diagonal_steps)
        except ValueError as error:
            raise ValueError(f"scan {self.name!r}: {error}") from error
        return order


def _drawn(curve: Curve, grid: Grid, options: tuple[tuple[str, Any], ...]) -> IntArray:
    """What a user's curve draws, made twice: it must be the same."""
    first, again = (curve._checked(curve._call(grid, dict(options)), grid) for _ in range(2))
    if not np.array_equal(first, again):
        raise ValueError(
            f"scan {curve.name!r} gives another order the second time: a curve must always give the same "
            "one (draw random numbers from np.random.default_rng(seed), made anew in the function)"
        )
    first.flags.writeable = False
    return first


# eight variants are symmetries of one draw, and a curve of anybody's may be slow
_remembered = lru_cache(maxsize=16)(_drawn)


def _place(error: BaseException, rule: Callable[..., Any]) -> str:
    """` at my_curves.py:12`: the last line of the rule's own file that was under way."""
    file = inspect.unwrap(rule).__code__.co_filename if hasattr(inspect.unwrap(rule), "__code__") else None
    lines = [line for name, line, *_ in traceback.extract_tb(error.__traceback__) if name == file]
    return f" at {Path(file).name}:{lines[-1]}" if file and lines else ""


def register_scan(
    name: str,
    *,
    dimensions: Sequence[int] | int | None = None,
    returns: Literal["order", "rank"] = "order",
    continuous: bool | Callable[[Grid], bool] = False,
    diagonal_steps: float = 0,
    variants: float = 8,
    symmetries: Sequence[Symmetry] = CORNERS,
) -> Callable[[Function], Function]:
    """Make a function a curve that every command and model knows as `name`.

    The function takes `(height, width)`, or `(frames, height, width)`, or the grid as one tuple (then say
    which `dimensions` it can do, default `(2,)`). It gives the cells in the order of the walk, as (row,
    column) or as row-major indices; or, with `returns="rank"`, the step at which each cell is visited. It must
    give the same whenever it is called. Parameters with a default are options of the curve. A parameter named
    `variant` is given the variant; without it the variants are the eight `symmetries` of what the function draws.

    `continuous=True` claims that each step goes to a neighbour, with up to `diagonal_steps` diagonal ones; a
    function of the grid says where the claim is made. The claim is checked whenever an order is made, and is
    what tells a rank mistaken for an order.
    """
    if not isinstance(name, str) or not name or any(sign in name for sign in SEPARATORS):
        raise ValueError(f"a scan's name has no space and none of + : , = @ ( ) / \\ in it, unlike {name!r}")
    if returns not in ("order", "rank"):
        raise ValueError(f"returns is 'order' or 'rank', not {returns!r}")
    if name in _curves and _curves[name].built_in:
        raise ValueError(f"scan {name!r} is built in; give yours another name")
    if not _of_file and _is_a_plan(name):  # of a file it is written FILE.py:NAME
        raise ValueError(f"{name!r} is a plan already; give your scan another name")
    if not math.isinf(variants) and (variants != int(variants) or variants < 1):
        raise ValueError(f"variants of scan {name!r} is a whole number of at least 1, not {variants!r}")

    def register(rule: Function) -> Function:
        arguments = (returns, continuous, diagonal_steps, variants, tuple(symmetries))
        (_of_file[-1] if _of_file else _curves)[name] = curve_of(name, rule, dimensions, *arguments)
        return rule

    return register


def curve_of(
    name: str,
    rule: Callable[..., Any],
    dimensions: Sequence[int] | int | None = None,
    returns: Literal["order", "rank"] = "order",
    continuous: bool | Callable[[Grid], bool] = False,
    diagonal_steps: float = 0,
    variants: float = 8,
    symmetries: tuple[Symmetry, ...] = CORNERS,
    file: Path | None = None,
) -> Curve:
    """A function as a curve; ValueError for a function that takes no grid."""
    parameters = inspect.signature(rule).parameters.values()
    if lacking := [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]:
        raise ValueError(f"option {lacking[0]!r} of scan {name!r} must have a default")
    whole_grid = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    sides = sum(
        p.default is p.empty and p.kind is not p.VAR_KEYWORD and p.name != "variant" for p in parameters
    )
    sides = 0 if whole_grid else sides
    if not whole_grid and sides not in (1, 2, 3):
        raise ValueError(f"scan {name!r} must take (height, width), (frames, height, width) or (grid)")
    options = tuple(p.name for p in parameters if p.default is not p.empty and p.name != "variant")
    given = (dimensions,) if isinstance(dimensions, int) else dimensions
    does = tuple(given or ((sides,) if sides in (2, 3) else (2,)))
    if not set(does) <= {2, 3}:
        raise ValueError(f"dimensions of scan {name!r} are of 2 and 3, not {does}")
    if not any(p.name == "variant" for p in parameters):
        variants = min(variants, len(symmetries))
    return Curve(
        name, rule, sides, options, does, returns, continuous, diagonal_steps, variants, symmetries, file
    )


@contextmanager
def collecting(curves: dict[str, Curve]) -> Iterator[None]:
    """Inside it, curves that are registered go to `curves` and are known to nobody else."""
    _of_file.append(curves)
    try:
        yield
    finally:
        _of_file.pop()


def publish(curves: Iterable[Curve]) -> None:
    """Make curves of a user's file known by name."""
    _curves.update({curve.name: curve for curve in curves})


def forget(file: Path) -> None:
    """Forget the curves that a user's file had when it was read before."""
    for stale in [name for name, curve in _curves.items() if curve.file == file]:
        del _curves[stale]


def taken(name: str) -> bool:
    """Whether a curve that is of no user's file has this name."""
    _read_entry_points()
    return name in _curves and _curves[name].file is None


def built_in_names() -> list[str]:
    """The names of the curves of this package, sorted."""
    return sorted(name for name, curve in _curves.items() if curve.built_in)


def _is_a_plan(name: str) -> bool:
    """Whether `zigma.scans.reader` reads a name as a plan where no curve is called so, such as `zigzag-8`."""
    curve, _, count = name.rpartition("-")
    counts = curve in _curves and count.isdecimal()
    return counts or name == "bidirectional" or name.startswith(("video-", *(f"{each}-" for each in MIXINGS)))


def scan_names() -> list[str]:
    """The names of all curves, sorted, those of installed packages included."""
    _read_entry_points()
    return sorted(_curves)


def find_curve(name: str | Curve) -> Curve:
    """The curve of that name; ValueError with the nearest name and all others where it is none."""
    if isinstance(name, Curve):
        return name
    if not isinstance(name, str):
        raise ValueError(f"a scan is given by its name, not {name!r}; known: {', '.join(scan_names())}")
    if name not in _curves:
        _read_entry_points()
    if name not in _curves:
        raise unknown("scan", name, scan_names())
    return _curves[name]


def make_scan(name: str | Curve, grid: Iterable[int], variant: int = 0, **options: Any) -> ScanOrder:
    """One order of a curve with its name, grid and inverse; arguments and errors as `scan_order`."""
    curve, sides = find_curve(name), as_grid(grid)
    order = curve.order(sides, variant, options)
    return ScanOrder(order, sides, curve.name, int(variant), kept=curve.kept(options))


def scan_order(name: str | Curve, grid: Iterable[int], variant: int = 0, **options: Any) -> IntArray:
    """The order of a curve on a grid (H, W) or (T, H, W), int64 (L,): the row-major index at each step.

    Every curve has the option `axes`: its axes from the slowest to the fastest, by the letters t, h, w. `axes="wh"`
    draws it on the transposed grid, `axes="hwt"` walks through all frames of a place before the next place.

    Raises ValueError for an unknown name, variant or option, a grid the curve does not take, and a curve that
    is not what it claims to be.
    """
    return make_scan(name, grid, variant, **options).order.copy()


def _read_entry_points() -> None:
    global _entry_points_read
    if _entry_points_read:
        return
    _entry_points_read = True
    for name in SCANS.entries():
        try:
            if name in _curves and _curves[name].built_in:
                raise WordError(f"scan {name!r} of {SCANS.origin(name)} has the name of one of this package")
            rule = SCANS.load(name)
            if name not in _curves:  # else its own decorator has registered it
                register_scan(name)(rule)
        except ValueError as error:  # a broken package must not take the other curves with it
            leave_out(error if isinstance(error, WordError) else f"{error}, of {SCANS.origin(name)}")
