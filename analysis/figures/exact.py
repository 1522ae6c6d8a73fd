"""Study `exact`: how much of an arm's excess its path cannot see, and how much the network has not learned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.axes import round_linear, round_log
from analysis.figures.notes import provenance
from analysis.figures.picture import Missing, Picture
from analysis.figures.series import Band, by_arm, mean_curve, recorded_sheets
from analysis.metrics import EXCESS
from analysis.records import Records, Sheet
from analysis.stats import SeedMean
from analysis.style import SMALL, WIDTH, bare, labels, line, looks
from studies.declare.registry import find_study

STUDY = "exact"
ROW, PER_ARM = 0.9, 0.16  # inches of a row, and of each arm in it
UNSEEN, UNLEARNED = "what its plan cannot see", "what it has not learned"
UNPARTED = "both, not told apart"
ONE_TOKEN = "sees one token"


@dataclass(frozen=True)
class ArmExcess:
    """An arm's excess over the best velocity, per value."""

    end: SeedMean  # at the end of training
    # the least that a network can reach with what its plan lets through its depth, if recorded
    unseen: float | None
    curve: Band | None  # over training

    @property
    def unlearned(self) -> float:
        """The rest, or all; noise can take a network a little below its least."""
        return max(0.0, self.end.mean - (self.unseen or 0.0))


@dataclass(frozen=True)
class ExcessRow:
    """The arms of a sheet, and what the best predictor that sees one token leaves."""

    part: Sheet
    arms: dict[str, ArmExcess]
    one_token: float | None


def figure_exact(records: Records) -> Picture | Missing:
    """Excess against training step, and at its end parted by what the path cannot see."""
    rows = [
        row for part in recorded_sheets(find_study(STUDY), records) if (row := excess_row(part)) is not None
    ]
    if not rows:
        return Missing(f"python -m studies run {STUDY} --setting all")
    heights = [ROW + PER_ARM * len(row.arms) for row in rows]
    notes = (
        "Excess: mean squared distance of the network's velocity from the best one, per value; 0 is the optimum.",
        "Dark bars: the least excess that any network reaches that sees what the arm's plan lets through its depth.",
        "Dashed line: the best predictor that sees one token, for which no scan is needed.",
        *dict.fromkeys(note for row in rows for note in provenance(row.part, EXCESS)),
    )

    def draw(figure: Figure) -> None:
        grid = figure.subplots(len(rows), 2, squeeze=False, height_ratios=heights)
        for (left, right), row in zip(grid, rows, strict=True):
            curves = {arm: e.curve for arm, e in row.arms.items() if e.curve}
            draw_curves(left, curves, row.one_token, row.part.arms)
            draw_parts(right, row.arms, row.one_token, row.part.arms)
            left.set_title(f"{row.part.scale}, {row.part.setting}")
        grid[0, 1].legend(
            loc="lower right", bbox_to_anchor=(1, 1), ncols=3, fontsize=SMALL, columnspacing=1.0
        )

    behind = tuple(record for row in rows for record in row.part.records if record["status"] == "done")
    return Picture((WIDTH, sum(heights)), draw, " ".join(map(in_words, rows)), notes, behind)


def excess_row(part: Sheet) -> ExcessRow | None:
    """What a sheet has of it, the best arm first; None without an excess."""
    ends, least = by_arm(part, EXCESS), by_arm(part, f"{EXCESS}_plan")
    arms = {
        arm: ArmExcess(end, least[arm].mean if arm in least else None, mean_curve(part.done(arm), EXCESS))
        for arm, end in sorted(ends.items(), key=lambda item: item[1].mean)
    }
    tokens = [value for arm in part.arms for value in part.values(arm, f"{EXCESS}_one_token")]
    return ExcessRow(part, arms, float(np.mean(tokens)) if tokens else None) if arms else None


def draw_curves(ax: Axes, bands: Mapping[str, Band], one_token: float | None, names: Iterable[str]) -> None:
    """Excess against training step, with intervals over seeds; one of the names looks alike wherever it stands."""
    styles = looks(names)
    for arm, band in bands.items():
        look = line(styles[arm])
        ax.plot(band.step, band.mean, label=arm, markevery=max(1, len(band.step) // 6), **look)
        half = np.nan_to_num(band.half_width)
        low = np.maximum(band.mean - half, band.mean / 10)
        ax.fill_between(band.step, low, band.mean + half, color=look["color"], alpha=0.15, linewidth=0)
    if one_token is not None:
        ax.axhline(one_token, color="0.4", linestyle="--", linewidth=0.8)
    ax.set(xlabel="training step", ylabel="excess")
    round_linear(ax.xaxis)
    if bands and all((band.mean > 0).all() for band in bands.values()):
        ax.set_yscale("log")
        round_log(ax.yaxis)
    bare(ax)


def draw_parts(
    ax: Axes, arms: Mapping[str, ArmExcess], one_token: float | None, names: Iterable[str] = ()
) -> None:
    """The excess at the end of training in two parts, beside each of the names the mark of its curve."""
    places, styles = np.arange(len(arms)), looks(names)
    ends = [e.end.mean for e in arms.values()]
    halves = [e.end.half_width for e in arms.values()]  # nan of one seed draws nothing
    unseen = [e.unseen or 0.0 for e in arms.values()]
    parted = np.array([e.unseen is not None for e in arms.values()], dtype=bool)
    rest = np.array([e.unlearned for e in arms.values()])
    ax.barh(places, unseen, color="0.35", label=UNSEEN)
    ax.barh(places, np.where(parted, rest, 0.0), left=unseen, color="0.8", label=UNLEARNED)
    if not parted.all():
        ax.barh(places[~parted], rest[~parted], color="white", edgecolor="0.5", hatch="////", label=UNPARTED)
    ax.errorbar(ends, places, xerr=halves, fmt="none", ecolor="black", elinewidth=0.8, capsize=2)
    if one_token is not None:
        ax.axvline(one_token, color="0.4", linestyle="--", linewidth=0.8, label=ONE_TOKEN)
    for place, arm in zip(places, arms, strict=True):
        if arm in styles:
            ax.plot(-0.03, place, transform=ax.get_yaxis_transform(), clip_on=False, **line(styles[arm]))
    ax.set(yticks=places, yticklabels=labels(arms), xlabel="excess over the optimum, at the end")
    if styles:  # their marks stand where ticks would
        ax.tick_params(axis="y", pad=10, length=0)
    else:
        ax.tick_params(axis="y", pad=6)
    ax.set_xlim(0, None)
    ax.invert_yaxis()
    round_linear(ax.xaxis)
    bare(ax)


def in_words(row: ExcessRow) -> str:
    """What the bars of a row show, for those who cannot see them."""
    arms = ", ".join(
        f"{arm} {e.end.mean:.3g}" + (f" of which {e.unseen:.3g} unseen" if e.unseen is not None else "")
        for arm, e in row.arms.items()
    )
    token = f"; one token leaves {row.one_token:.3g}" if row.one_token is not None else ""
    return f"Excess over the optimum at {row.part.scale}, {row.part.setting}: {arms}{token}."
