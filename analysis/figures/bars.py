"""Figures 11 and 13: one number per arm with its interval over seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.notes import PRINTS_NONE, provenance
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import by_arm, recorded_sheets
from analysis.metrics import find_metric, main_metric
from analysis.records import Records, Sheet
from analysis.stats import SeedMean
from analysis.style import WIDTH, bare, labels
from studies.declare.registry import find_study

ROW = 2.0  # inches
COLUMNS = 3
SPEED = "images_per_s"


@dataclass(frozen=True)
class Panel:
    """One metric of the arms of a sheet."""

    part: Sheet
    metric: str
    values: dict[str, SeedMean]


def figure_11(records: Records) -> Picture | Missing:
    """Figure 11: how quality falls as continuity is broken into groups, down to a random order."""
    return _bars("spatial_continuity", records, (None,))


def figure_13(records: Records) -> Picture | Missing:
    """Figure 13: quality and FPS against the size of a patch."""
    return _bars("patch_size", records, (None, SPEED))


def draw_bars(ax: Axes, values: Mapping[str, SeedMean], ylabel: str) -> None:
    """Bars from zero with their intervals; the mean is written at each bar."""
    places = np.arange(len(values))
    means = [value.mean for value in values.values()]
    halves = [0.0 if math.isnan(value.half_width) else value.half_width for value in values.values()]
    ax.bar(places, means, color="#9ecae9", edgecolor="black", linewidth=0.6, width=0.7)
    with_interval = [i for i, half in enumerate(halves) if half > 0]
    ax.errorbar(
        places[with_interval],
        np.take(means, with_interval),
        yerr=np.take(halves, with_interval),
        fmt="none",
        ecolor="black",
        elinewidth=1,
        capsize=3,
    )
    for place, mean, half in zip(places, means, halves, strict=True):
        ax.annotate(
            f"{mean:.3g}",
            (place, mean + half),
            textcoords="offset points",
            xytext=(0, 2),
            ha="center",
            fontsize=6.5,
        )
    ax.set(ylabel=ylabel, xticks=places)
    crowded = max(map(len, values)) * len(values) > 28
    ax.set_xticklabels(labels(values), rotation=30 if crowded else 0, ha="right" if crowded else "center")
    ax.margins(y=0.15)
    bare(ax)


def _bars(study_name: str, records: Records, metrics: Sequence[str | None]) -> Picture | Missing:
    """A panel per scale, setting and metric; None stands for the metric of quality that was recorded."""
    panels = []
    for part in recorded_sheets(find_study(study_name), records):
        names = part.metric_names
        for metric in metrics:
            name = metric or main_metric(names)
            if name in names and (values := by_arm(part, name)):
                panels.append(Panel(part, name, values))
    if not panels:
        return Missing(f"python -m studies run {study_name}")
    notes = (*(line for panel in panels for line in provenance(panel.part, panel.metric)), PRINTS_NONE)
    notes = tuple(dict.fromkeys(notes))
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)

    def draw(figure: Figure) -> None:
        axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
        for ax, panel in zip(axes, panels, strict=False):
            draw_bars(ax, panel.values, find_metric(panel.metric).head(panel.metric).replace("_", " "))
            ax.set_title(f"{panel.part.scale}, {panel.part.setting}")
        for ax in axes[len(panels) :]:
            ax.remove()

    behind = {r.path: r for panel in panels for r in panel.part.records if r["status"] == "done"}
    height = ROW * rows
    return Picture((WIDTH, height), draw, " ".join(map(in_words, panels)), notes, tuple(behind.values()))


def in_words(panel: Panel) -> str:
    values = ", ".join(f"{arm} {_value_in_words(value)}" for arm, value in panel.values.items())
    return f"{panel.metric.replace('_', ' ')} at {panel.part.scale}, {panel.part.setting}: {values}."


def _value_in_words(value: SeedMean) -> str:
    return (
        f"{value.mean:.3g}" if math.isnan(value.half_width) else f"{value.mean:.3g} ± {value.half_width:.2g}"
    )
