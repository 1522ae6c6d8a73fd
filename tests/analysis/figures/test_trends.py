"""Figures 8 and 14: curves with the seeds' band."""

from pathlib import Path

import numpy as np
import pytest
from fake_records import PROTOCOL, drawn_metrics, record_of, write
from matplotlib.figure import Figure

from analysis.figures.picture import Missing, Picture
from analysis.figures.series import Band
from analysis.figures.trends import (
    ROW,
    TOGETHER,
    curves_height,
    draw_apart,
    draw_legend,
    draw_trend,
    figure_8,
    figure_14,
    thinned,
    trends,
)
from analysis.records import load
from analysis.style import WIDTH, style
from studies.declare.registry import find_study
from studies.declare.study import runs


def a_band(mean: list[float], half: list[float]) -> Band:
    return Band(np.arange(1.0, len(mean) + 1), np.array(mean), np.array(half), 3)


def test_curve_and_band() -> None:
    ax = Figure().subplots()
    draw_trend(ax, {"sweep": a_band([4, 2], [1, 0.5]), "zigzag-8": a_band([3, 1], [1, 3])}, "loss", log=True)
    assert ax.get_yscale() == "log"
    assert ax.get_legend_handles_labels()[1] == ["sweep (n=3)", "zigzag-8 (n=3)"]
    assert ax.lines[0].get_ydata().tolist() == [4, 2]
    lowest = ax.collections[1].get_paths()[0].vertices[:, 1].min()
    assert lowest > 0, "an interval that reaches below zero is cut off"
    dashes = {line.get_linestyle() for line in ax.lines}
    markers = {line.get_marker() for line in ax.lines}
    assert len(dashes) == len(markers) == 2, "readable in grey"


def test_a_noisy_curve_is_drawn_as_means_of_neighbouring_points() -> None:
    noisy = Band(np.arange(1.0, 101), 1 + 0.5 * (-1.0) ** np.arange(100), np.full(100, 0.1), 3)
    drawn = thinned(noisy, most=25)
    assert drawn.step.tolist()[:2] == [2.5, 6.5]
    assert drawn.mean == pytest.approx(np.ones(25))
    assert thinned(drawn, most=25) is drawn


def test_the_steep_beginning_does_not_hide_where_arms_differ() -> None:
    steep = np.array([50.0, 5.0, 1.2, 1.1, 1.0, 0.98, 0.97, 0.96, 0.95, 0.94])
    ax = Figure().subplots()
    flat = np.zeros(10)
    step = np.arange(10.0, 110, 10)
    draw_trend(ax, {"a": Band(step, steep, flat, 3), "b": Band(step, steep + 0.1, flat, 3)}, "loss")
    assert ax.get_ylim()[1] < 6


def test_each_of_many_curves_has_a_panel_before_the_others_in_grey() -> None:
    bands = {f"arm {k}": a_band([4 + k, 2 + k], [1, 0.5]) for k in range(9)}
    with style():
        figure = Figure(figsize=(WIDTH, 4), layout="constrained")
        draw_apart(figure, bands, "loss")
        figure.draw_without_rendering()
    assert [ax.get_title() for ax in figure.axes] == [f"arm {k} (n=3)" for k in range(9)]
    for k, ax in enumerate(figure.axes):
        own = [line for line in ax.lines if line.get_color() != "0.82"]
        assert len(ax.lines) == 9
        assert [line.get_ydata().tolist() for line in own] == [[4 + k, 2 + k]]
        behind = [line.get_ydata()[0] for line in ax.lines if line not in own]
        assert behind == sorted(behind), (
            "in the order of the curves, so that the same records give the same file"
        )
    assert len({ax.get_ylim() for ax in figure.axes}) == 1, "panels are compared"


