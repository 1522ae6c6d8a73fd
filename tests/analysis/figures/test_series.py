"""What figures plot, as functions of records and arrays."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_records import record_of, write

from analysis.figures.notes import provenance
from analysis.figures.series import (
    band,
    by_arm,
    growth_exponent,
    mean_curve,
    ratio,
    recorded_sheets,
    token_count,
)
from analysis.records import load
from analysis.stats import mean_over_seeds
from studies.declare.registry import find_study
from studies.declare.study import runs
from studies.run.record import Record


def with_curve(step: Any, value: Any, status: str = "done") -> Record:
    data = {"curves": {"loss": {"step": step, "value": value}}, "status": status}
    return Record(Path("some/record.json"), data)


def test_band_is_the_estimate_at_each_step() -> None:
    values = np.array([[1.0, 5.0], [2.0, 9.0], [6.0, 7.0]])
    mean, half = band(values)
    for column in range(2):
        expected = mean_over_seeds(list(values[:, column]))
        assert (mean[column], half[column]) == (expected.mean, expected.half_width)


def test_a_single_seed_has_no_band() -> None:
    mean, half = band([[1.0, 2.0]])
    assert mean.tolist() == [1.0, 2.0]
    assert np.isnan(half).all()


def test_mean_curve_takes_the_steps_that_most_runs_share() -> None:
    runs = [
        with_curve([1, 2], [4.0, 2.0]),
        with_curve([1, 3], [90.0, 90.0]),
        with_curve([1, 2], [6.0, 4.0]),
        with_curve([1, 2], [70.0, 70.0], status="failed"),
    ]
    curve = mean_curve(runs, "loss")
    assert curve is not None
    assert curve.step.tolist() == [1, 2]
    assert curve.mean.tolist() == [5.0, 3.0]
    assert (curve.seeds, curve.left_out) == (2, 1)
    assert mean_curve(runs, "fid") is None


def test_growth_exponent_is_the_exponent() -> None:
    assert growth_exponent({n: 3.0 * n**2 for n in (64, 256, 1024, 4096)}) == pytest.approx(2)
    assert growth_exponent({64: 7.0, 256: 28.0}) == pytest.approx(1)
    assert growth_exponent({64: 7.0}) is None
    with_fixed_cost = {n: 1000 + n**2 for n in (8, 16, 256, 1024, 4096)}  # looks flat where it is small
    assert growth_exponent(with_fixed_cost) == pytest.approx(2, abs=0.01)


def test_ratio_is_taken_where_both_are() -> None:
    assert ratio({64: 2.0, 256: 12.0, 1024: 99.0}, {64: 1.0, 256: 3.0}) == (256, 4.0)
    assert ratio({64: 2.0}, {256: 3.0}) is None
    assert ratio({64: 2.0}, {64: 0.0}) is None


def test_tokens_of_images_and_videos() -> None:
    def record(grid: list[int], patch: int) -> Record:
        return Record(Path(), {"config": {"model": {"grid": grid, "patch": patch}}})

    assert token_count(record([32, 48], 2)) == 16 * 24
    assert token_count(record([16, 32, 32], 2)) == 16 * 16 * 16


def test_sheets_have_records(recorded: Path) -> None:
    records = load(recorded)
    parts = recorded_sheets(find_study("spatial_continuity"), records)
    assert [(part.scale, part.setting) for part in parts] == [("tiny", "digits-16")]
    values = by_arm(parts[0], "fd_digits")
    assert list(values) == [arm.name for arm in find_study("spatial_continuity").arms]
    assert all(value.n == 3 for value in values.values())


def test_what_two_machines_timed_is_not_averaged(tmp_path: Path) -> None:
    """Three seeds of one machine and two of another: the figure shows the three, and says so."""
    for run in runs(find_study("patch_size"), "tiny", range(5), settings=["speed"]):
        own = run.config.seed < 3
        environment = {"device": "a processor" if own else "a card", "device_kind": "cpu"}
        metrics = [{"name": "images_per_s", "value": 10.0 + 0.1 * run.config.seed if own else 480.0}]
        write(tmp_path, run, record_of(run, metrics, environment=environment))
    part = next(p for p in recorded_sheets(find_study("patch_size"), load(tmp_path)) if p.setting == "speed")
    assert {(value.n, round(value.mean, 1)) for value in by_arm(part, "images_per_s").values()} == {(3, 10.1)}
    assert any(
        "8 values of images_per_s by other rules left out" in n for n in provenance(part, "images_per_s")
    )
