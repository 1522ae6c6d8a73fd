"""What is said below a table about seeds, code and machines."""

import json
from pathlib import Path

import pytest
from fake_records import fill, record_of, write

from analysis.records import load
from analysis.tables import study_table
from studies.declare.registry import find_study
from studies.declare.study import runs

STUDY = find_study("scan_ablation")
SETTING = next(iter(STUDY.scales["tiny"]))


def test_notes_below_many_settings_say_which_they_are_about(tmp_path: Path) -> None:
    grids = ("rows-16", "rows-32")
    positions = ("rows-8-positions", "rows-16-positions", "rows-32-positions")
    for setting, seeds in {"rows-8": 3, **dict.fromkeys((*grids, *positions), 2)}.items():
        fill(
            tmp_path,
            "exact",
            setting=setting,
            seeds=seeds,
            skip=lambda run: run.arm not in ("sweep-1", "sweep-2"),
        )
    part = next(p for p in study_table(find_study("exact"), load(tmp_path)).parts[::-1] if p.scale == "tiny")
    seeds_of = [str(note) for note in part.notes if note.kind == "seeds"]
    two = ", ".join(("rows-16", "rows-32", "rows-16-positions", "rows-8-positions", "rows-32-positions"))
    assert [line.split(":")[0] for line in seeds_of] == [two, "rows-8"]
    assert ["sweep-1 2, sweep-2 2," in seeds_of[0], "sweep-1 3, sweep-2 3," in seeds_of[1]] == [True, True]
    origin = [note for note in part.notes if note.text.startswith("made on")]
    assert [note.setting for note in origin] == [""]


def test_a_row_whose_seeds_were_made_by_other_code_or_machines_is_marked(tmp_path: Path) -> None:
    for path in fill(tmp_path, seeds=2):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["seed"] == 1 and record["arm"] == "sweep":
            record["environment"] |= {"torch": "2.14.1", "commit": "d" * 40}
            path.write_text(json.dumps(record), encoding="utf-8")
    part = study_table(STUDY, load(tmp_path)).parts[0]
    notes = [note.text for note in part.notes if note.kind == "origin"]
    assert any("sweep (commit, torch)" in line and "zigzag" not in line for line in notes)
    assert any("torch 2.9.0, 2.14.1" in line for line in notes)


@pytest.mark.parametrize("field", ["commit", "device", "torch", "scan_backend"])
def test_what_a_row_mixes_is_named(tmp_path: Path, field: str) -> None:
    for path in fill(tmp_path, seeds=2):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["seed"] == 1 and record["arm"] == "sweep":
            record["environment"][field] = "another"
            path.write_text(json.dumps(record), encoding="utf-8")
    part = study_table(STUDY, load(tmp_path)).parts[0]
    (line,) = [note.text for note in part.notes if "different code or machines" in note.text]
    assert line.endswith(f": sweep ({field.replace('_', ' ')})")


def test_a_run_that_other_code_resumed_marks_its_row(tmp_path: Path) -> None:
    for path in fill(tmp_path, seeds=1):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["arm"] == "zigzag-8":
            before = {
                "commit": "d" * 40,
                "torch": "2.9.0",
                "device": "some processor (2 cores)",
                "from_step": 0,
            }
            record["history"] = [before, {**before, "commit": "c" * 40, "from_step": 100}]
            path.write_text(json.dumps(record), encoding="utf-8")
    part = study_table(STUDY, load(tmp_path)).parts[0]
    notes = [note.text for note in part.notes if note.kind == "origin"]
    assert any("by different code or machines: zigzag-8 (commit)" in line for line in notes)


def test_a_metric_that_one_run_lacks_is_counted_by_itself(tmp_path: Path) -> None:
    for path in fill(tmp_path, seeds=2):
        record = json.loads(path.read_text(encoding="utf-8"))
        if (record["arm"], record["seed"]) == ("sweep", 1):
            record["metrics"] = [metric for metric in record["metrics"] if metric["name"] != "fd_digits"]
            path.write_text(json.dumps(record), encoding="utf-8")
    (line,) = [
        note.text for note in study_table(STUDY, load(tmp_path)).parts[0].notes if note.kind == "seeds"
    ]
    assert line.endswith("n = 2 seeds of every arm; fd_digits of sweep has 1 of its 2")


def test_rows_that_are_one_run_say_so(tmp_path: Path) -> None:
    fill(tmp_path, "video_scan", seeds=1)
    part = study_table(find_study("video_scan"), load(tmp_path)).parts[0]
    shared = [note.text for note in part.notes if note.kind == "shared"]
    assert "one run under several names: st, ststst" in shared


def test_columns_of_scans_are_explained(tmp_path: Path) -> None:
    for run in runs(find_study("curves"), "tiny"):
        write(
            tmp_path,
            run,
            record_of(run, [{"name": "unit_steps", "value": 1.0}, {"name": "step_p95", "value": 1.0}]),
        )
    part = study_table(find_study("curves"), load(tmp_path)).parts[0]
    assert [column.label for column in part.columns] == ["unit_steps"]
    means = [note.text for note in part.notes if note.kind == "meaning"]
    assert means == [
        "unit_steps: share of steps that go to a neighbouring cell: the paper's spatial continuity"
    ]
