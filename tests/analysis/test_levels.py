"""Floors and baselines: read from files that a command wrote, or from records; shown on every sheet."""

import json
from pathlib import Path
from typing import Any

import pytest
from fake_records import PROTOCOL, drawn_metrics, fill, record_of, write

from analysis.records import load, sheets
from analysis.records.levels import Level, best_baseline, floor_of, level_folders, progress
from analysis.records.protocol import Protocol
from analysis.records.standing import levels_of, unbeaten, why_no_verdict
from analysis.tables import study_table
from analysis.tables.render import markdown, text
from studies.declare.identity import as_recorded, fingerprints
from studies.declare.levels import levels_key, levels_path
from studies.declare.registry import find_study
from studies.declare.study import runs
from zigma.experiment.config import RunConfig

STUDY = find_study("scan_ablation")
SETTING = "digits-8"
MEANS = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}
LOSS = {"name": "held_out_loss", "n_real": 500, "reference": "held-out"}


def config() -> RunConfig:
    base = STUDY.scales["tiny"][SETTING]
    assert isinstance(base, RunConfig)
    return base


def level_file(results: Path, *, baseline: float, floor: float = 0.2, **changed: Any) -> Path:
    """Levels as `python -m studies levels` writes them."""
    path = levels_path(results, config())
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = {"name": "fd_digits", **PROTOCOL}
    whole = {
        "schema": 1,
        "config": as_recorded(config()),
        "fingerprints": fingerprints(config()),
        "environment": {"device": "here"},
        "levels": [
            {"name": "real against real", "kind": "floor", "metrics": [{**fd, "value": floor}]},
            {"name": "worse", "kind": "baseline", "metrics": [{**fd, "value": 2 * baseline}]},
            {
                "name": "better",
                "kind": "baseline",
                "metrics": [{**fd, "value": baseline}, {**LOSS, "value": 0.9}],
            },
            {"name": "before training", "kind": "start", "metrics": [{**fd, "value": 50.0}]},
        ],
        **changed,
    }
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def test_the_way_is_0_at_the_best_baseline_and_1_at_the_floor() -> None:
    place = ("fd", Protocol())
    scores = (("f", "floor", 1.0), ("a", "baseline", 9.0), ("b", "baseline", 5.0), ("s", "start", 2.0))
    levels = [Level(name, kind, {place: value}) for name, kind, value in scores]  # type: ignore[arg-type]
    assert best_baseline(levels, place) == ("b", 5.0)
    assert floor_of(levels, place) == 1.0
    assert [progress(value, levels, place) for value in (5.0, 1.0, 3.0, 9.0)] == [0.0, 1.0, 0.5, -1.0]
    assert progress(3.0, levels, ("fd", Protocol((("n_generated", "5000"),)))) is None


def test_levels_stand_on_the_sheet_with_each_arm_s_way(tmp_path: Path) -> None:
    fill(tmp_path, means=MEANS, seeds=2, spread=0.0)
    level_file(tmp_path, baseline=5.0, floor=1.0)
    part = study_table(STUDY, load(tmp_path)).parts[0]
    heads = [f"{column.group} {column.name}" for column in part.columns]
    shares = {row.label: text(row.cells[heads.index("ours progress by fd_digits")]) for row in part.rows}
    assert shares == {"sweep": "-1.00", "zigzag-1": "-0.50", "zigzag-2": "-0.25", "zigzag-8": "0.25"}
    rows = {row.label: text(row.cells[heads.index("ours fd_digits")]) for row in part.levels}
    assert rows == {"real against real": "1", "worse": "10", "better": "5", "before training": "50"}
    assert any("0 at better (5), 1 at real against real (1)" in note.text for note in part.notes)
    assert not [note for note in part.notes if note.kind == "no verdict"]
    assert "| real against real" in markdown(study_table(STUDY, load(tmp_path)))


def test_an_untrained_network_stands_beside_its_own_kind_alone(tmp_path: Path) -> None:
    """Settings with the same data and protocol share a file, not the network that was drawn for it."""
    fill(tmp_path, means=MEANS, seeds=2, spread=0.0)
    wider = as_recorded(config().replace(model=config().model.replace(hidden=64)))
    level_file(tmp_path, baseline=5.0, config=wider)
    part = study_table(STUDY, load(tmp_path)).parts[0]
    assert [row.label for row in part.levels] == ["real against real", "worse", "better"]


def test_no_verdict_where_the_best_arm_does_not_beat_the_baselines(tmp_path: Path) -> None:
    fill(tmp_path, means=MEANS, seeds=2, spread=0.0)
    level_file(tmp_path, baseline=3.9)
    part = study_table(STUDY, load(tmp_path)).parts[0]
    (note,) = [note for note in part.notes if note.kind == "no verdict"]
    assert note.text == "no verdict: by fd_digits the best arm, zigzag-8 (4), does not beat better (3.9)"


def test_no_verdict_where_the_loss_alone_is_beaten_by_a_baseline(tmp_path: Path) -> None:
    fill(tmp_path, means=MEANS, seeds=2, spread=0.0)
    path = level_file(tmp_path, baseline=5.0)
    whole = json.loads(path.read_text(encoding="utf-8"))
    whole["levels"][2]["metrics"][1]["value"] = 0.5  # the arms' losses: 0.54 and more
    path.write_text(json.dumps(whole), encoding="utf-8")
    assert "by held_out_loss" in why_no_verdict(sheets(STUDY, load(tmp_path), "tiny")[SETTING])


