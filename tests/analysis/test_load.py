"""Which records count for which cell: own and published, stale, added by the user, foreign, broken."""

import json
from dataclasses import replace
from pathlib import Path

from fake_records import drawn_metrics, fill, record_of, write

from analysis.load import Records, differences, key, load, protocol_of, sheet
from studies.declare.changes import change
from studies.declare.registry import find_study
from studies.declare.study import runs
from studies.run.record import Record

STUDY = find_study("scan_ablation")
SETTING = next(iter(STUDY.scales["tiny"]))


def test_records_are_sorted_by_arm_and_seed(tmp_path: Path) -> None:
    fill(tmp_path, seeds=11, skip=lambda run: run.arm == "sweep" and run.config.seed > 0)
    found = sheet(STUDY, "tiny", SETTING, load(tmp_path))
    assert len(found.arms["sweep"]) == 1
    assert [record["seed"] for record in found.arms["zigzag-8"]] == list(range(11))  # not 0, 1, 10, 2
    assert found.values("zigzag-8", "fd_digits") == list(found.by_seed("zigzag-8", "fd_digits").values())
    assert found.values("zigzag-8", "no_such_metric") == []
    assert found.other == 0


def test_the_user_s_own_record_wins_over_the_published_one(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny")[0]
    write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    write(tmp_path, run, record_of(run, drawn_metrics(run, 2.0)), folder="published")
    values = {}
    for source in ("all", "own", "published"):
        records = load(tmp_path, source)  # type: ignore[arg-type]
        assert len(records) == 1
        values[source] = sheet(STUDY, "tiny", SETTING, records).values(run.arm, "fd_digits")
    assert values == {"all": [1.0], "own": [1.0], "published": [2.0]}


def test_a_run_shared_with_another_study_is_found_by_what_it_computes(tmp_path: Path) -> None:
    run = next(run for run in runs(STUDY, "tiny") if run.arm == "zigzag-8")
    other = replace(run, study="conditioning", arm="Cross-Attention")
    write(tmp_path, other, record_of(other, drawn_metrics(other, 3.0)))
    assert sheet(STUDY, "tiny", SETTING, load(tmp_path)).values("zigzag-8", "fd_digits") == [3.0]


def test_a_record_of_an_older_declaration_is_stale_and_says_what_changed(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny", changes={"training.steps": 7})[0]
    write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    found = sheet(STUDY, "tiny", SETTING, load(tmp_path))
    assert found.records == []
    assert found.is_stale(run.arm)
    assert not found.is_stale("zigzag-8")
    (arm, _, why) = found.stale[0]
    steps = STUDY.scales["tiny"][SETTING].training.steps  # type: ignore[union-attr]
    assert (arm, why) == (run.arm, f"training.steps was 7, is {steps}")


def test_a_record_of_an_older_curve_or_data_is_stale(tmp_path: Path) -> None:
    run = next(run for run in runs(STUDY, "tiny") if run.arm == "zigzag-8")
    record = record_of(run, drawn_metrics(run, 1.0))
    for name in ("orders", "data"):
        older = {**record["fingerprints"], name: "0" * 16}
        folder = tmp_path / name
        write(folder, run, {**record, "fingerprints": older})
        found = sheet(STUDY, "tiny", SETTING, load(folder))
        assert found.values("zigzag-8", "fd_digits") == []
        assert found.stale[0][2] == f"{name} changed since"


def test_an_arm_that_a_user_added_gets_a_row_and_other_configurations_do_not(tmp_path: Path) -> None:
    run = runs(STUDY, "tiny")[0]
    added = replace(run, arm="my-spiral-8", config=change(run.config, {"model.scan": "spiral-8"}))
    wider = replace(run, arm="wider", config=change(run.config, {"model.hidden": 64}))
    for one in (added, wider):
        write(tmp_path, one, record_of(one, drawn_metrics(one, 1.0)))
    found = sheet(STUDY, "tiny", SETTING, load(tmp_path))
    assert found.values("my-spiral-8", "fd_digits") == [1.0]
    assert [(arm, why) for arm, _, why in found.stale] == [("wider", "model.hidden was 64, is 32")]


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
        found = sheet(STUDY, "tiny", SETTING, load(tmp_path))
        assert found.records == []
        assert found.stale == []


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
    found = sheet(STUDY, "tiny", SETTING, Records())
    assert set(found.arms) == {arm.name for arm in STUDY.arms}
    assert load(tmp_path / "nowhere") == []
