"""How often a smaller scale predicts a larger one, on planted orders."""

import math
from pathlib import Path

import pytest
from fake_records import fill

from analysis.claims.decision import accuracy, decision_accuracies
from analysis.records import load, sheets
from studies.declare.registry import find_study

STUDY = find_study("scan_ablation")
ORDER = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}


def test_every_pair_that_two_scales_share_is_a_decision_of_each_seed(tmp_path: Path) -> None:
    fill(tmp_path, means=ORDER, spread=0.01, seeds=3)
    fill(tmp_path, scale="small", setting="shapes-32", means={**ORDER, "zigzag-2": 8.0}, spread=0.01, seeds=2)
    records = load(tmp_path)
    accuracies = decision_accuracies({scale: sheets(STUDY, records, scale) for scale in STUDY.scales})
    larger = next(item for item in accuracies if item.larger == "small shapes-32")
    assert (larger.scale, larger.setting, larger.metric) == ("tiny", "digits-8", "fd_digits")
    # one pair is swapped
    assert (larger.pairs, larger.seeds, larger.decisions, larger.right) == (6, 3, 18, 15)
    assert larger.share == pytest.approx(15 / 18)
    assert larger.device_seconds == 80.0
    printed = next(item for item in accuracies if item.larger == "printed 256 FID" and item.scale == "tiny")
    assert printed.share == 1.0


def test_without_a_shared_pair_or_a_time_nothing_is_made_up(tmp_path: Path) -> None:
    fill(tmp_path, means=ORDER, seeds=2, wall_time_s={})
    sheet = sheets(STUDY, load(tmp_path), "tiny")["digits-8"]
    assert accuracy(sheet, {"zigzag-8": 1.0, "another": 2.0}, "other") is None
    assert accuracy(sheet, {"zigzag-8": 1.0, "sweep": 1.0}, "tie") is None
    one = accuracy(sheet, {"zigzag-8": 1.0, "sweep": 2.0}, "other")
    assert one is not None
    assert (one.decisions, one.right) == (2, 2)
    assert math.isnan(one.device_seconds)


def test_an_arm_with_few_seeds_takes_none_from_the_others(tmp_path: Path) -> None:
    fill(tmp_path, means={"sweep": 9.0, "zigzag-1": 7.0}, spread=0.01, seeds=3)
    fill(tmp_path, means={"zigzag-8": 4.0}, spread=0.01, seeds=1)
    sheet = sheets(STUDY, load(tmp_path), "tiny")["digits-8"]
    item = accuracy(sheet, ORDER, "other")
    assert item is not None
    assert (item.pairs, item.seeds, item.decisions, item.right) == (3, 3, 5, 5)
