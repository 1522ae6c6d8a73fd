"""Excess over the optimum, parted by what a path cannot see."""

import math
from pathlib import Path

import pytest
from fake_records import record_of, write
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure

from analysis.figures.exact import (
    UNLEARNED,
    UNPARTED,
    UNSEEN,
    ArmExcess,
    draw_parts,
    excess_row,
    figure_exact,
    in_words,
)
from analysis.figures.picture import Picture
from analysis.records import load, sheets
from analysis.stats import SeedMean
from studies.declare.registry import find_study
from studies.declare.study import runs

STUDY = find_study("exact")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two settings, three seeds: the further down the list, the worse."""
    folder = tmp_path_factory.mktemp("exact")
    order = [arm.name for arm in STUDY.arms]
    for run in runs(STUDY, "tiny", range(3), settings=["rows-16", "rows-8-positions"]):
        end = 0.1 + 0.05 * order.index(run.arm) + 0.001 * run.config.seed
        levels = {"excess_velocity": end, "excess_velocity_plan": 0.04, "excess_velocity_one_token": 0.75}
        metrics = [{"name": name, "value": value} for name, value in levels.items()]
        curve = {"step": [20, 60, 100], "value": [5 * end, 2 * end, end]}
        write(folder, run, record_of(run, metrics, curves={"loss": curve, "excess_velocity": curve}))
    return folder


def test_the_excess_is_what_is_unseen_and_what_is_not_learned(results: Path) -> None:
    row = excess_row(sheets(STUDY, load(results), "tiny")["rows-16"])
    assert row is not None
    assert row.one_token == pytest.approx(0.75)
    best = row.arms["sweep-1"]
    assert next(iter(row.arms)) == "sweep-1"
    assert (best.unseen, best.unlearned) == (pytest.approx(0.04), pytest.approx(0.061))
    assert best.end.half_width > 0
    ax = Figure().subplots()
    draw_parts(ax, row.arms, row.one_token, row.part.arms)
    widths = [bar.get_width() for bars in ax.containers[:2] for bar in bars]
    assert widths[0] + widths[len(row.arms)] == pytest.approx(best.end.mean)
    assert ax.get_yticklabels()[0].get_text() == "sweep-1"
    assert ax.yaxis_inverted()


def test_one_seed_has_no_interval() -> None:
    """Not even one of no width, whose ends look like that of many seeds that agree; others are around the mean."""
    arms = {
        "one": ArmExcess(SeedMean(0.3, math.nan, 1), 0.1, None),
        "three": ArmExcess(SeedMean(0.4, 0.01, 3), 0.1, None),
        "below its least": ArmExcess(SeedMean(0.1, 0.02, 3), 0.12, None),
    }
    ax = Figure().subplots()
    draw_parts(ax, arms, None)
    (bars,) = [container[2][0] for container in ax.containers if isinstance(container, ErrorbarContainer)]
    one, three, below = bars.get_segments()
    assert len(one) == 0
    assert three[:, 0] == pytest.approx([0.39, 0.41])
    assert below[:, 0] == pytest.approx([0.08, 0.12])


def test_the_figure_has_a_row_for_each_setting(results: Path) -> None:
    drawing = figure_exact(load(results))
    assert isinstance(drawing, Picture)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == ["tiny, rows-16", "tiny, rows-8-positions"]
    assert "sweep-1 0.101 of which 0.04 unseen" in drawing.alt
    assert len(drawing.records) == 2 * 3 * len(STUDY.arms)


def test_a_network_a_little_below_its_least_has_nothing_left_to_learn(tmp_path: Path) -> None:
    (run,) = runs(STUDY, "tiny", settings=["rows-16"])[:1]
    metrics = [{"name": "excess_velocity", "value": 0.1}, {"name": "excess_velocity_plan", "value": 0.11}]
    write(tmp_path, run, record_of(run, metrics))
    row = excess_row(sheets(STUDY, load(tmp_path), "tiny")["rows-16"])
    assert row is not None
    assert row.arms[run.arm].unlearned == 0.0
    ax = Figure().subplots()
    draw_parts(ax, row.arms, None)


def test_what_was_not_recorded_is_neither_said_nor_drawn_as_none(tmp_path: Path) -> None:
    """An order that depends on the image has no least excess."""
    (run,) = runs(STUDY, "tiny", settings=["rows-16"])[:1]
    write(tmp_path, run, record_of(run, [{"name": "excess_velocity", "value": 0.3}]))
    row = excess_row(sheets(STUDY, load(tmp_path), "tiny")["rows-16"])
    assert row is not None
    assert row.arms[run.arm].unseen is None
    assert "unseen" not in in_words(row)
    ax = Figure().subplots()
    draw_parts(ax, row.arms, None)
    widths = {bars.get_label(): [bar.get_width() for bar in bars] for bars in ax.containers[:3]}
    assert widths == {UNSEEN: [0.0], UNLEARNED: [0.0], UNPARTED: [pytest.approx(0.3)]}
    assert row.one_token is None
