"""Verdicts on planted truths, on noise and on nothing; and that what is declared can be judged at all."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_records import drawn_metrics, fill, record_of, write

from analysis.__main__ import main
from analysis.claims import CLAIMS, Verdict, judge
from analysis.claims.claim import across, all_of, verdict_of
from analysis.claims.statements import Alike, Better, GainGrows, Scaling, SmallerEffect, Trend
from analysis.metrics import find_metric
from analysis.records import load, sheets
from studies.declare.registry import find_study
from studies.declare.study import runs

CLAIM = {claim.name: claim for claim in CLAIMS}
AS_CLAIMED = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}


def verdict(results: Path, name: str) -> Verdict:
    return judge(load(results), [CLAIM[name]])[0]


def plant(
    results: Path, study: str, values: Mapping[str, float], setting: str | None = None, **more: Any
) -> None:
    fill(results, study, means=values, setting=setting, spread=0.05, **{"seeds": 5, **more})


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_what_a_claim_names_is_declared(claim: Any) -> None:
    assert claim.where.startswith("section")
    assert claim.statements
    for statement in claim.statements:
        study = find_study(statement.study)
        arms = {arm.name for arm in study.arms}
        settings = {setting for scale in study.scales.values() for setting in scale}
        named = [
            getattr(statement, field)
            for field in ("better", "worse", "one", "other", "arm", "against")
            if isinstance(getattr(statement, field, None), str) and not hasattr(statement, "arms")
        ]
        named += [arm for pair in ("less", "more") for arm in getattr(statement, pair, ())]
        if isinstance(statement, Trend):
            named += [arm for arm, _ in statement.arms]
        assert set(named) <= arms, f"{claim.name}: {set(named) - arms} are no arms of {study.name}"
        if isinstance(statement, GainGrows):
            assert {name for pair in statement.settings for name in pair} <= settings
        metric = getattr(statement, "metric", None)
        assert metric is None or find_metric(metric).shown


def test_the_paper_s_own_numbers_bear_its_claims() -> None:
    for found in judge([]):
        assert all(item.holds for item in found.printed), found.name
    numbers = {found.name: [item.numbers for item in found.printed] for found in judge([])}
    assert "256 FID: 65.7 and 158.1, ratio 2.41" in numbers["zigzag-beats-sweep"]
    assert "256 FID: ratio 1.44; 512 FID: ratio 3.47" in numbers["gain-grows-with-resolution"]
    assert "FID: ratio 1.02 against 1.15" in numbers["zigma-hardly-needs-positions"]


def test_nothing_recorded_is_not_tried() -> None:
    for found in judge([]):
        assert found.verdict == "not tried"
        assert {judged.verdict for judged in found.at} == {"not tried"}


def test_a_planted_order_holds_and_its_reverse_does_not(tmp_path: Path) -> None:
    plant(tmp_path / "a", "scan_ablation", AS_CLAIMED)
    found = verdict(tmp_path / "a", "more-schemes-help")
    assert found.verdict == "holds"
    tested = [t for t in found.at[0].tested if t.main]
    assert [t.metric for t in tested] == ["fd_digits"] * 2
    assert tested[0].value == pytest.approx(6 / 4, rel=0.05)
    assert tested[0].low < tested[0].value < tested[0].high
    assert tested[0].n == 5
    assert len(tested[0].records) == 10
    reverse = dict(zip(AS_CLAIMED, reversed(AS_CLAIMED.values()), strict=True))
    plant(tmp_path / "b", "scan_ablation", reverse)
    assert verdict(tmp_path / "b", "more-schemes-help").verdict == "does not hold"


def test_half_a_claim_does_not_hold(tmp_path: Path) -> None:
    plant(tmp_path / "swap", "scan_ablation", {**AS_CLAIMED, "zigzag-2": 8.0})  # 8 beats 2, 2 does not beat 1
    assert verdict(tmp_path / "swap", "more-schemes-help").verdict == "does not hold"
    plant(tmp_path / "miss", "scan_ablation", {k: v for k, v in AS_CLAIMED.items() if k != "zigzag-1"})
    assert verdict(tmp_path / "miss", "more-schemes-help").verdict == "inconclusive"


def test_one_seed_decides_nothing(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED, seeds=1)
    found = verdict(tmp_path, "zigzag-beats-sweep")
    assert found.verdict == "inconclusive"
    assert math.isnan(found.at[0].tested[0].low)


def test_data_sets_that_disagree_are_inconclusive(tmp_path: Path) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED, setting="digits-8")
    plant(tmp_path, "scan_ablation", {"sweep": 3.0, "zigzag-1": 5.0}, setting="shapes-16")
    assert verdict(tmp_path, "zigzag-beats-sweep").verdict == "inconclusive"


def test_seeds_are_paired(tmp_path: Path) -> None:
    """A difference that every seed shows is found though seeds differ by more than the arms do."""
    for run in runs(find_study("scan_ablation"), "tiny", range(5), settings=["digits-8"]):
        base = 5.0 * 2.0**run.config.seed
        value = base * (1.05 if run.arm == "sweep" else 1.0) * (1 + 0.001 * (run.config.seed % 2))
        write(tmp_path, run, record_of(run, drawn_metrics(run, value)))
    (tested, *_) = verdict(tmp_path, "zigzag-beats-sweep").at[0].tested
    assert tested.value == pytest.approx(1.05)
    assert tested.verdict == "holds"


def test_noise_seldom_holds(tmp_path: Path) -> None:
    study = find_study("scan_ablation")
    planned = [
        r for r in runs(study, "tiny", range(4), settings=["digits-8"]) if r.arm in ("sweep", "zigzag-1")
    ]
    rng = np.random.default_rng(0)
    records = [record_of(run, drawn_metrics(run, 5.0)) for run in planned]
    from analysis.records import Records
    from studies.run.record import Record

    held = 0
    for _ in range(200):
        drawn = [
            Record(Path(), {**record, "metrics": drawn_metrics(run, float(np.exp(rng.normal())))})
            for run, record in zip(planned, records, strict=True)
        ]
        held += judge(Records(drawn), [CLAIM["zigzag-beats-sweep"]])[0].verdict == "holds"
    assert held <= 12  # 2.5 % expected


def test_a_gain_that_grows(tmp_path: Path) -> None:
    for setting, gain in (("digits-8", 1.2), ("digits-16", 2.0)):
        plant(tmp_path, "scan_ablation", {"zigzag-1": 8.0, "zigzag-8": 8.0 / gain}, setting=setting)
    found = verdict(tmp_path, "gain-grows-with-resolution")
    assert found.verdict == "holds"
    assert found.at[0].tested[0].setting == "digits-8 to digits-16"
    assert found.at[0].tested[0].value == pytest.approx(2.0 / 1.2, rel=0.05)


def test_positions(tmp_path: Path) -> None:
    values = {
        "VisionMamba none": 9.0,
        "VisionMamba cosine": 7.0,
        "VisionMamba learned": 6.0,
        "ZigMa none": 5.0,
        "ZigMa cosine": 4.97,
        "ZigMa learned": 4.0,
    }
    fill(tmp_path, "position_embedding", means=values, spread=0.01, seeds=5)
    assert verdict(tmp_path, "zigma-hardly-needs-positions").verdict == "holds"
    assert verdict(tmp_path, "learned-beats-cosine-beats-none").verdict != "does not hold"


def power(results: Path, study: str, exponents: Mapping[str, float], metric: str = "latency_ms") -> None:
    """Costs that grow with the tokens to a power, of a study whose settings are grids."""
    for run in runs(find_study(study), "tiny"):
        tokens = math.prod(run.config.model.grid)  # type: ignore[union-attr]
        value = 0.01 * tokens ** exponents[run.arm]
        metrics = [
            {"name": name, "value": value * scale} for name, scale in (("latency_ms", 1.0), ("flops", 1e6))
        ]
        write(results, run, record_of(run, [*metrics, {"name": "peak_memory_mib", "value": value}]))


def test_costs_that_grow_apart(tmp_path: Path) -> None:
    power(tmp_path / "a", "complexity", {"ZigMa": 1.0, "DiT": 1.8, "U-ViT": 1.9})
    assert verdict(tmp_path / "a", "speed-grows-apart").verdict == "holds"
    found = verdict(tmp_path / "a", "cost-is-linear")
    assert found.verdict == "holds"
    assert [round(t.value, 6) for t in found.at[0].tested] == [1.0, 1.0, 0.8]
    power(tmp_path / "b", "complexity", {"ZigMa": 1.5, "DiT": 1.5, "U-ViT": 1.4})
    assert verdict(tmp_path / "b", "speed-grows-apart").verdict == "does not hold"
    assert verdict(tmp_path / "b", "cost-is-linear").verdict == "does not hold"


def test_order_receptive_field(tmp_path: Path) -> None:
    for run in runs(find_study("order_receptive_field"), "tiny", range(2)):
        k = int(run.arm.rpartition("-")[2]) if "-" in run.arm else 2
        value = 5.0 * (k if run.arm.startswith("parallel") else 1) * (1 + 0.001 * run.config.seed * (-1) ** k)
        metrics = [{"name": name, "value": value} for name in ("latency_ms", "peak_memory_mib")]
        count = {"name": "parameters", "value": 1000 * (k if run.arm.startswith("parallel") else 1)}
        write(tmp_path, run, record_of(run, [*metrics, count]))
    assert verdict(tmp_path, "order-receptive-field-is-free").verdict == "holds"
    assert verdict(tmp_path, "parallel-scans-are-not-free").verdict == "holds"


def test_equal_counts_are_not_growth(tmp_path: Path) -> None:
    for run in runs(find_study("order_receptive_field"), "tiny"):
        write(
            tmp_path,
            run,
            record_of(run, [{"name": "parameters", "value": 1000}, {"name": "latency_ms", "value": 1.0}]),
        )
    assert verdict(tmp_path, "parallel-scans-are-not-free").verdict == "does not hold"


def test_loss_and_distance(tmp_path: Path) -> None:
    plant(tmp_path / "a", "scan_ablation", AS_CLAIMED)
    found = verdict(tmp_path / "a", "loss-and-fid-agree").at[0]
    assert [t.verdict for t in found.tested] == ["holds"] * len(found.tested)
    for run in runs(find_study("scan_ablation"), "tiny", range(5), settings=["digits-8"]):
        metrics = drawn_metrics(run, AS_CLAIMED[run.arm])
        metrics[0]["value"] = 10.0 - AS_CLAIMED[run.arm]
        write(tmp_path / "b", run, record_of(run, metrics))
    assert verdict(tmp_path / "b", "loss-and-fid-agree").at[0].tested[0].verdict == "does not hold"


def test_records_of_two_protocols_are_not_paired(tmp_path: Path) -> None:
    study = find_study("scan_ablation")
    for run in runs(study, "tiny", range(4), settings=["digits-8"]):
        metrics = drawn_metrics(run, AS_CLAIMED[run.arm] + 0.01 * run.config.seed)
        if run.config.seed == 3:
            metrics = [m | {"extractor_identity": "other", "value": 1000 * m["value"]} for m in metrics]
        write(tmp_path, run, record_of(run, metrics))
    tested = verdict(tmp_path, "zigzag-beats-sweep").at[0].tested[0]
    assert tested.n == 3


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        ((1.1, 1.3), "holds"),
        ((0.7, 0.9), "does not hold"),
        ((0.9, 1.1), "inconclusive"),
        ((1.0, 1.0), "does not hold"),
        ((math.nan, math.nan), "inconclusive"),
    ],
)
def test_words(interval: tuple[float, float], word: str) -> None:
    assert verdict_of(*interval, (1.0, math.inf)) == word


def test_words_together() -> None:
    assert all_of(["holds", "holds"]) == "holds"
    assert all_of(["holds", "not tried"]) == "inconclusive"
    assert all_of(["holds", "does not hold", "inconclusive"]) == "does not hold"
    assert all_of([]) == all_of(["not tried"]) == "not tried"
    assert across(["holds", "inconclusive", "not tried"]) == "holds"
    assert across(["holds", "does not hold"]) == "inconclusive"
    assert across(["not tried"]) == "not tried"


def test_the_kinds_of_statement_say_what_they_mean() -> None:
    assert Better("s", "a", "b").says == "a is better than b"
    assert "5%" in Alike("s", "a", "b").says
    assert "changes less" in SmallerEffect("s", ("a", "b"), ("c", "d")).says
    assert "above 0" in Scaling("s", "a", "flops", (0.0, math.inf)).says


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plant(tmp_path, "scan_ablation", AS_CLAIMED)
    assert main(["claims", "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert all(claim.name in out for claim in CLAIMS)
    assert all(f"P{i}" in out and f"R{i}" in out for i in range(1, 6))
    whole = json.loads((tmp_path / "view" / "claims.json").read_text(encoding="utf-8"))
    by_name = {claim["name"]: claim for claim in whole["claims"]}
    assert by_name["more-schemes-help"]["verdict"] == "holds"
    assert whole["agreement"][0]["ranks"]["agree"] == 6
    assert all(finding["reproduced"] for finding in whole["findings"])
    sheet = (tmp_path / "view" / "claims.md").read_text(encoding="utf-8")
    assert "## hilbert-is-hard" in sheet
    assert main(["claims", "zigzag-beats-sweep", "--results", str(tmp_path)]) == 0
    assert "hilbert-is-hard" not in capsys.readouterr().out
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
    faster = Better("complexity", "ZigMa", "DiT", "images_per_s")
    (tested,) = faster.ours(sheets(find_study("complexity"), load(tmp_path), "tiny"))
    assert tested.value == pytest.approx(5.0)


def test_one_bad_statement_among_many_must_be_very_bad(tmp_path: Path) -> None:
    """p 0.034 against one of four statements: more likely than not by chance in one of the four."""
    study = find_study("position_embedding")
    gains = {"VisionMamba cosine": (0.1, -0.1, 0.05), "VisionMamba learned": (0.2, -0.2, 0.1)}
    gains |= {"ZigMa cosine": (0.1, 0.05, 0.08), "ZigMa learned": (-0.5, 0.4, -0.4)}
    for run in runs(study, "tiny", range(3), settings=["digits-8"]):
        value = 5.0 * math.exp(gains.get(run.arm, (0.0,) * 3)[run.config.seed])
        write(tmp_path, run, record_of(run, drawn_metrics(run, value)))
    tested = [t for t in verdict(tmp_path, "learned-beats-cosine-beats-none").at[0].tested if t.main]
    against = next(t for t in tested if t.says == "ZigMa cosine is better than ZigMa none")
    assert against.high < 1
    assert against.p == pytest.approx(0.034, abs=0.002)
    assert against.verdict == "inconclusive"
