"""Which records count for which row: own and published, stale, added by the user, foreign, broken."""

import json
from dataclasses import replace
from pathlib import Path

from fake_records import drawn_metrics, fill, record_of, write, write_beside

from analysis.records import Records, differences, key, load, protocol_of, sheets
from analysis.records.current import one_set
from studies.declare.changes import change
from studies.declare.registry import find_study
from studies.declare.scans import with_scans
from studies.declare.study import runs
from studies.run.record import Record
from zigma.experiment.config import ScanConfig

STUDY = find_study("scan_ablation")
SETTING = next(iter(STUDY.scales["tiny"]))


def test_records_are_sorted_by_arm_and_seed(tmp_path: Path) -> None:
    fill(tmp_path, seeds=11, skip=lambda run: run.arm == "sweep" and run.config.seed > 0)
    digits_sheet = sheets(STUDY, load(tmp_path), "tiny")[SETTING]
    assert len(digits_sheet.arms["sweep"]) == 1
    assert [record["seed"] for record in digits_sheet.arms["zigzag-8"]] == list(range(11))  # not 0, 1, 10, 2
    assert digits_sheet.values("zigzag-8", "fd_digits") == list(
        digits_sheet.by_seed("zigzag-8", "fd_digits").values()
    )
    assert digits_sheet.values("zigzag-8", "no_such_metric") == []
    assert digits_sheet.stale == []


