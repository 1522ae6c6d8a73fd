"""Arms between baselines and floor."""

from pathlib import Path

from fake_records import fill
from matplotlib.figure import Figure

from analysis.figures.levels import draw_levels, figure_levels, main_standings
from analysis.figures.picture import Missing, Picture
from analysis.records import Records, load
from analysis.stats import SeedMean

LEVELS = (
    ("real", "floor", 0.2),
    ("linear", "baseline", 3.0),
    ("pixels", "baseline", 8.0),
    ("start", "start", 12.0),
)


def test_what_lies_between_the_best_baseline_and_the_floor_is_shaded() -> None:
    ax = Figure().subplots()
    draw_levels(ax, {"sweep": SeedMean(7.0, 0.5, 3), "zigzag-8": SeedMean(2.0, 0.1, 3)}, LEVELS, "fd")  # type: ignore[arg-type]
    (shaded,) = ax.patches
    assert (shaded.get_x(), shaded.get_x() + shaded.get_width()) == (0.2, 3.0)  # type: ignore[attr-defined]
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == ["sweep", "zigzag-8", "real", "linear", "pixels", "start"]
    assert ax.get_xscale() == "log"
    assert ax.get_ylim()[0] > ax.get_ylim()[1], "the first arm is on top"


def test_an_optimum_of_zero_keeps_a_linear_axis() -> None:
    ax = Figure().subplots()
    draw_levels(
        ax,
        {"a": SeedMean(0.3, 0.01, 3)},
        (("optimum", "floor", 0.0), ("one token", "baseline", 0.7)),
        "excess",
    )
    assert ax.get_xscale() == "linear"


def test_table_1_is_shown_where_it_is_recorded_at_the_largest_scale(tmp_path: Path) -> None:
    assert isinstance(figure_levels(Records()), Missing)
    fill(tmp_path, "hilbert")
    assert [s.part.study.name for s in main_standings(load(tmp_path))] == ["hilbert"]
    fill(tmp_path, "scan_ablation")
    assert [s.part.study.name for s in main_standings(load(tmp_path))] == ["scan_ablation"]
    fill(tmp_path, "scan_ablation", "small", setting="shapes-32")
    (standing,) = main_standings(load(tmp_path))
    assert standing.part.scale == "small"
    figure = figure_levels(load(tmp_path))
    assert isinstance(figure, Picture)
    assert figure.alt.startswith("fd digits at small, shapes-32: sweep 5.09")
