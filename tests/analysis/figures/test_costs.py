"""Figures 6 and 7: which numbers stand on which line."""

from pathlib import Path

import pytest
from fake_records import drawn_metrics, record_of, write, write_beside
from matplotlib.figure import Figure

from analysis.figures.costs import SPEED, costs, draw_growth, draw_paths, family, figure_6, paths_of
from analysis.figures.picture import Picture
from analysis.figures.series import token_count
from analysis.records import load
from analysis.stats import SeedMean
from studies.declare.identity import as_recorded
from studies.declare.registry import find_study
from studies.declare.study import runs
from studies.run.record import Record, record_path
from zigma.common.plugged import LeftOut


def line(values: dict[int, float], half_width: float = 0.1) -> dict[int, SeedMean]:
    return {size: SeedMean(value, half_width, 3) for size, value in values.items()}


def test_measurements_have_intervals() -> None:
    ax = Figure().subplots()
    draw_paths(ax, {"zigzag": line({1: 99.0, 8: 100.0}, 5.0)}, SPEED)
    ((_, _, (bars,)),) = ax.containers
    assert [tuple(segment[:, 1]) for segment in bars.get_segments()] == [(94.0, 104.0), (95.0, 105.0)]


@pytest.mark.parametrize(
    ("plan", "paths"),
    [
        ("zigzag-8", 8),
        ("parallel-4", 4),
        ("bidirectional", 2),
        ("sweep", 1),
        ("zigzag-1", 1),
        ("vmamba", 4),
        ("sweep@0,1,6,7", 4),
        ("zigzag-4+hilbert-4", 8),
        ("parallel-(sweep@0,6+zigzag@1)", 3),
    ],
)
def test_paths_of_a_plan(plan: str, paths: int) -> None:
    assert paths_of(Record(Path(), {"config": {"model": {"scan": plan}}})) == paths


def test_a_record_whose_plan_cannot_be_read_is_left_out(tmp_path: Path) -> None:
    study = find_study("order_receptive_field")
    zigzag, gone = [run for run in runs(study, "tiny") if run.arm in ("zigzag-8", "parallel-4")]
    write(tmp_path, zigzag, record_of(zigzag, drawn_metrics(zigzag, 4.0)))
    config = as_recorded(gone.config)
    config["model"]["scan"] = "gone.py:curve-2"
    write_beside(
        record_path(tmp_path, gone),
        {**record_of(gone, drawn_metrics(gone, 4.0)), "arm": "own-2", "config": config},
    )
    with pytest.warns(LeftOut, match="no file gone.py"):
        (part,) = costs("order_receptive_field", load(tmp_path), family, paths_of).values()
    assert {name: list(points) for name, points in part.points(SPEED).items()} == {"zigzag": [8]}
    assert [record["arm"] for record in part.records] == ["zigzag-8"]


def test_families() -> None:
    assert [family(arm) for arm in ("zigzag-8", "parallel-1", "bidirectional")] == [
        "zigzag",
        "parallel",
        "bidirectional",
    ]


def test_devices_never_share_a_line_and_failures_are_named(tmp_path: Path) -> None:
    planned = runs(find_study("complexity"), "tiny")
    for run in planned:
        environment = {"device": "machine A" if run.setting == "8x8" else "machine B", "device_kind": "cpu"}
        failed = run.arm == "U-ViT" and run.setting == "32x32"
        outcome = {"status": "failed", "error": "out of memory"} if failed else {}
        metrics = [] if failed else drawn_metrics(run, 4.0)
        write(tmp_path, run, record_of(run, metrics, environment=environment, **outcome))
    figure = costs("complexity", load(tmp_path), lambda arm: arm, token_count)
    assert list(figure) == [("tiny", "machine A"), ("tiny", "machine B")]
    (only,) = figure["tiny", "machine A"].points(SPEED)["ZigMa"].items()
    assert (only[0], only[1].mean) == (64, 250.0)
    other = figure["tiny", "machine B"]
    assert list(other.points(SPEED)) == ["ZigMa", "DiT", "U-ViT"]
    assert list(other.points(SPEED)["DiT"]) == [256, 576, 1024, 2304, 4096]
    assert list(other.points(SPEED)["U-ViT"]) == [256, 576, 2304, 4096]
    assert other.failed == ["U-ViT 32x32 seed 0"]
    picture = figure_6(load(tmp_path))
    assert isinstance(picture, Picture)
    assert any("failed: U-ViT 32x32 seed 0" in note for note in picture.notes)
    assert "250 at 64" in picture.alt


def test_measurements_are_counted_point_by_point(tmp_path: Path) -> None:
    for run in runs(find_study("complexity"), "tiny", range(3)):
        if run.config.seed < 2 or run.setting == "8x8":
            write(tmp_path, run, record_of(run, drawn_metrics(run, 4.0)))
    picture = figure_6(load(tmp_path))
    assert isinstance(picture, Picture)
    assert any("mean and 95 % interval of 2 to 3 measurements" in note for note in picture.notes)


def test_growth_says_exponent_and_ratio() -> None:
    ax = Figure().subplots()
    points = {"ZigMa": line({64: 10.0, 256: 40.0}), "DiT": line({64: 10.0, 256: 160.0})}
    draw_growth(ax, points, "peak_memory_mib")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["ZigMa  L^1.00", "DiT  L^2.00  ×4"]
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_labels_have_room_and_ratios_are_written_out() -> None:
    ax = Figure().subplots()
    sizes = (1024, 4096, 9216, 16384, 25600, 38416)
    points = {"ZigMa": line(dict.fromkeys(sizes, 1.0)), "U-ViT": line(dict.fromkeys(sizes, 682.4))}
    draw_growth(ax, points, "peak_memory_mib")
    assert ax.get_xticks().tolist() == [1024, 9216, 38416]
    assert ax.get_legend().get_texts()[1].get_text().endswith("×682")


def test_what_is_flat_looks_flat() -> None:
    ax = Figure().subplots()
    draw_paths(ax, {"zigzag": line({1: 99.0, 8: 100.0})}, SPEED)
    assert ax.get_ylim()[0] == 0
