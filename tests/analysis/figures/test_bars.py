"""Figures 11 and 13: bars that are the means, with their intervals."""

import math
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from analysis.figures.bars import draw_bars, figure_13
from analysis.figures.picture import Picture
from analysis.records import load
from analysis.stats import SeedMean


def test_bars_are_means_and_single_seeds_have_no_whisker() -> None:
    ax = Figure().subplots()
    draw_bars(ax, {"patch-1": SeedMean(3.0, 0.5, 3), "patch-8": SeedMean(9.0, math.nan, 1)}, "fd")
    assert [bar.get_height() for bar in ax.patches] == [3.0, 9.0]
    assert ax.get_ylim()[0] == 0
    (whiskers,) = ax.collections
    (segment,) = whiskers.get_segments()
    assert segment[:, 1].tolist() == pytest.approx([2.5, 3.5])
    assert [text.get_text() for text in ax.texts] == ["3", "9"]


def test_patch_sizes_have_quality_and_speed(recorded: Path) -> None:
    drawing = figure_13(load(recorded))
    assert isinstance(drawing, Picture)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure)
    assert [ax.get_ylabel() for ax in figure.axes] == ["fd digits", "images/s"]
    assert "prints no numbers" in drawing.notes[-1]