def test_levels_of_another_protocol_do_not_count(tmp_path: Path) -> None:
    """500 real images against 500 say nothing about 5,000."""
    for run in runs(STUDY, "tiny", settings=[SETTING]):
        metrics = drawn_metrics(run, MEANS[run.arm], {**PROTOCOL, "n_generated": 5000})
        write(tmp_path, run, record_of(run, metrics))
    level_file(tmp_path, baseline=0.1)
    part = study_table(STUDY, load(tmp_path)).parts[0]
    heads = [column.name for column in part.columns]
    assert "progress by fd_digits" not in heads
    assert all(row.cells[heads.index("fd_digits")] is None for row in part.levels)
    assert "fd_digits" not in unbeaten(sheets(STUDY, load(tmp_path), "tiny")[SETTING])


def test_a_sheet_without_levels_says_how_to_get_them(tmp_path: Path) -> None:
    fill(tmp_path, means=MEANS, seeds=1)
    part = study_table(STUDY, load(tmp_path)).parts[0]
    assert any("python -m studies levels scan_ablation" in note.text for note in part.notes)


def test_own_levels_win_over_published_ones(tmp_path: Path) -> None:
    fill(tmp_path, means=MEANS, seeds=1)
    level_file(tmp_path / "published", baseline=7.0)
    assert len(levels_of(sheets(STUDY, load(tmp_path), "tiny")[SETTING])) == 4
    level_file(tmp_path, baseline=8.0)
    levels = levels_of(sheets(STUDY, load(tmp_path), "tiny")[SETTING])
    assert [value for level in levels if level.name == "better" for value in level.values.values()] == [
        8.0,
        0.9,
    ]


def test_a_named_folder_is_held_against_the_levels_that_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "scan_ablation", "desk", setting=SETTING, means=MEANS, seeds=1)
    monkeypatch.setattr("analysis.records.collection.level_folders", level_folders)
    names = {level.name for level in levels_of(sheets(STUDY, load(tmp_path), "desk")[SETTING])}
    assert names == {"real against real", "independent pixels", "linear Gaussian", "before training"}


BROKEN = [
    {"levels": 7},
    {"levels": [{"name": "x", "kind": "ceiling", "metrics": []}]},
    {"levels": [{"name": ["x"], "kind": "floor", "metrics": []}]},
    {"levels": [{"name": "x", "kind": "floor", "metrics": [{"name": "fd", "value": "many"}]}]},
    {"fingerprints": ["data"]},
]


@pytest.mark.parametrize("changed", BROKEN, ids=str)
def test_a_broken_file_of_levels_is_named_and_left_out(changed: dict[str, Any], tmp_path: Path) -> None:
    fill(tmp_path, means=MEANS, seeds=1)
    level_file(tmp_path, baseline=5.0, **changed)
    records = load(tmp_path)
    assert (records.levels, len(records.faults)) == ({}, 1)
    assert "holds no levels" in records.faults[0]
    assert study_table(STUDY, records).recorded


def test_settings_share_levels_where_data_protocol_and_patch_are_the_same() -> None:
    hilbert = find_study("hilbert").scales["tiny"][SETTING]
    assert isinstance(hilbert, RunConfig)
    base = config()
    assert levels_key(hilbert) == levels_key(base)
    longer = base.replace(training=base.training.replace(steps=3), seed=9)
    assert levels_key(longer) == levels_key(base)
    more = base.replace(evaluation=base.evaluation.replace(n_generated=5000))
    assert levels_key(more) != levels_key(base)


def test_runs_on_fields_bring_their_own_levels(tmp_path: Path) -> None:
    study = next(
        (s for s in _studies() if any(_on_fields(c) for c in s.scales.get("tiny", {}).values())), None
    )
    if study is None:
        pytest.skip("no study runs on fields at tiny")
    setting = next(name for name, c in study.scales["tiny"].items() if _on_fields(c))
    for run in runs(study, "tiny", settings=[setting]):
        metrics = [
            ("excess_velocity", 0.3),
            ("excess_velocity_one_token", 0.7),
            ("excess_velocity_plan", 0.1),
        ]
        write(tmp_path, run, record_of(run, [{"name": name, "value": value} for name, value in metrics]))
    levels = levels_of(sheets(study, load(tmp_path), "tiny")[setting])
    assert [(level.name, level.kind, list(level.values.values())) for level in levels] == [
        ("optimum", "floor", [0.0]),
        ("one token", "baseline", [pytest.approx(0.7)]),
    ]
    run = runs(study, "tiny", settings=[setting])[0]
    samples = [("samples_frechet", 0.9), ("samples_frechet_floor", 0.2)]
    write(
        tmp_path,
        run,
        record_of(run, [{"name": name, "value": value} for name, value in metrics + samples]),
    )
    sheet_then = sheets(study, load(tmp_path), "tiny")[setting]
    (rules,) = sheet_then.protocols("samples_frechet")
    level = levels_of(sheet_then)[1]
    assert (level.name, level.kind) == ("as many true fields", "floor")
    assert dict(level.values) == {("samples_frechet", rules): 0.2}


def _studies() -> Any:
    from studies.declare.registry import studies

    return studies().values()


def _on_fields(config: Any) -> bool:
    return isinstance(config, RunConfig) and config.data.name == "fields"
