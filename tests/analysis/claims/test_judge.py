"""Verdicts on planted truths, on noise and on nothing; and that what is declared can be judged at all."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_records import drawn_metrics, fill, record_of, write
from scipy import stats

from analysis.__main__ import main
from analysis.claims import CLAIMS, Claim, Verdict, judge
from analysis.claims.claim import Contrast
from analysis.claims.growth import PowerLaw
from analysis.claims.judge import assess
from analysis.claims.kinds import Alike, MattersLess, NoWorse, Order, SmallerEffect
from analysis.metrics import find_metric
from analysis.records import Records, load, sheets
from studies.declare.registry import find_study
from studies.declare.study import Arm, runs

CLAIM = {claim.name: claim for claim in CLAIMS}
AS_CLAIMED = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}
FALLING = {"loss": {"step": [100, 200, 300, 400], "value": [1.0, 0.8, 0.7, 0.6]}}


def verdict(results: Path, name: str) -> Verdict:
    return judge(load(results), [CLAIM[name]])[0]


def judged(results: Path, *statements: Any) -> Verdict:
    return judge(load(results), [Claim("planted", "", "", "", statements)])[0]


def plant(
    results: Path, study: str, values: Mapping[str, float], setting: str | None = None, **more: Any
) -> None:
    fill(results, study, means=values, setting=setting, spread=0.05, **{"seeds": 5, **more})


def contrast(*values: float, claimed: tuple[float, float] = (0.0, math.inf), **more: Any) -> Contrast:
    """Ratios as given, one per seed."""
    samples = tuple((math.log(value),) for value in values)
    fields = {"decides": True, "counted": False, "unlearned": "", "records": ()}
    return Contrast("a is better than b", "tiny", "s", "fd", "ratio", samples, claimed, **{**fields, **more})


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_what_a_claim_names_is_declared(claim: Claim) -> None:
    assert claim.where.startswith("section")
    assert claim.statements
    for statement in claim.statements:
        study = find_study(statement.study)
        arms = {arm.name for arm in study.arms}
        assert set(statement.arms) <= arms, (
            f"{claim.name}: {set(statement.arms) - arms} are no arms of {study.name}"
        )
        settings = {setting for scale in study.scales.values() for setting in scale}
        assert set(statement.settings) <= settings
        assert statement.metric is None or find_metric(statement.metric).shown


def test_the_paper_s_own_numbers_show_its_claims() -> None:
    for on_nothing in judge(Records()):
        assert all(item.holds for item in on_nothing.printed), on_nothing.name
    numbers = {
        on_nothing.name: [item.numbers for item in on_nothing.printed] for on_nothing in judge(Records())
    }
    assert "256 FID: 65.7 and 158.1, ratio 2.41" in numbers["zigzag-beats-sweep"]
    assert "256 FID: ratio 1.44; 512 FID: ratio 3.47" in numbers["gain-grows-with-resolution"]
    assert "FID: ratio 1.02 against 1.15" in numbers["zigma-hardly-needs-positions"]


def test_nothing_recorded_is_not_tried() -> None:
    for on_nothing in judge(Records()):
        assert on_nothing.verdict == "not tried"
        assert {at.verdict for at in on_nothing.at} == {"not tried"}


def test_a_planted_order_holds_and_its_reverse_is_reversed(tmp_path: Path) -> None:
    plant(tmp_path / "a", "scan_ablation", AS_CLAIMED)
    result = verdict(tmp_path / "a", "more-schemes-help")
    assert result.verdict == "holds"
    tested = [t for t in result.at[0].tested if t.contrast.decides]
    assert [t.contrast.metric for t in tested] == ["fd_digits"] * 3  # all pairs of three arms
    assert tested[0].value == pytest.approx(6 / 4, rel=0.05)
    assert tested[0].low < tested[0].value < tested[0].high
    assert tested[0].n == 5
    assert len(tested[0].contrast.records) == 10
    reverse = dict(zip(AS_CLAIMED, reversed(AS_CLAIMED.values()), strict=True))
    plant(tmp_path / "b", "scan_ablation", reverse)
    assert verdict(tmp_path / "b", "more-schemes-help").verdict == "reversed"


def test_one_reversed_pair_reverses_an_order_and_a_missing_arm_leaves_it_open(tmp_path: Path) -> None:
    plant(tmp_path / "swap", "scan_ablation", {**AS_CLAIMED, "zigzag-2": 8.0})  # 8 beats 2, 2 does not beat 1
    result = verdict(tmp_path / "swap", "more-schemes-help").last
    assert result.verdict == "reversed"
    assert "zigzag-2 is better than zigzag-1 at digits-8" in result.why
    plant(tmp_path / "miss", "scan_ablation", {k: v for k, v in AS_CLAIMED.items() if k != "zigzag-1"})
    result = verdict(tmp_path / "miss", "more-schemes-help").last
    assert (result.verdict, result.why) == (
        "undecided",
        "2 of its 3 comparisons have no records that may decide",
    )


def test_a_slope_is_no_order(tmp_path: Path) -> None:
    """V5: Figure 11 "held" by its slope though the smallest groups beat the next by 1.40."""
    values = {
        "groups of 16x16": 2.0,
        "groups of 8x8": 3.0,
        "groups of 4x4": 6.0,
        "groups of 2x2": 4.5,
        "random": 9.0,
    }
    plant(tmp_path, "spatial_continuity", values)
    result = verdict(tmp_path, "spatial-continuity-is-critical").last
    assert result.verdict == "reversed"
    assert "groups of 4x4 is better than groups of 2x2" in result.why


def test_one_seed_decides_nothing(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED, seeds=1)
    result = verdict(tmp_path, "zigzag-beats-sweep")
    assert result.verdict == "undecided"
    assert result.last.why == "one seed has no spread"
    assert math.isnan(result.last.tested[0].low)


def test_a_claim_about_all_settings_is_false_where_one_reverses_it(tmp_path: Path) -> None:
    """V5: it "held" where any setting did."""
    plant(tmp_path, "scan_ablation", AS_CLAIMED, setting="digits-8")
    plant(tmp_path, "scan_ablation", {"sweep": 3.0, "zigzag-1": 5.0}, setting="digits-16")
    assert verdict(tmp_path, "zigzag-beats-sweep").verdict == "reversed"
    named = Order("scan_ablation", ("zigzag-1", "sweep"), settings=("digits-8",))
    assert judged(tmp_path, named).verdict == "holds"


def test_a_claim_about_all_settings_stays_open_where_one_does(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED, setting="digits-8")
    fill(tmp_path, means={"sweep": 5.0, "zigzag-1": 5.0}, setting="digits-16", spread=0.5, seeds=5)
    result = verdict(tmp_path, "zigzag-beats-sweep").last
    assert result.verdict == "undecided"
    assert result.why == "1 of 2 intervals for, 1 of 2 intervals open"


def test_networks_that_still_learn_are_not_judged(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED, curves=FALLING)
    result = verdict(tmp_path, "more-schemes-help").last
    assert result.verdict == "not learned"
    assert "digits-8: the loss of 4 of 4 arms still falls" in result.why
    assert result.tested[0].value == pytest.approx(1.5, rel=0.05)  # shown all the same
    plant(tmp_path, "scan_ablation", AS_CLAIMED, setting="digits-16")
    assert verdict(tmp_path, "more-schemes-help").verdict == "not learned"  # half of the settings is not all


def test_seeds_are_paired(tmp_path: Path) -> None:
    """A difference that every seed shows is found though seeds differ by more than the arms do."""
    for run in runs(find_study("scan_ablation"), "tiny", range(5), settings=["digits-8"]):
        base = 5.0 * 2.0**run.config.seed
        value = base * (1.05 if run.arm == "sweep" else 1.0) * (1 + 0.001 * (run.config.seed % 2))
        write(tmp_path, run, record_of(run, drawn_metrics(run, value)))
    result = verdict(tmp_path, "zigzag-beats-sweep").last
    assert result.tested[0].value == pytest.approx(1.05)
    assert result.verdict == "holds"


def test_noise_seldom_decides_in_either_direction() -> None:
    rng = np.random.default_rng(0)
    tested = [assess(contrast(*np.exp(rng.normal(size=4)))) for _ in range(200)]
    assert 1 <= sum(2 * t.p_for < 0.05 for t in tested) <= 11  # 2.5 % expected
    assert 1 <= sum(2 * t.p_against < 0.05 for t in tested) <= 11


def test_all_claims_are_one_family_in_both_directions(tmp_path: Path) -> None:
    """What one claim alone would show, it does not show as one of twenty: for it as against it."""
    logs = (0.1, 0.05, 0.08)  # p 0.034
    for sign, word in ((1, "holds"), (-1, "reversed")):
        results = tmp_path / word
        for run in runs(find_study("scan_ablation"), "tiny", range(3), settings=["digits-8"]):
            gain = {"zigzag-1": sign * logs[run.config.seed], "sweep": 0.0}.get(run.arm)
            if gain is not None:
                write(results, run, record_of(run, drawn_metrics(run, 5.0 * math.exp(-gain))))
        claim, records = CLAIM["zigzag-beats-sweep"], load(results)
        (alone,) = judge(records, [claim])
        assert alone.verdict == word
        assert alone.last.p == pytest.approx(0.034, abs=0.002)
        several = judge(records, [claim] * 20)
        assert {one.verdict for one in several} == {"undecided"}
        assert several[0].last.p == pytest.approx(20 * alone.last.p)
        assert several[0].last.more_seeds == several[0].last.tested[0].seeds_needed - 3  # type: ignore[operator]


def test_the_seeds_that_are_said_to_decide_do(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    recorded = assess(contrast(*np.exp([0.1, 0.4, 0.0, 0.3])))
    assert recorded.side == "open"
    needed = recorded.seeds_needed
    assert needed is not None
    drawn = np.exp(rng.normal(0.2, np.std([0.1, 0.4, 0.0, 0.3], ddof=1), size=(150, needed)))
    shown = np.mean([assess(contrast(*row)).side == "for" for row in drawn])
    assert 0.7 < shown < 0.9


def test_equality_is_shown_by_equivalence_not_by_a_lack_of_difference() -> None:
    """V5: a ratio of 1.045 [0.98, 1.11] is not shown to be within 5 %."""
    margin = (-math.log(1.05), math.log(1.05))
    assert assess(contrast(1.00, 1.01, 0.99, 1.005, claimed=margin)).side == "for"
    unsure = assess(contrast(0.99, 1.10, 1.02, 1.07, claimed=margin))
    assert unsure.side == "open"
    assert unsure.p_for > 0.3
    apart = assess(contrast(1.20, 1.22, 1.19, claimed=margin))
    assert (apart.side, apart.seeds_needed) == ("against", 3)
    assert apart.p_against < 0.01 < 0.9 < apart.p_for


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


POSITIONS = {
    "VisionMamba none": 9.0, "VisionMamba cosine": 7.0, "VisionMamba learned": 6.0,
    "ZigMa none": 5.0, "ZigMa cosine": 4.97, "ZigMa learned": 4.0,
}  # fmt: skip


MIXERS = ("mamba", "hgrn-2", "rwkv-6", "mlstm", "mamba-2", "gated-delta-net")


def mixers(losses: Sequence[float], **given: float) -> dict[str, float]:
    """Each mixer twice as bad as the one before, and what `random` does to it."""
    named = zip(MIXERS, losses, strict=True)
    made = {mixer: (2.0 * 2**i, 2.0 * 2**i * loss) for i, (mixer, loss) in enumerate(named)}
    values = {mixer: value for mixer, (value, _) in made.items()}
    return values | {f"{mixer} random": value for mixer, (_, value) in made.items()} | given


def test_a_change_that_matters_less_to_what_is_better(tmp_path: Path) -> None:
    """Whichever way it acts: `random` is worse with every mixer here, and better with the weakest there."""
    statement = MattersLess("mixers", tuple((mixer, f"{mixer} random") for mixer in MIXERS))
    rising = (1.1, 1.3, 1.6, 2.0, 2.5, 3.0)
    for name, weakest in (("worse", 192.0), ("better", 20.0)):
        plant(tmp_path / name, "mixers", mixers(rising, **{"gated-delta-net random": weakest}))
        assert judged(tmp_path / name, statement).verdict == "holds"
    plant(tmp_path / "turned", "mixers", mixers(rising[::-1]))
    assert judged(tmp_path / "turned", statement).verdict == "reversed"


def test_what_is_said_of_arms_needs_many_of_them_and_not_many_seeds(tmp_path: Path) -> None:
    """Three mixers stand in any order once in six times, whatever the seeds, and two seeds of one rho have noise."""
    three = MattersLess("mixers", tuple((mixer, f"{mixer} random") for mixer in MIXERS[:3]))
    plant(tmp_path, "mixers", mixers((1.1, 1.3, 1.6, 2.0, 2.5, 3.0)))
    test = next(test for test in judged(tmp_path, three).last.tested if test.contrast.decides)
    assert (test.value, test.low) == (1.0, 1.0)
    assert test.p_for == pytest.approx(1 / 6, abs=0.02)
    assert judged(tmp_path, three).verdict == "undecided"


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
    assert [round(t.value, 3) for t in result.tested] == [
        1.0,
        1.0,
        1.0,
    ]  # two exponents and a rank correlation
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


def test_the_seeds_beside_a_reversal_are_those_that_made_it(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED | {"zigzag-8": 20.0})
    few = {"none": 4.0, "cosine": 5.0}
    fill(tmp_path, "position_embedding", means={f"ZigMa {k}": v for k, v in few.items()}, seeds=1)
    result = judged(
        tmp_path,
        Order("scan_ablation", ("zigzag-8", "zigzag-2")),
        Order("position_embedding", ("ZigMa none", "ZigMa cosine")),
    ).last
    assert (result.verdict, result.n) == ("reversed", 5)


def test_seeds_needed_count_all_that_p_counts() -> None:
    """With the recorded spread, that many seeds clear the corrected p four times in five."""
    values = contrast(0.97, 0.93, 0.99, 0.90, 0.98)
    alone, among = assess(values), assess(values, among=4)
    assert alone.seeds_needed is not None
    assert among.seeds_needed is not None
    assert among.seeds_needed > alone.seeds_needed
    both_ends = contrast(0.97, 0.93, 0.99, 0.90, 0.98, claimed=(math.log(1.0), math.log(1.2)))
    needed = assess(both_ends).seeds_needed
    assert needed is not None
    logs = np.log([0.97, 0.93, 0.99, 0.90, 0.98])
    rng = np.random.default_rng(0)
    drawn = rng.normal(logs.mean(), logs.std(ddof=1), (2000, needed))
    t = drawn.mean(axis=1) / drawn.std(axis=1, ddof=1) * math.sqrt(needed)
    assert np.mean(2 * 2 * stats.t.cdf(t, needed - 1) < 0.05) == pytest.approx(0.8, abs=0.1)


def test_records_of_two_protocols_are_not_paired(tmp_path: Path) -> None:
    for run in runs(find_study("scan_ablation"), "tiny", range(4), settings=["digits-8"]):
        metrics = drawn_metrics(run, AS_CLAIMED[run.arm] + 0.01 * run.config.seed)
        if run.config.seed == 3:
            metrics = [m | {"extractor_identity": "other", "value": 1000 * m["value"]} for m in metrics]
        write(tmp_path, run, record_of(run, metrics))
    assert verdict(tmp_path, "zigzag-beats-sweep").last.tested[0].n == 3


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


def test_the_largest_scale_has_the_last_word(tmp_path: Path) -> None:
    plant(tmp_path, "position_embedding", POSITIONS)
    reverse = dict(zip(POSITIONS, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0], strict=True))
    plant(tmp_path, "position_embedding", reverse, scale="small")
    result = verdict(tmp_path, "learned-beats-cosine-beats-none")
    assert (result.last.scale, result.verdict) == ("small", "reversed")


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED)
    assert main(["claims", "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert all(claim.name in out for claim in CLAIMS)
    assert all(f"P{i}" in out and f"R{i}" in out for i in range(1, 6))
    assert main(["claims", "zigzag-beats-sweep", "--results", str(tmp_path)]) == 0
    assert "hilbert-is-hard" not in capsys.readouterr().out
    assert not (tmp_path / "claims.json").exists()  # looking changes nothing that ships
    whole = json.loads((tmp_path / "view" / "claims.json").read_text(encoding="utf-8"))
    by_name = {claim["name"]: claim for claim in whole["claims"]}
    assert by_name["more-schemes-help"]["verdict"] == "holds"
    assert by_name["more-schemes-help"]["statements"][0]["kind"] == "order"
    assert whole["agreement"][0]["ranks"]["agree"] == 6
    assert whole["decisions"][0]["share"] == 1.0
    assert all(finding["reproduced"] for finding in whole["findings"])
    sheet = (tmp_path / "view" / "claims.md").read_text(encoding="utf-8")
    assert "## hilbert-is-hard" in sheet
    with pytest.raises(SystemExit):
        main(["claims", "zigzag-beats-swep", "--results", str(tmp_path)])
    assert "did you mean 'zigzag-beats-sweep'" in capsys.readouterr().err


def test_a_user_s_older_records_count_for_nothing(tmp_path: Path) -> None:
    for run in runs(
        find_study("scan_ablation"), "tiny", range(3), changes={"training.steps": 3}, settings=["digits-8"]
    ):
        write(tmp_path, run, record_of(run, drawn_metrics(run, AS_CLAIMED[run.arm])))
    assert verdict(tmp_path, "more-schemes-help").verdict == "not tried"


def test_where_more_is_better_the_larger_is_better(tmp_path: Path) -> None:
    for run in runs(find_study("complexity"), "tiny", range(3), settings=["8x8"]):
        speed = (50.0 if run.arm == "ZigMa" else 10.0) * (1 + 0.01 * run.config.seed)
        write(tmp_path, run, record_of(run, [{"name": "images_per_s", "value": speed}]))
    faster = Order("complexity", ("ZigMa", "DiT"), "images_per_s")
    (one,) = faster.contrasts(sheets(find_study("complexity"), load(tmp_path), "tiny"))
    assert assess(one).value == pytest.approx(5.0)
