"""The first samples of each arm below real images: what the numbers of `figure_levels` look like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from analysis.figures.levels import FIRST, Standing, main_standings
from analysis.figures.notes import devices
from analysis.figures.picture import Missing, Picture
from analysis.records import Records
from analysis.records.artifacts import sample_file, shown_grid
from analysis.records.standing import REAL, real_strip
from analysis.style import labels
from studies.run.record import Record

Pixels = npt.NDArray[np.uint8]
SHOWN = 2  # rows of a saved grid
WIDE, ROW = 4.4, 0.85  # inches: of the figure, and of a row


def figure_samples(records: Records, results: Path, side: int | None = None) -> Picture | Missing:
    """The arms of Table 1 (or of what is recorded) at the largest scale, in the first setting that saved samples."""
    for standing in main_standings(records):
        first = _first_samples(standing, results, side)
        if first:
            return _picture(standing, first, side)
    return Missing(f"python -m studies run {FIRST}")


def _first_samples(standing: Standing, results: Path, side: int | None) -> dict[str, tuple[Record, Pixels]]:
    """Arm -> the run of the lowest seed that saved a picture which can be read, and its first rows."""
    first = {}
    for arm in standing.part.arms:
        for record in standing.part.done(arm):
            if (top := _top(sample_file(results, record), side)) is not None:
                first[arm] = record, top
                break
    return first


def _top(file: Path | None, side: int | None) -> Pixels | None:
    """The first rows of a grid; None where there is no picture."""
    return shown_grid(file, side, SHOWN)


def _picture(standing: Standing, first: dict[str, tuple[Record, Pixels]], side: int | None) -> Picture:
    part = standing.part
    real = _top(real_strip(part), side)
    rows = ({} if real is None else {REAL: real}) | {arm: top for arm, (_, top) in first.items()}
    seeds = sorted({record["seed"] for record, _ in first.values()})
    behind = tuple(record for record, _ in first.values())
    notes = (
        f"Uncurated: the first samples of seed {', '.join(map(str, seeds))}, in the order in which they were drawn, "
        f"at scale {part.scale}, setting {part.setting}; all arms begin from the same noise.",
        f"On {devices(behind)}.",
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
        for ax, name, pixels in zip(axes, labels(rows), rows.values(), strict=True):
            ax.imshow(pixels, interpolation="nearest")
            ax.set(xticks=[], yticks=[])
            ax.set_ylabel(name, rotation="horizontal", ha="right", va="center")
            ax.spines[:].set_visible(False)

    values = ", ".join(f"{arm} {standing.arms[arm].mean:.3g}" for arm in first if arm in standing.arms)
    alt = (
        f"Rows of the first samples of {', '.join(first)} at {part.scale}, {part.setting}"
        f"{', below real images' if REAL in rows else ''}; {standing.metric.replace('_', ' ')}: {values}."
    )
    return Picture((WIDE, ROW * len(rows) + 0.1), draw, alt, notes, behind)