@pytest.mark.parametrize("curves", [1, 4, 6])
def test_the_legend_covers_neither_curves_nor_labels_and_is_whole(curves: int) -> None:
    names = [f"{'a mixer of many words, learning rate 0.004' * 2} {k}" for k in range(curves)]
    with style():
        figure = Figure(figsize=(WIDTH, curves_height(names)), layout="constrained")
        ax = figure.subplots(1, 2)[0]
        draw_trend(ax, {name: a_band([4, 2], [1, 0.5]) for name in names}, "loss")
        draw_legend(figure, ax, loc="outside lower center")
        figure.draw_without_rendering()
    legend = figure.legends[0].get_window_extent()
    assert not legend.overlaps(ax.get_window_extent())
    assert not legend.overlaps(ax.xaxis.label.get_window_extent())
    assert min(legend.x0, legend.y0) >= 0, "all of it is on the page"
    assert legend.x1 <= figure.bbox.x1
    assert ax.get_window_extent().height > 0.4 * ROW * figure.dpi, "and leaves room for the curves"


def test_titles_of_small_panels_do_not_run_into_each_other() -> None:
    bands = {f"gated-linear-attention random, rate {k}": a_band([4, 2], [1, 0.5]) for k in range(9)}
    with style():
        figure = Figure(figsize=(WIDTH, curves_height(bands)), layout="constrained")
        draw_apart(figure, bands, "loss")
        figure.draw_without_rendering()
    titles = [ax.title.get_window_extent() for ax in figure.axes]
    assert not any(one.overlaps(other) for i, one in enumerate(titles) for other in titles[:i])
    assert max(title.x1 for title in titles) <= figure.bbox.x1


def test_values_that_are_not_positive_keep_a_linear_axis() -> None:
    ax = Figure().subplots()
    draw_trend(ax, {"sweep": a_band([1, -1], [0.1, 0.1])}, "kid", log=True)
    assert ax.get_yscale() == "linear"


def test_the_papers_values_stand_beside_ours(recorded: Path) -> None:
    drawing = figure_8(load(recorded))
    assert isinstance(drawing, Picture)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure)
    assert [place.get_suptitle() for place in figure.subfigs] == ["tiny, digits-16"]
    written = {text.get_text() for text in figure.axes[1].texts}
    assert {"27.38", "13.32"} <= written
    bars = [text.get_text() for text in figure.axes[1].get_xticklabels()]
    assert not any("released" in bar for bar in bars), "the paper prints one Hilbert row, for two readings"
    assert len({record["identity"] for record in drawing.records}) == len(drawing.records)


def test_loss_and_quality_at_each_resolution(recorded: Path) -> None:
    drawing = figure_14(load(recorded))
    assert isinstance(drawing, Picture)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure)
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels.count("loss") == 2
    assert "zigzag-8 from 1 to 0.71 (3 seeds)" in drawing.alt


def test_the_notes_tell_of_the_curves_and_not_of_the_end(tmp_path: Path) -> None:
    """During training fewer samples are judged: the last point of a curve is no number of the table."""
    points = {"step": [100, 200], "value": [2.0, 1.0], "protocol": {**PROTOCOL, "n_generated": 100}}
    for run in runs(find_study("scan_trends"), "tiny"):
        write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0), curves={"fd_digits": points}))
    drawing = figure_8(load(tmp_path, "own"))
    assert isinstance(drawing, Picture)
    rules = [note for note in drawing.notes if "generated" in note]
    assert rules == [
        "tiny, digits-16: fd_digits: 100 generated, 500 real, reference: held-out, extractor: digits, on the way."
    ]


def test_more_curves_than_can_be_followed_together_stand_apart(tmp_path: Path) -> None:
    study = find_study("scan_zoo")
    for run in runs(study, "desk", settings=["fields-8"]):
        curve = {"step": [20, 60, 100], "value": [3.0, 2.0, 1.0]}
        write(
            tmp_path, run, record_of(run, [{"name": "held_out_loss", "value": 1.0}], curves={"loss": curve})
        )
    drawing = trends(study, load(tmp_path), loss=True)
    assert isinstance(drawing, Picture)
    figure = Figure(figsize=drawing.size, layout="constrained")
    drawing.draw(figure)
    assert len(figure.axes) == len(study.arms) > TOGETHER


def test_a_curve_without_points_is_none(tmp_path: Path) -> None:
    study = find_study("scan_ablation")
    (run,) = runs(study, "tiny", settings=["digits-8"])[:1]
    empty: dict[str, list[float]] = {"step": [], "value": []}
    write(tmp_path, run, record_of(run, [{"name": "held_out_loss", "value": 1.0}], curves={"loss": empty}))
    assert isinstance(trends(study, load(tmp_path), loss=True), Missing)
