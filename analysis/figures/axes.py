"""Ticks that a reader can read: round numbers, written out, on linear and logarithmic axes."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

APART = 2.0  # ratio of two labelled sizes
ROUND = (1.0, 2.0, 5.0)
FINE = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)
FEW = 4.0  # ratio of the ends of an axis below which ticks are fine
FEW_DECADES = 40.0  # ratio of the ends of an axis above which powers of ten are ticks enough


def plain(value: float, _: object = None) -> str:
    """A number as a person writes it: `0.05`, `12`, `4,096`."""
    return f"{value:,.10g}"


def round_log(axis: Axis) -> None:
    """A logarithmic axis with ticks at 1, 2 and 5 times powers of ten, written out; at more where these are too few."""
    low, high = axis.get_view_interval()
    subs = FINE if high < FEW * low else ROUND if high < FEW_DECADES * low else (1.0,)
    axis.set_major_locator(LogLocator(subs=subs, numticks=12))
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_formatter(NullFormatter())


def round_linear(axis: Axis, most: int = 5) -> None:
    """A linear axis with few ticks, in steps of 1, 2 or 5."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(plain))


def at_sizes(axis: Axis, sizes: Iterable[int], apart: float = APART) -> None:
    """A tick at each size, labels where they have room: the last, and from it downwards."""
    rising = sorted(sizes)
    labelled: list[int] = []
    for size in reversed(rising):
        if not labelled or labelled[-1] / size >= apart:
            labelled.append(size)
    axis.set_major_locator(FixedLocator(labelled[::-1]))
    axis.set_major_formatter(FuncFormatter(plain))
    axis.set_minor_locator(FixedLocator(rising) if len(labelled) < len(rising) else NullLocator())
    axis.set_minor_formatter(NullFormatter())
