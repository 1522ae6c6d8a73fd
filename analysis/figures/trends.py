"""Figures 8 and 14: loss and quality over training, the mean over seeds with its 95 % interval."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase, SubFigure

from analysis.figures.axes import round_linear, round_log
from analysis.figures.notes import place_of, provenance
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import Band, curve_names, mean_curve, recorded_sheets
from analysis.metrics import main_metric
from analysis.records import Records, Sheet
from analysis.scan_plots import draw_measures
from analysis.style import SMALL, WIDTH, bare, labels, line, looks
from studies.declare.registry import find_study
from studies.declare.study import Study
from zigma.common.words import counted

ROW = 2.2  # inches
COLUMNS = 2  # of a legend
MOST_POINTS = 40  # of a curve
TOGETHER = 6  # curves that can be followed in one panel
APART_COLUMNS, APART_ROW = 4, 1.25  # of small panels, one for each curve; inches
APART_LETTERS = 26  # of a line above one


@dataclass(frozen=True)
class Row:
    """The curves of a sheet, and what the paper printed for the column that it stands in for."""

    part: Sheet
    curves: tuple[str, ...]
    printed: dict[str, float]


def figure_8(records: Records) -> Picture | Missing:
    """Figure 8: quality over training of Hilbert scan, sweep and zigzag; logarithmic, as in the paper."""
    return trends(find_study("scan_trends"), records, loss=False, printing=find_study("hilbert"))


def figure_14(records: Records) -> Picture | Missing:
    """Figure 14: the loss and the quality over training side by side, at each resolution."""
    return trends(find_study("training_trends"), records, loss=True, printing=find_study("scan_ablation"))


def draw_trend(ax: Axes, bands: Mapping[str, Band], ylabel: str, log: bool = False) -> None:
    """Curves over training, each with a band for its interval; markers tell them apart in grey."""
    styles = looks(bands)
    for name, shown in zip(bands, labels(bands), strict=True):
        whole = bands[name]
        _draw_band(ax, f"{shown} (n={whole.seeds})", thinned(whole), styles[name], log)
    ax.set(xlabel="training step", ylabel=ylabel)
    _set_axes(ax, bands, log)
    bare(ax)


def draw_legend(figure: FigureBase, ax: Axes, **place: Any) -> None:
    """The curves of a panel by name, as wide as the figure: below all axes, where no curve can run through it."""
    handles, names = ax.get_legend_handles_labels()
    figure.legend(handles, names, ncols=COLUMNS, fontsize=SMALL, columnspacing=1.0, **place)


def draw_apart(figure: FigureBase, bands: Mapping[str, Band], ylabel: str, log: bool = False) -> None:
    """A small panel for each curve, before all others in grey: of many curves in one panel none can be followed."""
    axes = figure.subplots(
        -(-len(bands) // APART_COLUMNS), APART_COLUMNS, sharex=True, sharey=True, squeeze=False
    )
    styles, drawn = looks(bands), {name: thinned(whole) for name, whole in bands.items()}
    titles = dict(zip(bands, labels(bands), strict=True))
    for i, (ax, (name, trend)) in enumerate(zip(axes.flat, drawn.items(), strict=False)):
        for other in (arm for arm in drawn if arm != name):  # a set has another order in each process
            ax.plot(drawn[other].step, drawn[other].mean, color="0.82", linewidth=0.6, zorder=1)
        _draw_band(ax, name, trend, styles[name], log)
        ax.set_title(fill(f"{titles[name]} (n={trend.seeds})", APART_LETTERS), fontsize=SMALL)
        ax.tick_params(labelbottom=i + APART_COLUMNS >= len(bands))
        bare(ax)
    for ax in axes.flat[len(bands) :]:
        ax.remove()
    _set_axes(axes.flat[0], bands, log)
    figure.supxlabel("training step", fontsize="medium")
    figure.supylabel(ylabel, fontsize="medium")


def curves_height(names: Collection[str]) -> float:
    """What so many curves take beside each other, in inches, or, where they are too many for one panel, apart."""
    if len(names) <= TOGETHER:
        return ROW + legend_height(len(names))
    lines = max(name.count("\n") + 1 for name in (fill(name, APART_LETTERS) for name in labels(names)))
    return 0.4 + (APART_ROW + 0.1 * (lines - 1)) * -(-len(names) // APART_COLUMNS)


def _draw_band(ax: Axes, name: str, trend: Band, look: dict[str, Any], log: bool) -> None:
    every = max(1, len(trend.step) // 8)
    ax.plot(trend.step, trend.mean, label=name, markevery=every, **line(look))
    low, high = trend.mean - trend.half_width, trend.mean + trend.half_width
    if log:
        low = np.maximum(low, trend.mean / 10)  # an interval that reaches zero has no place on this axis
    ax.fill_between(trend.step, low, high, color=look["color"], alpha=0.18, linewidth=0)


def _set_axes(ax: Axes, bands: Mapping[str, Band], log: bool) -> None:
    _zoom(ax, bands, log)
    round_linear(ax.xaxis)
    if log and all((trend.mean > 0).all() for trend in bands.values()):
        ax.set_yscale("log")
        round_log(ax.yaxis)


def thinned(band: Band, most: int = MOST_POINTS) -> Band:
    """The curve as means of neighbouring points, where it has more of them than can be told apart: the loss of single
    batches is noisy, and hides which arm lies below which."""
    size = -(-len(band.step) // most)
    if size < 2:
        return band
    starts = np.arange(0, len(band.step), size)
    counts = np.diff([*starts, len(band.step)])
    step, mean, half = (np.add.reduceat(x, starts) / counts for x in (band.step, band.mean, band.half_width))
    return Band(step, mean, half, band.seeds, band.left_out)


def _zoom(ax: Axes, bands: Mapping[str, Band], log: bool) -> None:
    """Leave the steep beginning above the axes: where arms differ is after it."""
    late = [
        (band.mean[keep], band.half_width[keep]) for band in bands.values() if (keep := _late(band)).any()
    ]
    high = max((float(np.max(mean + np.nan_to_num(half))) for mean, half in late), default=0.0)
    low = min((float(np.min(mean - np.nan_to_num(half))) for mean, half in late), default=0.0)
    lowest = min((float(np.min(mean)) for mean, _ in late), default=0.0)
    if log and lowest > 0:
        low = max(low, lowest / 2)
        ax.set_ylim(low / (high / low) ** 0.08, high * (high / low) ** 0.08)
    elif high > low:
        ax.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))


def _late(band: Band) -> npt.NDArray[np.bool_]:
    return np.asarray(band.step >= band.step[-1] / 5)


def legend_height(curves: int) -> float:
    """What the legend of so many curves takes, in inches."""
    return 0.14 * -(-curves // COLUMNS) + 0.1


def bands_of(part: Sheet, name: str) -> dict[str, Band]:
    """The mean curve of every arm that has one of this name."""
    bands = {arm: mean_curve(records, name) for arm, records in part.arms.items()}
    return {arm: trend for arm, trend in bands.items() if trend is not None}


def trends(study: Study, records: Records, loss: bool, printing: Study | None = None) -> Picture | Missing:
    """Curves of every setting of a study; beside them the paper's values of the same column, as `printing` has them."""
    rows = []
    for part in recorded_sheets(study, records):
        column = study.stands_for.get(part.setting, "")
        printed = {} if printing is None or part.own_data else _printed(printing, column)
        if curves := shown_curves(part, loss):
            rows.append(Row(part, curves, printed))
    if not rows:
        return Missing(f"python -m studies run {study.word} --setting all")
    heights = [0.25 + curves_height(_most_curves(row)) for row in rows]
    notes = tuple(dict.fromkeys(line for row in rows for line in provenance(row.part, curves=row.curves)))
    notes += ("Axes fit the last four fifths of training; the beginning may lie above them.",)
    if printing is not None and any(row.printed for row in rows):
        notes += (
            f"Bars: what the paper prints ({printing.shows}), of other data and sizes; compare only the order.",
        )

    def draw(figure: Figure) -> None:
        places = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False)[:, 0]
        for place, row in zip(places, rows, strict=True):
            place.suptitle(place_of(row.part))
            _draw_row(place, row, study.stands_for.get(row.part.setting, ""))

    alt = " ".join(_in_words(row.part, name) for row in rows for name in row.curves)
    behind = {r.path: r for row in rows for r in row.part.records if r["status"] == "done"}
    return Picture((WIDTH, sum(heights)), draw, alt, notes, tuple(behind.values()))


