"""The kinds of statement: order, equality, gains, effects, and what decides about quality."""

from pathlib import Path

import pytest
from fake_records import fill, record_of, write
from planted import AS_CLAIMED, CLAIM, POSITIONS, judged, plant, verdict

from analysis.claims.judge import assess
from analysis.claims.kinds import Alike, NoWorse, Order, SmallerEffect
from analysis.records import load, sheets
from studies.declare.registry import find_study
from studies.declare.study import runs


def test_being_better_is_not_being_worse(tmp_path: Path) -> None:
    """V5: `as-good-as-transformers` failed where ZigMa was better, and was decided by the memory of a CPU."""
    plant(tmp_path, "transformers", {"U-ViT": 9.0, "DiT": 8.0, "ZigMa": 4.0})
    assert judged(tmp_path, NoWorse("transformers", ("ZigMa", "DiT"))).verdict == "holds"
    assert judged(tmp_path, Alike("transformers", ("ZigMa", "DiT"))).verdict == "reversed"
    for run in runs(find_study("transformers"), "tiny", range(3), settings=["s2-32x32"]):
        write(tmp_path, run, record_of(run, [{"name": "peak_memory_mib", "value": 100.0 + len(run.arm)}]))
    result = judged(tmp_path, Order("transformers", ("ZigMa", "DiT"), "peak_memory_mib"))
    assert result.verdict == "not tried"
    assert not result.at[0].tested[0].contrast.decides


def test_eyes_that_see_no_colour_do_not_decide_about_shapes(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED, setting="shapes-16")
    tested = verdict(tmp_path, "zigzag-beats-sweep").last.tested
    assert {(t.contrast.metric, t.contrast.decides) for t in tested} == {
        ("held_out_loss", True),
        ("fd_digits", False),
    }


def test_a_gain_that_grows(tmp_path: Path) -> None:
    for setting, gain in (("shapes-32", 1.2), ("shapes-64", 2.0)):
        means = {"zigzag-1": 8.0, "zigzag-8": 8.0 / gain}
        plant(tmp_path, "scan_ablation", means, setting=setting, scale="small")
    result = verdict(tmp_path, "gain-grows-with-resolution")
    assert result.verdict == "holds"
    assert result.last.tested[0].contrast.setting == "shapes-32 to shapes-64"
    tested = next(t for t in result.last.tested if t.contrast.metric == "fd_digits")
    assert tested.value == pytest.approx(2.0 / 1.2, rel=0.05)


def test_positions(tmp_path: Path) -> None:
    fill(tmp_path / "a", "position_embedding", means=POSITIONS, spread=0.01, seeds=5)
    assert verdict(tmp_path / "a", "zigma-hardly-needs-positions").verdict == "holds"
    assert verdict(tmp_path / "a", "learned-beats-cosine-beats-none").verdict == "holds"
    effect = SmallerEffect(
        "position_embedding", ("ZigMa none", "ZigMa cosine"), ("VisionMamba none", "VisionMamba cosine")
    )
    worse = {**POSITIONS, "ZigMa cosine": 9.0}  # a large harm is no small effect
    fill(tmp_path / "b", "position_embedding", means=worse, spread=0.01, seeds=5)
    assert judged(tmp_path / "b", effect).verdict == "reversed"


def test_order_receptive_field(tmp_path: Path) -> None:
    for run in runs(find_study("order_receptive_field"), "tiny", range(4)):
        k = int(run.arm.rpartition("-")[2]) if "-" in run.arm else 2
        value = 5.0 * (k if run.arm.startswith("parallel") else 1) * (1 + 0.001 * run.config.seed * (-1) ** k)
        count = {"name": "parameters", "value": 1000 * (k if run.arm.startswith("parallel") else 1)}
        write(tmp_path, run, record_of(run, [{"name": "latency_ms", "value": value}, count]))
    free = CLAIM["order-receptive-field-is-free"].statements
    assert judged(tmp_path, free[0], free[2]).verdict == "holds"
    assert verdict(tmp_path, "parallel-scans-are-not-free").verdict == "holds"


def test_equal_counts_are_not_growth_and_need_one_seed(tmp_path: Path) -> None:
    for run in runs(find_study("order_receptive_field"), "tiny"):
        write(tmp_path, run, record_of(run, [{"name": "parameters", "value": 1000}]))
    result = verdict(tmp_path, "parallel-scans-are-not-free")
    assert result.verdict == "reversed"
    same = CLAIM["order-receptive-field-is-free"].statements[2]
    assert judged(tmp_path, same).verdict == "holds"


def test_on_fields_the_excess_over_the_optimum_decides_where_every_named_setting_is_recorded(
    tmp_path: Path,
) -> None:
    names = ("positions-make-up-for-continuity", "zigzag-beats-sweep-on-fields")
    for side in ("16", "8", "32"):
        rows = f"rows-{side}"
        alike, better = {"zigzag-1": 40.0, "sweep-1": 40.2}, {"zigzag-1": 30.0, "sweep-1": 40.0}
        fill(tmp_path, "exact", means=alike, setting=f"{rows}-positions", spread=0.2)
        fill(tmp_path, "exact", means=better, setting=rows, spread=0.2)
        verdicts = [verdict(tmp_path, name) for name in names]
        assert [v.verdict for v in verdicts] == ["holds" if side == "32" else "undecided"] * 2
        assert {t.contrast.metric for t in verdicts[0].last.tested} == {"excess_velocity"}
        if side == "8":
            assert verdicts[1].last.why == "1 of its 3 comparisons have no records that may decide"


def test_where_more_is_better_the_larger_is_better(tmp_path: Path) -> None:
    for run in runs(find_study("complexity"), "tiny", range(3), settings=["8x8"]):
        speed = (50.0 if run.arm == "ZigMa" else 10.0) * (1 + 0.01 * run.config.seed)
        write(tmp_path, run, record_of(run, [{"name": "images_per_s", "value": speed}]))
    faster = Order("complexity", ("ZigMa", "DiT"), "images_per_s")
    (one,) = faster.contrasts(sheets(find_study("complexity"), load(tmp_path), "tiny"))
    assert assess(one).value == pytest.approx(5.0)


def test_an_arm_is_not_compared_with_itself(tmp_path: Path) -> None:
    """At desk a group of 8x8 patches is the whole grid, as that of 16x16 is: one run under two names."""
    sizes = {"groups of 16x16": 4.0, "groups of 4x4": 6.0, "groups of 2x2": 7.0, "random": 9.0}
    fill(tmp_path, "spatial_continuity", means=sizes, scale="desk", setting="mnist-16", spread=0.1)
    at_desk = verdict(tmp_path, "spatial-continuity-is-critical").last
    assert (at_desk.scale, at_desk.verdict) == ("desk", "holds")
    compared = {test.contrast.says for test in at_desk.tested}
    assert len(compared) == 9  # of ten pairs of five names
    assert "groups of 8x8 is better than groups of 4x4" in compared
