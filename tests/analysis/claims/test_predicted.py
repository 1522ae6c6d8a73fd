"""How often measures of plans predict networks, on planted orders."""

from pathlib import Path

from fake_records import fill

from analysis.claims.predicted import Predicted, predicted
from analysis.records import load, sheets
from studies.declare.registry import find_study

ORDER = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}


def by_measure(results: Path, study: str = "scan_ablation") -> dict[str, Predicted]:
    sheet = sheets(find_study(study), load(results), "tiny")["digits-8"]
    return {item.measure: item for item in predicted(sheet)}


def test_a_measure_predicts_only_the_pairs_that_it_tells_apart(tmp_path: Path) -> None:
    """All zigzags step to a neighbour and the sweep does not; the plans of several schemes let every token see all."""
    fill(tmp_path, means=ORDER, spread=0.01, seeds=3)
    items = by_measure(tmp_path)
    continuity, sight = items["unit_steps"], items["excess"]
    assert (continuity.pairs, continuity.apart, continuity.seeds, continuity.right) == (6, 3, 3, 9)
    assert sight.apart >= 4
    assert sight.right <= sight.decisions == sight.apart * 3
    assert items["gap_mean"].apart == items["gap_mean"].decisions == 0  # the same of all four


def test_a_network_that_prefers_the_sweep_is_predicted_wrongly(tmp_path: Path) -> None:
    fill(tmp_path, means=ORDER | {"sweep": 1.0}, spread=0.01, seeds=2)
    continuity = by_measure(tmp_path)["unit_steps"]
    assert (continuity.decisions, continuity.right) == (6, 0)


def test_arms_that_differ_in_more_than_their_plan_are_no_pair(tmp_path: Path) -> None:
    """Of Table 1's controls two learn positions, and one has layers of two directions."""
    fill(tmp_path, "scan_controls", means={"sweep-2": 3.0, "sweep-8": 2.0, "sweep learned": 1.0}, seeds=2)
    assert {item.pairs for item in by_measure(tmp_path, "scan_controls").values()} == {1}


def test_networks_that_have_not_learned_are_not_predicted(tmp_path: Path) -> None:
    falling = {"loss": {"step": [100, 200, 300, 400], "value": [1.0, 0.8, 0.6, 0.4]}}
    fill(tmp_path, means=ORDER, seeds=2, curves=falling)
    assert by_measure(tmp_path) == {}


def test_an_arm_with_few_seeds_takes_none_from_the_others(tmp_path: Path) -> None:
    three = {name: value for name, value in ORDER.items() if name != "zigzag-8"}
    fill(tmp_path, means=three, spread=0.01, seeds=3)
    fill(tmp_path, means={"zigzag-8": ORDER["zigzag-8"]}, spread=0.01, seeds=1)
    continuity = by_measure(tmp_path)["unit_steps"]  # the sweep against three zigzags
    assert (continuity.seeds, continuity.decisions, continuity.right) == (3, 7, 7)
