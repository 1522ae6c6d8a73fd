"""Which function gives each figure of `titles`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from analysis.figures import (
    bars,
    blocks,
    costs,
    exact,
    first_samples,
    levels,
    ranking,
    samples,
    scans,
    trends,
)
from analysis.figures.picture import Missing, Picture
from analysis.records import Records

DRAWINGS: dict[str, Callable[[], Picture]] = {
    "figure_1": scans.figure_1,
    "figure_2": blocks.figure_2,
    "figure_3": scans.figure_3,
    "figure_4": blocks.figure_4,
    "figure_5": scans.figure_5,
    "figure_9": scans.figure_9,
    "figure_10": scans.figure_10,
}
FROM_RECORDS = {
    "figure_6": costs.figure_6,
    "figure_7": costs.figure_7,
    "figure_8": trends.figure_8,
    "figure_11": bars.figure_11,
    "figure_13": bars.figure_13,
    "figure_14": trends.figure_14,
    "figure_exact": exact.figure_exact,
    "figure_levels": levels.figure_levels,
    "figure_ranking": ranking.figure_ranking,
}
SAMPLES = {
    "figure_samples": first_samples.figure_samples,
    "figure_12": samples.figure_12,
    "figure_15": samples.figure_15,
    "figure_16": samples.figure_16,
    "figure_17": samples.figure_17,
}


def picture(name: str, records: Records, results: Path, side: int | None = None) -> Picture | Missing:
    """A figure, ready to be drawn, or what would have to be run for it; samples at most `side` pixels wide."""
    if name in DRAWINGS:
        return DRAWINGS[name]()
    if name in SAMPLES:
        return SAMPLES[name](records, results, side)
    return FROM_RECORDS[name](records)


def pictures(
    names: Iterable[str], records: Records, results: Path, side: int | None = None
) -> dict[str, Picture | Missing]:
    """The figures of these names."""
    return {name: picture(name, records, results, side) for name in names}
