"""Costs that grow, and rankings that agree or turn."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from fake_records import drawn_metrics, record_of, write
from planted import AS_CLAIMED, CLAIM, judged, plant, verdict

from analysis.claims.growth import PowerLaw
from analysis.claims.kinds import MattersLess
from analysis.records import load, sheets
from studies.declare.registry import find_study
from studies.declare.study import Arm, runs

MIXERS = ("mamba", "hgrn-2", "rwkv-6", "mlstm", "mamba-2", "gated-delta-net")


def mixers(losses: Sequence[float], **given: float) -> dict[str, float]:
    """Each mixer twice as bad as the one before, and what `random` does to it."""
    named = zip(MIXERS, losses, strict=True)
    made = {mixer: (2.0 * 2**i, 2.0 * 2**i * loss) for i, (mixer, loss) in enumerate(named)}
    values = {mixer: value for mixer, (value, _) in made.items()}
    return values | {f"{mixer} random": value for mixer, (_, value) in made.items()} | given


def test_a_change_that_matters_less_to_what_is_better(tmp_path: Path) -> None:
    """Whichever way it acts: `random` is worse with every mixer here, and better with the weakest there."""
    statement = MattersLess("mixers", tuple((mixer, f"{mixer} random") for mixer in MIXERS), "ratio")
    rising = (1.1, 1.3, 1.6, 2.0, 2.5, 3.0)
    for name, weakest in (("worse", 192.0), ("better", 20.0)):
        plant(tmp_path / name, "mixers", mixers(rising, **{"gated-delta-net random": weakest}))
        assert judged(tmp_path / name, statement).verdict == "holds"
    plant(tmp_path / "turned", "mixers", mixers(rising[::-1]))
    assert judged(tmp_path / "turned", statement).verdict == "reversed"


def test_what_is_lost_of_little_is_a_large_share_and_a_small_difference(tmp_path: Path) -> None:
    """The best loses 90 % of its 2, the weakest 20 % of its 64."""
    pairs = tuple((mixer, f"{mixer} random") for mixer in MIXERS)
    plant(tmp_path, "mixers", mixers((1.9, 1.7, 1.5, 1.4, 1.3, 1.2)))
    assert judged(tmp_path, MattersLess("mixers", pairs, "ratio")).verdict == "reversed"
    assert judged(tmp_path, MattersLess("mixers", pairs, "difference")).verdict == "holds"


def test_what_is_said_of_arms_needs_many_of_them_and_not_many_seeds(tmp_path: Path) -> None:
    """Three mixers stand in any order once in six times, whatever the seeds, and two seeds of one rho have noise."""
    three = MattersLess("mixers", tuple((mixer, f"{mixer} random") for mixer in MIXERS[:3]), "ratio")
    plant(tmp_path, "mixers", mixers((1.1, 1.3, 1.6, 2.0, 2.5, 3.0)))
    test = next(test for test in judged(tmp_path, three).last.tested if test.contrast.decides)
    assert test.value == 1.0
    assert math.isnan(test.low)
    assert test.side == "open"
    assert test.p_for == pytest.approx(1 / 6, abs=0.02)
    assert judged(tmp_path, three).verdict == "undecided"


def power(results: Path, study: str, exponents: Mapping[str, float]) -> None:
    """Costs that grow with the tokens to a power, of a study whose settings are grids."""
    for run in runs(find_study(study), "tiny", range(3)):
        tokens = math.prod(run.config.model.grid)  # type: ignore[union-attr]
        value = 0.01 * tokens ** exponents[run.arm]
        time = value * (1 + 0.002 * run.config.seed * (-1) ** tokens)
        metrics = [{"name": "latency_ms", "value": time}, {"name": "flops", "value": 1e6 * value}]
        write(results, run, record_of(run, [*metrics, {"name": "peak_memory_mib", "value": value}]))


def test_costs_that_grow_apart(tmp_path: Path) -> None:
    power(tmp_path / "a", "complexity", {"ZigMa": 1.0, "DiT": 1.8, "U-ViT": 1.9})
    result = verdict(tmp_path / "a", "speed-grows-apart").last
    assert result.verdict == "undecided"  # a CPU's memory decides nothing about a GPU's
    assert "2 of its 4 comparisons" in result.why
    assert {t.n for t in result.tested} == {3}  # seeds, not grids
    assert all(t.p_for < 0.001 < t.p_against for t in result.tested)
    result = verdict(tmp_path / "a", "cost-is-linear").last
    assert result.verdict == "holds"
    # two exponents and a rank correlation
    assert [round(t.value, 3) for t in result.tested] == [1.0, 1.0, 1.0]
    power(tmp_path / "b", "complexity", {"ZigMa": 1.5, "DiT": 1.3, "U-ViT": 1.4})
    assert verdict(tmp_path / "b", "cost-is-linear").verdict == "reversed"
    assert verdict(tmp_path / "b", "speed-grows-apart").verdict == "reversed"


def test_a_growth_from_one_machine_to_another_is_none(tmp_path: Path) -> None:
    """Small grids on a processor, large ones on a card, each with latencies that are exactly linear."""
    for run in runs(find_study("complexity"), "tiny", range(3)):
        tokens = math.prod(run.config.model.grid)  # type: ignore[union-attr]
        device, each = ("a processor", 0.1) if tokens < 1000 else ("a card", 0.001)
        latency = {"name": "latency_ms", "value": each * tokens * (1 + 0.01 * run.config.seed)}
        where = {"device": device, "device_kind": "cpu"}
        write(tmp_path, run, record_of(run, [latency], environment=where))
    linear = PowerLaw("complexity", "ZigMa", "latency_ms")
    tested = judged(tmp_path, linear).last.tested
    assert [round(test.value, 6) for test in tested] == [1.0, 1.0]
    assert {t.contrast.setting for t in tested} == {"3 grids on a processor", "3 grids on a card"}


def test_loss_and_distance(tmp_path: Path) -> None:
    plant(tmp_path / "a", "scan_ablation", AS_CLAIMED)
    same = CLAIM["loss-and-fid-agree"].statements[0]
    assert judged(tmp_path / "a", same).verdict == "holds"
    for run in runs(find_study("scan_ablation"), "tiny", range(5), settings=["digits-8"]):
        metrics = drawn_metrics(run, AS_CLAIMED[run.arm] * (1 + 0.01 * run.config.seed))
        metrics[0]["value"] = 10.0 - AS_CLAIMED[run.arm]
        write(tmp_path / "b", run, record_of(run, metrics))
    assert judged(tmp_path / "b", same).verdict == "reversed"


def test_a_curve_of_ones_own_changes_no_verdict_on_the_declared_arms(tmp_path: Path) -> None:
    same = CLAIM["loss-and-fid-agree"].statements[0]
    plant(tmp_path, "scan_ablation", AS_CLAIMED)
    before = judged(tmp_path, same).last
    study = find_study("scan_ablation")
    own = replace(study, arms=(Arm("spiral-8", {"model.scan": "spiral-8"}),))
    for run in runs(own, "tiny", settings=["digits-8"]):
        write(tmp_path, run, record_of(run, drawn_metrics(run, 5.0)))
    after = judged(tmp_path, same).last
    assert "spiral-8" in sheets(study, load(tmp_path), "tiny")["digits-8"].arms
    assert (after.verdict, after.n, after.p) == (before.verdict, before.n, before.p) == ("holds", 5, after.p)