def test_the_user_s_own_record_wins_over_the_published_one(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny")[0]
    write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    write(tmp_path, run, record_of(run, drawn_metrics(run, 2.0)), folder="published")
    values = {}
    for source in ("all", "own", "published"):
        records = load(tmp_path, source)  # type: ignore[arg-type]
        assert len(records) == 1
        values[source] = sheets(STUDY, records, "tiny")[SETTING].values(run.arm, "fd_digits")
    assert values == {"all": [1.0], "own": [1.0], "published": [2.0]}


def test_a_run_shared_with_another_study_is_found_by_what_it_computes(tmp_path: Path) -> None:
    run = next(run for run in runs(STUDY, "tiny") if run.arm == "zigzag-8")
    other = replace(run, study="conditioning", arm="Cross-Attention")
    write(tmp_path, other, record_of(other, drawn_metrics(other, 3.0)))
    assert sheets(STUDY, load(tmp_path), "tiny")[SETTING].values("zigzag-8", "fd_digits") == [3.0]


def test_a_record_of_an_older_declaration_is_stale_and_says_what_changed(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny", changes={"training.steps": 7})[0]
    write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    digits_sheet = sheets(STUDY, load(tmp_path), "tiny")[SETTING]
    assert digits_sheet.records == []
    assert digits_sheet.is_stale(run.arm)
    assert not digits_sheet.is_stale("zigzag-8")
    (arm, _, why) = digits_sheet.stale[0]
    steps = STUDY.scales["tiny"][SETTING].training.steps  # type: ignore[union-attr]
    assert (arm, why) == (run.arm, f"training.steps was 7, is {steps}")


def test_a_record_of_an_older_curve_or_data_is_stale(tmp_path: Path) -> None:
    run = next(run for run in runs(STUDY, "tiny") if run.arm == "zigzag-8")
    record = record_of(run, drawn_metrics(run, 1.0))
    for name in ("orders", "data"):
        older = {**record["fingerprints"], name: "0" * 16}
        folder = tmp_path / name
        write(folder, run, {**record, "fingerprints": older})
        digits_sheet = sheets(STUDY, load(folder), "tiny")[SETTING]
        assert digits_sheet.values("zigzag-8", "fd_digits") == []
        assert digits_sheet.stale[0][2] == f"{name} changed since"


def test_an_arm_that_a_user_added_gets_a_row_and_other_configurations_do_not(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny")[0]
    added = replace(run, arm="my-spiral-8", config=change(run.config, {"model.scan": "spiral-8"}))
    wider = replace(run, arm="wider", config=change(run.config, {"model.hidden": 64}))
    for one in (added, wider):
        write(tmp_path, one, record_of(one, drawn_metrics(one, 1.0)))
    digits_sheet = sheets(STUDY, load(tmp_path), "tiny")[SETTING]
    assert digits_sheet.values("my-spiral-8", "fd_digits") == [1.0]
    assert [(arm, why) for arm, _, why in digits_sheet.stale] == [("wider", "model.hidden was 64, is 32")]


def test_a_broken_file_is_named_and_hides_no_other(tmp_path: Path) -> None:
    written = fill(tmp_path, seeds=1)
    (written[0].parent / "broken.0123456789abcdef.json").write_text("{", encoding="utf-8")
    whole = json.loads(written[1].read_text(encoding="utf-8"))
    written[1].write_text(json.dumps({**whole, "schema": 99}), encoding="utf-8")
    records = load(tmp_path)
    assert len(records) == len(written) - 1
    assert len(records.faults) == 2
    assert all("\n" not in fault for fault in records.faults)
    assert any("broken" in fault for fault in records.faults)
    assert any("schema" in fault for fault in records.faults)


def test_a_foreign_scale_or_study_belongs_nowhere(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny", changes={"model.hidden": 64})[0]
    for one in (replace(run, scale="galactic"), replace(run, study="another")):
        write(tmp_path, one, record_of(one, drawn_metrics(one, 1.0)))
        digits_sheet = sheets(STUDY, load(tmp_path), "tiny")[SETTING]
        assert digits_sheet.records == []
        assert digits_sheet.stale == []


def test_the_key_is_the_configuration_without_seed_and_root() -> None:
    config = {"model": {"scan": "sweep-1"}, "data": {"name": "faceshq", "root": "/here"}, "seed": 3}
    elsewhere = {"seed": 4, "data": {"root": "/there", "name": "faceshq"}, "model": {"scan": "sweep-1"}}
    assert key(config) == key(elsewhere)
    assert key(config) != key({**config, "model": {"scan": "sweep-2"}})
    assert differences(config, elsewhere) == {}
    assert differences(config, {**config, "more": 1}) == {"more": ("absent", 1)}


def test_protocols_tell_apart_what_does_not_compare() -> None:
    def of(**changes: object) -> str:
        metric = {"name": "fid", "value": 1.0, "n_generated": 5000, "extractor_identity": "a" * 64}
        record = {"environment": {"device": "x"}, "fingerprints": {}}
        return protocol_of(Record(Path(), record), {**metric, **changes})

    assert of() == of(value=2.0) == of(settings={"std": 0.5})
    assert (
        len({of(), of(n_generated=1000), of(extractor_identity="b" * 64), of(settings={"subsets": 9})}) == 4
    )


def test_a_machine_is_part_of_the_question_for_timings_alone() -> None:
    def of(name: str, device: str) -> str:
        return protocol_of(Record(Path(), {"environment": {"device": device}}), {"name": name, "value": 1.0})

    assert of("latency_ms", "a") != of("latency_ms", "b")
    assert of("fd_digits", "a") == of("fd_digits", "b")


def test_no_records_is_an_empty_sheet(tmp_path: Path) -> None:
    digits_sheet = sheets(STUDY, Records(), "tiny")[SETTING]
    assert set(digits_sheet.arms) == {arm.name for arm in STUDY.arms}
    assert load(tmp_path / "nowhere") == []


CURVE = """
from zigma.scans import register_scan
@register_scan("{name}")
def curve(height, width):
    return [(row, column) for row in {rows} for column in range(width)]
"""


def record_seed_of_curve(results: Path, file: Path, rows: str, seed: int, finished: str) -> None:
    """A run of a user's curve, whose file is written before: twice, for the second seed of an edited one."""
    file.write_text(CURVE.format(name="edited", rows=rows), encoding="utf-8")
    study = with_scans(STUDY, [f"{file}:edited"])[0]
    run = next(run for run in runs(study, "tiny", [seed]) if run.arm == "edited-8" and run.setting == SETTING)
    write(results, run, record_of(run, drawn_metrics(run, 1.0 + seed), finished=finished))


def test_a_user_s_curve_that_was_edited_between_two_runs_is_not_counted_together(tmp_path: Path) -> None:
    """Here n was 2, of two different curves under one name, and none was stale."""
    file = tmp_path / "mine.py"
    record_seed_of_curve(tmp_path, file, "range(height)", 0, "2026-01-01T00:00:00+00:00")
    record_seed_of_curve(tmp_path, file, "range(height - 1, -1, -1)", 1, "2026-01-02T00:00:00+00:00")
    records = load(tmp_path)
    assert len({record.data["fingerprints"]["orders"] for record in records}) == 2
    counted = sheets(STUDY, records, "tiny")[SETTING]
    assert counted.by_seed("edited-8", "fd_digits") == {1: 2.0}
    assert [(arm, r["seed"], why) for arm, r, why in counted.stale] == [
        ("edited-8", 0, "orders changed since")
    ]


def test_of_a_curve_that_is_not_here_the_latest_runs_count(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny")[0]
    plain = record_of(run, drawn_metrics(run, 1.0))
    for seed, orders, day in ((0, "a", 1), (1, "a", 3), (2, "b", 2), (3, "a", 4)):
        config = {**plain["config"], "seed": seed}
        config["model"] = {**config["model"], "scan": "nowhere-8"}
        other = {**plain, "arm": "nowhere-8", "seed": seed, "config": config}
        other["fingerprints"] = {**plain["fingerprints"], "orders": orders * 16}
        path = tmp_path / "records" / "tiny" / STUDY.name / f"nowhere-8.{SETTING}.seed{seed}.x.json"
        write_beside(path, {**other, "finished": f"2026-01-0{day}"})
    counted = sheets(STUDY, load(tmp_path), "tiny")[SETTING]
    assert [record["seed"] for record in counted.arms["nowhere-8"]] == [0, 1, 3]
    assert [why for _, _, why in counted.stale] == ["orders other than of the latest run, seed 3"]


def test_of_two_records_of_one_seed_the_later_one_counts() -> None:
    def of(identity: str, seed: int, finished: str) -> Record:
        return Record(
            Path("none"), {"identity": identity, "seed": seed, "finished": finished, "fingerprints": {}}
        )

    row = one_set([of("a", 1, "2026-02-01"), of("b", 1, "2026-01-01"), of("c", 0, "2026-01-01")], {})
    assert [record["identity"] for record in row.current] == ["c", "a"]
    assert [(record["identity"], why) for record, why in row.stale] == [("b", "run again since")]


def test_a_curve_s_measures_that_a_user_added_get_a_row(tmp_path: Path) -> None:
    study = with_scans(find_study("curves"), ["spiral-4"])[0]
    run = next(
        run for run in runs(study, "tiny") if run.arm == "spiral-4" and isinstance(run.config, ScanConfig)
    )
    write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    counted = sheets(find_study("curves"), load(tmp_path), "tiny")[run.setting]
    assert (len(counted.arms["spiral-4"]), counted.stale) == (1, [])


def test_a_setting_without_a_run_of_its_own_counts_nothing_twice(tmp_path: Path) -> None:
    mixers = find_study("mixers")
    mamba, other = (
        [run for run in runs(mixers, "tiny") if run.arm == arm and run.setting.startswith("digits-8-short")]
        for arm in ("mamba", "mlstm")
    )
    for run in (mamba[0], other[0]):  # at equal width
        write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    assert sheets(mixers, load(tmp_path), "tiny")["digits-8-short-equal"].records == []
    write(tmp_path, other[1], record_of(other[1], drawn_metrics(other[1], 1.0)))
    equal = sheets(mixers, load(tmp_path), "tiny")["digits-8-short-equal"]
    assert {arm for arm in equal.arms if equal.done(arm)} == {"mamba", "mlstm"}
