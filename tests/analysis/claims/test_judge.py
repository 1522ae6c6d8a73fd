"""The rule: on planted truths, on noise and on nothing; and that what is declared can be judged at all."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_records import PROTOCOL, drawn_metrics, fill, record_of, write
from planted import AS_CLAIMED, CLAIM, FALLING, POSITIONS, contrast, judged, plant, verdict
from scipy import stats

from analysis.__main__ import main
from analysis.claims import CLAIMS, Claim, judge
from analysis.claims.judge import assess
from analysis.claims.kinds import Order
from analysis.metrics import find_metric
from analysis.records import Records, load
from studies.declare.changes import change
from studies.declare.registry import find_study
from studies.declare.study import runs


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
    assert result.why == "1 of 2 comparisons for, 1 of 2 comparisons open"


def test_networks_that_still_learn_are_not_judged(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED, curves=FALLING)
    result = verdict(tmp_path, "more-schemes-help").last
    assert result.verdict == "not learned"
    assert "digits-8: the loss of 4 of 4 arms still falls" in result.why
    assert result.tested[0].value == pytest.approx(1.5, rel=0.05)  # shown all the same
    plant(tmp_path, "scan_ablation", AS_CLAIMED, setting="digits-16")
    assert verdict(tmp_path, "more-schemes-help").verdict == "not learned"  # half of the settings is not all


@pytest.mark.parametrize(("curves", "quality"), [(FALLING, 20.0), (None, 0.001)])
def test_an_arm_of_the_user_s_own_changes_nothing_about_the_declared_ones(
    tmp_path: Path, curves: Any, quality: float
) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED)
    before = verdict(tmp_path, "more-schemes-help").last
    (run,) = (
        run
        for run in runs(find_study("scan_ablation"), "tiny", settings=["digits-8"])
        if run.arm == "zigzag-8"
    )
    own = replace(run, arm="my-spiral-8", config=change(run.config, {"model.scan": "spiral-8"}))
    metrics = [{"name": "fid", "value": 30.0, **PROTOCOL}, *drawn_metrics(own, quality)]
    write(tmp_path, own, record_of(own, metrics, **({"curves": curves} if curves else {})))
    assert verdict(tmp_path, "more-schemes-help").last == before
    assert before.verdict == "holds"


def test_values_that_are_alike_speak_for_neither_side(tmp_path: Path) -> None:
    fill(tmp_path, means=dict.fromkeys(AS_CLAIMED, 5.0), spread=0.0)
    assert verdict(tmp_path, "more-schemes-help").last.verdict == "undecided"


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
    assert {
        finding["name"]: finding["reproduced"] for finding in whole["findings"] if not finding["reproduced"]
    } == {"R3": None}
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
