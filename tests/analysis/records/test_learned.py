"""Networks that still learn are told from those that do not, by curves of known fall."""

from pathlib import Path

import numpy as np
import pytest
from fake_records import fill

from analysis.records import load, sheets
from analysis.records.learned import last_fall, learned
from studies.declare.registry import find_study
from studies.run.record import Record


def record(value: list[float], step: list[float] | None = None, name: str = "loss") -> Record:
    steps = step or [float(i) for i in range(1, len(value) + 1)]
    return Record(Path(), {"status": "done", "curves": {name: {"step": steps, "value": value}}})


def test_the_fall_of_a_line_is_its_fall() -> None:
    steps = np.linspace(10, 1000, 100)
    assert last_fall([record(list(2 - 0.001 * steps), list(steps))]) == pytest.approx(0.25 / 1.25, rel=1e-3)
    assert last_fall([record(list(1 + 0.001 * steps), list(steps))]) < 0  # type: ignore[operator]
    assert last_fall([record([1.0], [10.0])]) is None
    assert last_fall([]) is None
    assert last_fall([record([1.0, 0.5], [0.0, 0.0])]) is None  # no steps: no training


def test_noise_about_a_flat_curve_is_no_fall() -> None:
    rng = np.random.default_rng(0)
    noisy = [[record(list(1 + 0.03 * rng.normal(size=100))) for _ in range(3)] for _ in range(100)]
    assert np.mean([last_fall(records) > 0.02 for records in noisy]) < 0.05  # type: ignore[operator]


def test_the_held_out_loss_is_read_before_the_training_loss() -> None:
    both = record([1.0, 0.9, 0.8, 0.8])
    both.data["curves"]["held_out_loss"] = {"step": [300, 400], "value": [0.5, 0.4]}
    assert last_fall([both]) == pytest.approx(0.2 / 1.0, rel=0.2)


def test_a_sheet_is_not_learned_where_one_arm_is_not(tmp_path: Path) -> None:
    study, falling = (
        find_study("scan_ablation"),
        {"loss": {"step": [1, 2, 3, 4], "value": [1.0, 0.8, 0.7, 0.6]}},
    )
    fill(tmp_path)
    assert learned(sheets(study, load(tmp_path), "tiny")["digits-8"]).allowed
    fill(tmp_path, means={"sweep": 5.0}, curves=falling)
    sheet = learned(sheets(study, load(tmp_path), "tiny")["digits-8"])
    assert not sheet.allowed
    assert "1 of 4 arms" in sheet.why
    assert "sweep" in sheet.why
