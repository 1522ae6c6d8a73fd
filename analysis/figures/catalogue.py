"""Every figure of the paper, and those beyond it: which function gives it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from analysis.figures import bars, blocks, costs, exact, levels, samples, scans, trends
from analysis.figures.picture import Missing, Picture
from analysis.records import Records
from zigma.common.words import unknown

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
}
SAMPLES = {
    "figure_12": samples.figure_12,
    "figure_15": samples.figure_15,
    "figure_16": samples.figure_16,
    "figure_17": samples.figure_17,
}
TITLES = {
    "figure_1": "Motivation: what consecutive layers read",
    "figure_2": "ZigMa: each layer arranges, scans, arranges back",
    "figure_3": "The 2D image scan",
    "figure_4": "The Zigzag Mamba block",
    "figure_5": "The 3D video scan",
    "figure_6": "Memory and speed against tokens and order receptive field",
    "figure_7": "Parameters, speed and memory against the order receptive field",
    "figure_8": "Hilbert scan, sweep and zigzag over training",
    "figure_9": "The Hilbert curve at various sizes",
    "figure_10": "Peano's curve from simple to complex",
    "figure_11": "Spatial continuity",
    "figure_12": "Samples at various resolutions",
    "figure_13": "Patch size",
    "figure_14": "Loss and quality over training",
    "figure_15": "Samples with captions (MS-COCO)",
    "figure_16": "Samples (FacesHQ)",
    "figure_17": "Samples (Landscape HQ)",
    "figure_levels": "Every arm between what needs no training and what real images score",
    "figure_exact": "What a path cannot see, and what a network has not learned",
}


def heading(name: str) -> str:
    """`Figure 6. Memory and speed ...`; of what the paper does not have, its title alone."""
    number = name.removeprefix("figure_")
    return f"Figure {number}. {TITLES[name]}" if number.isdecimal() else TITLES[name]


def find_figure(word: str) -> str:
    """`6`, `figure 6` or `figure_6` as the figure's name.

    Raises:
        WordError: there is no such figure.
    """
    number = word.strip().lower().removeprefix("figure").strip(" _-.")
    if f"figure_{number}" not in TITLES:
        raise unknown("figure", word, TITLES)
    return f"figure_{number}"


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
