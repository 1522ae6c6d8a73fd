"""The page's pictures: paths, ratios, learning curves and the zoo. Each takes a figure or a part of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from analysis.card.content import Card
from analysis.card.measured import judged_by
from analysis.closed_form import SHORT, Form
from analysis.figures.axes import round_linear, round_log
from analysis.figures.picture import Picture
from analysis.figures.series import Array, Band, curve, curve_names, mean_curve
from analysis.figures.trends import thinned
from analysis.metrics import LOSS
from analysis.records import Sheet
from analysis.scan_plots import draw_path
from analysis.style import bare, label, line, looks
from studies.run.record import Record
from zigma.scans import ScanOrder

BESIDE = ("zigzag-8", "sweep-8")
MOST_PATHS = 3  # of a plan of several curves
PATHS = "First path of each curve"
WIDE = 4.8  # inches: narrow, so that words can still be read on a telephone


def pictures(card: Card) -> dict[str, Picture]:
    """Heading -> picture, of what there is to draw."""
    result = {}
    if card.own is not None:
        several = len(card.own.paths) > 1
        shown = [
            (path, f"its {path.name}" if several else card.own.name) for path in card.own.paths[:MOST_PATHS]
        ]
        shown += [(card.zoo[name].paths[0], name) for name in BESIDE if name in card.zoo]
        result[PATHS] = Picture(
            (WIDE, 1.9), _paths(shown), "Paths of " + ", ".join(name for _, name in shown)
        )
        ranked = sorted(
            (f for f in card.zoo.values() if SHORT in f.measures), key=lambda f: f.measures[SHORT]
        )
        if ranked:
            words = ", ".join(f"{f.name} {f.measures[SHORT]:.3f}" for f in ranked)
            result["Least excess in closed form"] = Picture(
                (WIDE, 0.6 + 0.16 * len(ranked)), _zoo(ranked, card.own.name), f"From the best: {words}"
            )
    recorded = {setting: sheet for setting, sheet in card.sheets.items() if sheet.records}
    if any(pair.ratio is not None for pair in card.pairs):
        told = [
            f"{p.setting} {p.metric} over {p.other} {p.ratio.ratio}"
            for p in card.pairs
            if p.ratio is not None
        ]
        result["Ratios, paired by seed"] = Picture(
            (WIDE, 0.7 + 0.34 * len(told)), _ratios(card), "; ".join(told)
        )
    if recorded:
        names = ", ".join(recorded)
        result["Learning curves"] = Picture(
            (WIDE, 3.1 * len(recorded)), _curves(recorded), f"Learning curves of all arms on {names}"
        )
    return result


def _paths(shown: list[tuple[ScanOrder, str]]) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        for ax, (path, name) in zip(np.atleast_1d(figure.subplots(1, len(shown))), shown, strict=True):
            draw_path(ax, path, name)

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
            yticklabels=[label(each.name) for each in ranked],
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
        names = [f"{pair.setting}, {pair.metric}\nover {label(pair.other)}" for pair in pairs]
        ax.set(
            yticks=range(len(pairs)),
            yticklabels=names,
            xlabel=f"{label(card.trial.arm.name)} over the other (1: alike)",
        )
        ax.set_ylim(len(pairs) - 0.5, -0.5)
        ax.set_xscale("log")  # twice and half lie equally far from 1
        round_log(ax.xaxis)
        bare(ax)

    return draw


def _curves(recorded: dict[str, Sheet]) -> Callable[[Any], None]:
    def draw(figure: Any) -> None:
        axes = figure.subplots(2 * len(recorded), 1, squeeze=False, height_ratios=[2, 1] * len(recorded))[
            :, 0
        ]
        for (setting, sheet), whole, ratios in zip(recorded.items(), axes[::2], axes[1::2], strict=True):
            names = curve_names(sheet.records)
            name = next((name for name in (judged_by(sheet), LOSS, "loss") if name in names), None)
            whole.set(title=setting, ylabel=str(name or "").replace("_", " "))
            if name is not None:
                _draw_curves(whole, ratios, sheet, name)
            bare(whole)
            bare(ratios)

    return draw


def _draw_curves(whole: Any, ratios: Any, sheet: Sheet, name: str) -> None:
    """Every arm's curve with its interval, and below it over that of the first arm, which tells near ones apart."""
    styles, (first, *_) = looks(sheet.arms), sheet.arms
    for arm in sheet.arms:
        band, look = mean_curve(sheet.done(arm), name), line(styles[arm])
        if band is None:
            continue
        band = thinned(band)
        every = max(1, len(band.step) // 6)
        whole.plot(band.step, band.mean, label=f"{label(arm)} (n={band.seeds})", markevery=every, **look)
        half = np.nan_to_num(band.half_width)
        low, high = band.mean - half, band.mean + half
        if (band.mean > 0).all():
            low = np.maximum(low, 0.1 * band.mean)  # zero has no place on a logarithmic axis
        whole.fill_between(band.step, low, high, color=look["color"], alpha=0.15, linewidth=0)
        ratio = paired_curve(sheet.done(arm), sheet.done(first), name)
        if arm != first and ratio is not None:
            ratios.plot(*ratio, markevery=max(1, len(ratio[0]) // 6), **look)
    if whole.lines and all((drawn.get_ydata() > 0).all() for drawn in whole.lines):
        whole.set_yscale("log")
        round_log(whole.yaxis)
    if whole.lines:
        whole.legend(fontsize=7)
    ratios.axhline(1, color="black", linewidth=0.8, linestyle="--")
    ratios.set(xlabel="training step", ylabel=f"over {label(first)}", xlim=whole.get_xlim())
    for ax in (whole, ratios):
        round_linear(ax.xaxis)


def paired_curve(own: list[Record], others: list[Record], name: str) -> tuple[Array, Array] | None:
    """Steps, and the geometric mean over common seeds of a curve over another's; None without a common seed."""
    both = [{record["seed"]: curve(record, name) for record in records} for records in (own, others)]
    pairs = [(both[0][seed], both[1][seed]) for seed in both[0].keys() & both[1].keys()]
    usable = [(a, b) for a, b in pairs if a and b and a[0] == b[0] and min(*a[1], *b[1]) > 0]
    if not usable:
        return None
    steps = usable[0][0][0]
    logs = [np.log(a[1]) - np.log(b[1]) for a, b in usable if a[0] == steps]
    mean = np.mean(logs, axis=0)
    whole = Band(np.asarray(steps, float), mean, np.zeros_like(mean), len(logs))
    thin = thinned(whole)
    return thin.step, np.exp(thin.mean)
