"""Every arm between what needs no training and what real images score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.axes import round_linear, round_log
from analysis.figures.notes import provenance
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import by_arm, recorded_sheets
from analysis.metrics import find_metric, main_metric
from analysis.records import Records, Sheet
from analysis.records.levels import Kind
from analysis.records.standing import levels_of, why_no_verdict
from analysis.stats import SeedMean
from analysis.style import SMALL, WIDTH, bare, labels, line, looks
from studies.declare.registry import studies
from studies.declare.study import SCALES

FIRST = "scan_ablation"  # Table 1: shown where it is recorded
NARROW = 3.4  # inches of a panel by itself
# panels beside each other; inches of a panel, and of each arm or level in it
COLUMNS, ROW, PER_ROW = 3, 0.9, 0.17
LOOKS: dict[Kind, str] = {"floor": "#009E73", "baseline": "0.35", "start": "0.7"}


@dataclass(frozen=True)
class Standing:
    """The arms of a sheet by the metric that judges them, and its levels: name, kind and value."""

    part: Sheet
    metric: str
    arms: dict[str, SeedMean]
    levels: tuple[tuple[str, Kind, float], ...]


def figure_levels(records: Records) -> Picture | Missing:
    """Table 1's arms (or those of what is recorded) between baselines and floor, at the largest scale."""
    shown = main_standings(records)
    if not shown:
        return Missing(f"python -m studies run {FIRST}")
    columns = min(COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    height = rows * (ROW + PER_ROW * max(len(s.arms) + len(s.levels) for s in shown))
    notes = [note for s in shown for note in provenance(s.part, s.metric)]
    notes.append("Shaded: from the best baseline to the floor, where arms that have learned lie.")
    notes += [f"{s.part.setting}: no verdict: {why}." for s in shown if (why := why_no_verdict(s.part))]

    def draw(figure: Figure) -> None:
        axes = np.ravel(figure.subplots(rows, columns, squeeze=False))
        for ax, standing in zip(axes, shown, strict=False):
            metric = standing.metric
            draw_levels(
                ax, standing.arms, standing.levels, find_metric(metric).head(metric).replace("_", " ")
            )
            ax.set_title(f"{standing.part.scale}, {standing.part.setting}")
            if ax is not axes[0] and _names(standing) == _names(shown[0]):
                ax.set_yticklabels([])
        for ax in axes[len(shown) :]:
            ax.remove()

    behind = tuple(r for s in shown for r in s.part.records if r["status"] == "done")
    return Picture(
        (WIDTH, height), draw, " ".join(map(_in_words, shown)), tuple(dict.fromkeys(notes)), behind
    )


def level_panel(standing: Standing) -> Picture:
    """One sheet of the same, for a narrow page."""
    metric = standing.metric
    height = ROW + PER_ROW * (len(standing.arms) + len(standing.levels))

    def draw(figure: Figure) -> None:
        ax, xlabel = figure.subplots(), find_metric(metric).head(metric).replace("_", " ")
        draw_levels(ax, standing.arms, standing.levels, xlabel)
        ax.set_title(f"{standing.part.scale}, {standing.part.setting}")

    behind = tuple(r for r in standing.part.records if r["status"] == "done")
    notes = provenance(standing.part, metric)
    return Picture((NARROW, height), draw, _in_words(standing), notes, behind)


def main_standings(records: Records) -> list[Standing]:
    """The sheets that answer the first question: Table 1's where it is recorded, at the largest scale that is."""
    names = [FIRST, *(name for name in studies() if name != FIRST)]
    for name in names:
        standings = [s for part in recorded_sheets(studies()[name], records) if (s := standing_of(part))]
        if standings:
            largest = max((s.part.scale for s in standings), key=SCALES.index)
            return [s for s in standings if s.part.scale == largest]
    return []


def standing_of(part: Sheet) -> Standing | None:
    """The arms of a sheet beside its levels, all of one protocol; None where it trains nothing."""
    metric = main_metric(part.metric_names)
    rules = part.commonest_protocol(metric, part.arms) if metric else None
    if metric is None or rules is None:
        return None
    place = (metric, rules)
    levels = tuple((x.name, x.kind, x.values[place]) for x in levels_of(part) if place in x.values)
    return Standing(part, metric, by_arm(part, metric), levels)


def draw_levels(
    ax: Axes, arms: Mapping[str, SeedMean], levels: Sequence[tuple[str, Kind, float]], xlabel: str
) -> None:
    """Arms with their intervals above the levels; shaded from the best baseline to the floor, where arms should lie."""
    styles, places = looks(arms), np.arange(len(arms))
    values = [*(v.mean for v in arms.values()), *(value for _, _, value in levels)]
    logarithmic = bool(values) and min(values) > 0 and max(values) > 5 * min(values)
    for place, (arm, value) in zip(places, arms.items(), strict=True):
        half = value.half_width  # nan of one seed draws nothing
        # an interval that reaches zero has no place on a logarithmic axis
        low = min(half, 0.9 * abs(value.mean)) if logarithmic else half
        ax.errorbar(value.mean, place, xerr=[[low], [half]], capsize=2, **line(styles[arm]))
    for below, (_, kind, level) in enumerate(levels, start=len(arms)):
        ax.plot(level, below, marker="|", markersize=9, markeredgewidth=2, color=LOOKS[kind])
    floor = next((value for _, kind, value in levels if kind == "floor"), None)
    best = min((value for _, kind, value in levels if kind == "baseline"), default=None)
    if floor is not None and best is not None:
        ax.axvspan(floor, best, color="#009E73", alpha=0.1, linewidth=0)
    rows = len(arms) + len(levels)
    ax.set(xlabel=xlabel, yticks=range(rows), ylim=(rows - 0.4, -0.6))
    ax.set_yticklabels([*labels(arms), *(name for name, _, _ in levels)], fontsize=SMALL)
    if logarithmic:
        ax.set_xscale("log")
        round_log(ax.xaxis)
    else:
        round_linear(ax.xaxis)
    bare(ax)


def _names(standing: Standing) -> list[str]:
    return [*standing.arms, *(name for name, _, _ in standing.levels)]


def _in_words(standing: Standing) -> str:
    arms = ", ".join(f"{arm} {value.mean:.3g}" for arm, value in standing.arms.items())
    levels = ", ".join(f"{name} ({kind}) {value:.3g}" for name, kind, value in standing.levels)
    where = f"{standing.metric.replace('_', ' ')} at {standing.part.scale}, {standing.part.setting}"
    return f"{where}: {arms}" + (f"; {levels}." if levels else ".")
