"""Ticks are round numbers, written out."""

from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from analysis.figures.axes import at_sizes, plain, round_linear, round_log


@pytest.mark.parametrize(
    ("value", "written"), [(0.05, "0.05"), (2.0, "2"), (1024, "1,024"), (1e6, "1,000,000"), (0.3, "0.3")]
)
def test_numbers_are_written_out(value: float, written: str) -> None:
    assert plain(value) == written


def test_logarithmic_ticks_are_round() -> None:
    ax = Figure().subplots()
    ax.plot([1, 2], [2.1, 19.0])
    ax.set_yscale("log")
    round_log(ax.yaxis)
    low, high = ax.get_ylim()
    shown = [tick for tick in ax.get_yticks() if low <= tick <= high]
    assert shown == pytest.approx([2, 5, 10, 20])


def test_a_short_logarithmic_axis_has_more_ticks() -> None:
    ax = Figure().subplots()
    ax.plot([1, 2], [58, 112])
    ax.set_yscale("log")
    round_log(ax.yaxis)
    low, high = ax.get_ylim()
    assert [tick for tick in ax.get_yticks() if low <= tick <= high] == pytest.approx([70, 100])


def test_linear_ticks_are_few_and_round() -> None:
    ax = Figure().subplots()
    ax.plot([0, 497], [0, 1])
    round_linear(ax.xaxis)
    steps = {round(b - a) for a, b in pairwise(ax.get_xticks())}
    assert steps == {100} or steps == {200}
    assert 0 in ax.get_xticks()


def test_each_size_has_a_tick_and_labels_have_room() -> None:
    ax = Figure().subplots()
    ax.set_xscale("log")
    at_sizes(ax.xaxis, [64, 256, 576, 1024, 2304, 4096], apart=4.0)
    assert ax.get_xticks().tolist() == [64, 256, 1024, 4096]
    assert {576, 2304} <= set(ax.get_xticks(minor=True).tolist())
