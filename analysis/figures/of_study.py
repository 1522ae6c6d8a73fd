"""Figures that any study has, a person's own included: metrics of its arms, learning curves, samples."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.bars import Panel, in_words
from analysis.figures.notes import devices, place_of, provenance
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import by_arm, recorded_sheets
from analysis.figures.trends import trends
from analysis.metrics import LOSS, find_metric, main_metric
from analysis.records import Records, Sheet
from analysis.records.artifacts import GAP, cell_size, shown_grid
from analysis.records.standing import REAL, levels_command, sample_rows
from analysis.stats import SeedMean
from analysis.style import WIDTH, bare, labels
from studies.declare.levels import has_levels
from studies.declare.study import Study
from zigma.experiment.config import RunConfig

ARM, AROUND = 0.2, 0.7  # inches: the row of an arm, and a panel's title and axis
STRIP = 0.75  # inches: a row of samples
SHOWN = (66, 542)  # pixels of a grid: two rows of sixteen images of 32


def pictures_of(study: Study, records: Records, results: Path) -> dict[str, tuple[str, Picture | Missing]]:
    """Kind of figure -> title, and the figure or what would have to be run for it."""
    configs = [config for settings in study.scales.values() for config in settings.values()]
    # of curves and samples there are none to run for
    if not any(isinstance(config, RunConfig) for config in configs):
        return {"metrics": ("metrics of the arms", metrics(study, records))}
    return {
        "metrics": ("metrics of the arms", metrics(study, records)),
        "curves": ("learning curves", trends(study, records, loss=True)),
        "samples": ("samples", samples(study, records, results)),
    }


def metrics(study: Study, records: Records) -> Picture | Missing:
    """For each setting a row: the metric of quality and the held-out loss of every arm, with intervals over seeds.

    Where a study measures something else, such as speed or memory, its first two metrics.
    """
    rows = [panels for part in recorded_sheets(study, records) if (panels := _panels(part))]
    if not rows:
        return Missing(f"python -m studies run {study.word}")
    columns = max(map(len, rows))
    heights = [AROUND + ARM * max(len(panel.values) for panel in row) for row in rows]

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
        for axes, row in zip(grid, rows, strict=True):
            for ax, panel in zip(axes, row, strict=False):
                draw_values(ax, panel.values, _head(panel.metric))
                ax.set_title(place_of(panel.part))
            for ax in axes[len(row) :]:
                ax.remove()

    panels = [panel for row in rows for panel in row]
    notes = dict.fromkeys(line for panel in panels for line in provenance(panel.part, panel.metric))
    behind = {r.path: r for panel in panels for r in panel.part.records if r["status"] == "done"}
    alt = " ".join(map(in_words, panels))
    return Picture((WIDTH, sum(heights)), draw, alt, tuple(notes), tuple(behind.values()))


def draw_values(ax: Axes, values: Mapping[str, SeedMean], xlabel: str) -> None:
    """A row for each arm: its mean as a point, and a line for its 95 % interval where it has one."""
    for place, value in enumerate(values.values()):
        half = 0.0 if math.isnan(value.half_width) else value.half_width
        ax.errorbar(value.mean, place, xerr=half or None, fmt="o", color="black", markersize=4, capsize=3)
        ax.annotate(
            f"{value.mean:.3g}", (value.mean + half, place), xytext=(5, 0),
            textcoords="offset points", va="center", fontsize=6.5,
        )  # fmt: skip
    ax.set(xlabel=xlabel, yticks=np.arange(len(values)), yticklabels=labels(values))
    ax.set_ylim(len(values) - 0.5, -0.5)
    ax.margins(x=0.2)
    ax.ticklabel_format(axis="x", useOffset=False)
    ax.grid(axis="y", linewidth=0.4, color="0.85")
    bare(ax)


def samples(study: Study, records: Records, results: Path) -> Picture | Missing:
    """For each setting real images, and below them the first samples of each arm's lowest seed, on one scale."""
    recorded = recorded_sheets(study, records)
    strips = {
        place_of(part): rows for part in recorded if len(rows := _strips(part, results)) > (REAL in rows)
    }
    done = [r for part in recorded for r in part.records if r["status"] == "done"]
    if not strips:
        # recorded, and the samples were left behind or cannot be read
        again = " --mode force" if done else ""
        return Missing(f"python -m studies run {study.word}{again}")
    widest = max(pixels.shape[1] for rows in strips.values() for pixels in rows.values())
    heights = [0.3 + STRIP * len(rows) for rows in strips.values()]

    def draw(figure: Figure) -> None:
        places = figure.subfigures(len(strips), 1, height_ratios=heights, squeeze=False)[:, 0]
        for place, (title, rows) in zip(places, strips.items(), strict=True):
            place.suptitle(title)
            axes = np.ravel(place.subplots(len(rows), 1))
            for ax, name, pixels in zip(axes, labels(rows), rows.values(), strict=True):
                ax.imshow(pixels, interpolation="nearest")
                ax.set(xticks=[], yticks=[], xlim=(-0.5, widest - 0.5))
                ax.set_ylabel(name, rotation=0, ha="right", va="center")
                ax.spines[:].set_visible(False)

    words = (f"{title}: {', '.join(rows)}." for title, rows in strips.items())
    alt = f"Rows of images, from the top. {' '.join(words)}"
    changed = next((f" Changed by --set {part.changed}." for part in recorded if part.changed), "")
    notes = (
        "Uncurated: the first samples of the lowest seed, in the order in which they were drawn.",
        f"On {devices(done)}.{changed}",
        *_without_real(recorded, strips),
    )
    return Picture((WIDTH, sum(heights)), draw, alt, notes, tuple({r.path: r for r in done}.values()))


def _without_real(recorded: Iterable[Sheet], strips: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Why no real images stand above the samples of a setting, and what draws them."""
    for part in recorded:
        if has_levels(part.config) and REAL not in strips.get(place_of(part), {REAL: None}):
            yield f"No real images beside {place_of(part)} yet: {levels_command(part)}"


def _strips(part: Sheet, results: Path) -> dict[str, npt.NDArray[np.uint8]]:
    """Name -> the beginning of a grid, of those that can be read; the real images first."""
    grids = {name: shown_grid(file) for name, file in sample_rows(part, results).items()}
    return {name: beginning(grid) for name, grid in grids.items() if grid is not None}


def beginning(grid: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """As many whole images as have room, one at least."""
    height, width = (
        max(1, (most + GAP) // (size + GAP)) * (size + GAP) - GAP
        for most, size in zip(SHOWN, cell_size(grid), strict=True)
    )
    return grid[:height, :width]


def _panels(part: Sheet) -> list[Panel]:
    names = part.metric_names
    shown = [name for name in dict.fromkeys((main_metric(names), LOSS)) if name in names] or names[:2]
    return [Panel(part, name, values) for name in shown if (values := by_arm(part, name))]


def _head(metric: str) -> str:
    better = {"lower": " (less is better)", "higher": " (more is better)"}
    declared = find_metric(metric)
    return declared.head(metric).replace("_", " ") + better.get(declared.better, "")
