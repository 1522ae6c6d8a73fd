"""The page's pictures: paths, ratios, learning curves and the zoo. Each takes a figure or a part of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.card.closed_form import SHORT, Form
from analysis.card.content import Card
from analysis.card.measured import judged_by
from analysis.figures.axes import round_linear
from analysis.figures.picture import Picture
from analysis.figures.series import curve_names, mean_curve
from analysis.metrics import LOSS
from analysis.records import Sheet
from analysis.scan_plots import draw_path
from analysis.style import bare, line, looks

BESIDE = ("zigzag-8", "sweep-8")


def pictures(card: Card) -> dict[str, Picture]:
    """Heading -> picture, of what there is to draw."""
    result = {}
    if card.own is not None:
        shown = [card.own, *(card.zoo[name] for name in BESIDE if name in card.zoo)]
        result["First layer's path"] = Picture(
            (7.0, 2.6), _paths(shown), "Paths of " + ", ".join(f.name for f in shown)
        )
        ranked = sorted(
            (f for f in card.zoo.values() if SHORT in f.measures), key=lambda f: f.measures[SHORT]
        )
        if ranked:
            words = ", ".join(f"{f.name} {f.measures[SHORT]:.3f}" for f in ranked)
            result["Least excess in closed form"] = Picture(
                (7.0, 0.6 + 0.16 * len(ranked)), _zoo(ranked, card.own.name), f"From the best: {words}"
            )
    recorded = {setting: sheet for setting, sheet in card.sheets.items() if sheet.records}
    if any(pair.ratio is not None for pair in card.pairs):
        told = [
            f"{p.setting} {p.metric} over {p.other} {p.ratio.ratio}"
            for p in card.pairs
            if p.ratio is not None
        ]
        result["Ratios, paired by seed"] = Picture(
            (7.0, 0.8 + 0.22 * len(told)), _ratios(card), "; ".join(told)
        )
    if recorded:
        names = ", ".join(recorded)
        result["Learning curves"] = Picture(
            (7.0, 2.6), _curves(recorded), f"Learning curves of all arms on {names}"
        )
    return result


def _paths(forms: list[Form]) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        for ax, each in zip(np.atleast_1d(figure.subplots(1, len(forms))), forms, strict=True):
            draw_path(ax, each.first, each.name)

    return draw


def _zoo(ranked: list[Form], own: str) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        ax = figure.subplots()
        values = [each.measures[SHORT] for each in ranked]
        places = np.arange(len(ranked))
        colours = ["#D55E00" if each.name == own else "0.75" for each in ranked]
        bars = ax.barh(places, values, color=colours, edgecolor="black", linewidth=0.5)
        ax.bar_label(bars, fmt="%.3f", padding=2, fontsize=6.5)
        ax.set(
            yticks=places,
            yticklabels=[each.name for each in ranked],
            xlabel="least excess along the first path",
        )
        ax.invert_yaxis()
        ax.margins(x=0.1)
        bare(ax)

    return draw


def _ratios(card: Card) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        ax = figure.subplots()
        pairs = [pair for pair in card.pairs if pair.ratio is not None]
        for place, pair in enumerate(pairs):
            assert pair.ratio is not None
            between = pair.ratio.ratio
            colour = {"better": "#009E73", "worse": "#D55E00"}.get(pair.word, "0.35")
            if not np.isnan(between.low):
                ax.plot([between.low, between.high], [place, place], color=colour, linewidth=2)
            ax.plot(between.value, place, "o", color=colour, markersize=5)
        ax.axvline(1, color="black", linewidth=0.8, linestyle="--")
        labels = [f"{pair.setting} {pair.metric} over {pair.other}" for pair in pairs]
        ax.set(
            yticks=range(len(pairs)),
            yticklabels=labels,
            xlabel=f"{card.trial.arm.name} over the other (1: alike)",
        )
        ax.set_ylim(len(pairs) - 0.5, -0.5)
        bare(ax)

    return draw


def _curves(recorded: dict[str, Sheet]) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        for ax, (setting, sheet) in zip(
            figure.subplots(1, len(recorded), squeeze=False)[0], recorded.items(), strict=True
        ):
            names = curve_names(sheet.records)
            wanted = next((name for name in (judged_by(sheet), LOSS, "loss") if name in names), None)
            styles = looks(sheet.arms)
            for arm in sheet.arms if wanted else ():
                band = mean_curve(sheet.done(arm), str(wanted))
                if band is None:
                    continue
                look = line(styles[arm])
                ax.plot(band.step, band.mean, label=arm, markevery=max(1, len(band.step) // 6), **look)
                half = np.nan_to_num(band.half_width)
                ax.fill_between(
                    band.step,
                    band.mean - half,
                    band.mean + half,
                    color=look["color"],
                    alpha=0.15,
                    linewidth=0,
                )
            ax.set(xlabel="training step", ylabel=str(wanted or "").replace("_", " "), title=setting)
            round_linear(ax.xaxis)
            if ax.lines:
                ax.legend(fontsize=7)
            bare(ax)

    return draw