def _printed(study: Study, column: str) -> dict[str, float]:
    """The paper's values of a column; a row that two arms stand for, once."""
    once = (arm for arm in study.arms if arm.name not in study.second_readings)
    return {arm.name: arm.paper[column] for arm in once if column in arm.paper}


def _most_curves(row: Row) -> dict[str, Band]:
    return max((bands_of(row.part, name) for name in row.curves), key=len)


def _draw_row(place: SubFigure, row: Row, column: str) -> None:
    """The curves in panels beside each other; of too many, those of the quality of samples alone, one in each panel."""
    if len(_most_curves(row)) > TOGETHER:
        name = row.curves[-1]
        draw_apart(place, bands_of(row.part, name), name.replace("_", " "), name != "loss")
        return
    panels = place.subplots(1, len(row.curves) + bool(row.printed), squeeze=False)[0]
    for name, ax in zip(row.curves, panels, strict=False):
        draw_trend(ax, bands_of(row.part, name), name.replace("_", " "), name != "loss")
    if row.printed:
        draw_measures(panels[-1], f"paper, {column}", row.printed, "%.4g")
    draw_legend(place, panels[0], loc="outside lower center")


def shown_curves(part: Sheet, loss: bool) -> tuple[str, ...]:
    """Which recorded curves are shown: the loss where it is asked for, and the metric of quality."""
    names = curve_names(record for record in part.records if record["status"] == "done")
    shown = ["loss"] if loss and "loss" in names else []
    judged = main_metric(names)
    return (*shown, judged) if judged else tuple(shown)


def _in_words(part: Sheet, name: str) -> str:
    trends = bands_of(part, name)
    ends = ", ".join(
        f"{arm} from {t.mean[0]:.3g} to {t.mean[-1]:.3g} ({counted(t.seeds, 'seed')})"
        for arm, t in trends.items()
    )
    last = max(t.step[-1] for t in trends.values())
    return f"{name.replace('_', ' ')} over {last:.0f} training steps at {part.scale}, {part.setting}: {ends}."
