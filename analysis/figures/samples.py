"""Figures 12, 15, 16 and 17: samples, from the grids that runs saved; never chosen: the first of a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.notes import devices
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import recorded_sheets
from analysis.records import Records
from analysis.records.artifacts import first_grids, shown_grid
from analysis.style import WIDTH
from studies.declare.registry import find_study
from studies.run.record import Record

STUDY = "samples"
COLUMNS = 2
WIDEST = 4.5  # inches of one grid
TALLEST = 9.0  # inches: what fits a page


@dataclass(frozen=True)
class Grid:
    """A run's sample grid."""

    arm: str  # of the study of samples; the run itself may be another study's
    scale: str
    record: Record
    path: Path

    @property
    def title(self) -> str:
        data = self.record["config"]["data"]
        stand_in = "" if self.scale == "paper" else f"\nstand-in: {data['name']} {data['size']}"
        return f"{self.arm} ({self.scale}, seed {self.record['seed']}){stand_in}"


def figure_12(records: Records, results: Path, side: int | None = None) -> Picture | Missing:
    """Figure 12: samples at various resolutions."""
    return _samples(records, results, side, ("FacesHQ 1024", "MultiModal-CelebA 512"))


def figure_15(records: Records, results: Path, side: int | None = None) -> Picture | Missing:
    """Figure 15: samples of networks that read captions."""
    return _samples(records, results, side, ("MS-COCO 256",))


def figure_16(records: Records, results: Path, side: int | None = None) -> Picture | Missing:
    """Figure 16: samples of faces."""
    return _samples(records, results, side, ("FacesHQ 1024",))


def figure_17(records: Records, results: Path, side: int | None = None) -> Picture | Missing:
    """Figure 17: samples of landscapes, whose caption prints the one number: a FID of 10.07 with 5,000 images."""
    return _samples(records, results, side, ("Landscape-HQ",))


def saved_grids(records: Records, results: Path, arms: Sequence[str] = ()) -> list[Grid]:
    """One grid for each arm of the study of samples at each scale: that of the lowest seed that saved one."""
    grids = []
    for part in recorded_sheets(find_study(STUDY), records):
        first = first_grids(part, results)
        grids += [Grid(arm, part.scale, *first[arm]) for arm in arms or part.arms if arm in first]
    return grids


def draw_grid(ax: Axes, pixels: npt.NDArray[np.uint8], title: str) -> None:
    """A grid of samples, every pixel as it is, over its caption."""
    ax.imshow(pixels, interpolation="nearest")
    ax.set(xlabel=title, xticks=[], yticks=[])  # below the picture
    ax.spines[:].set_visible(False)


def _samples(records: Records, results: Path, side: int | None, arms: Sequence[str]) -> Picture | Missing:
    study = find_study(STUDY)
    grids = saved_grids(records, results, arms)
    pictures = {grid.path: read for grid in grids if (read := shown_grid(grid.path, side)) is not None}
    unread = [grid.path.name for grid in grids if grid.path not in pictures]
    grids = [grid for grid in grids if grid.path in pictures]
    if not grids:
        only = " ".join(f'--only "{arm}"' for arm in arms)
        return Missing(f"python -m studies run {STUDY} {only}")
    pixels = [pictures[grid.path] for grid in grids]
    columns = min(COLUMNS, len(grids))
    rows = [list(range(i, min(i + columns, len(grids)))) for i in range(0, len(grids), columns)]
    wide = min(WIDTH / columns, WIDEST)
    heights = [max(wide * pixels[i].shape[0] / pixels[i].shape[1] for i in row) + 0.5 for row in rows]
    printed = [
        f"{arm.name} {', '.join(f'{c} {v}' for c, v in arm.paper.items())}"
        for arm in study.arms
        if arm.name in arms and arm.paper
    ]
    notes = (
        "Uncurated: the first samples of the lowest seed, in the order in which they were drawn.",
        f"On {devices(grid.record for grid in grids)}.",
        *([f"The paper's value: {'; '.join(printed)}."] if printed else []),
        *([f"Left out, for they are no pictures of samples: {', '.join(unread)}."] if unread else []),
    )

    def draw(figure: Figure) -> None:
        axes = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
        for ax in axes.flat[len(grids) :]:
            ax.remove()
        for ax, grid, image in zip(axes.flat, grids, pixels, strict=False):
            draw_grid(ax, image, grid.title)

    alt = " ".join(f"A grid of uncurated samples: {grid.title.replace(chr(10), ', ')}." for grid in grids)
    size = (WIDTH, min(sum(heights), TALLEST))
    return Picture(size, draw, alt, notes, tuple(grid.record for grid in grids))
