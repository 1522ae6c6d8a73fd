"""Tables from records: what stands in a cell, what is said beside it, and that no two protocols meet."""

import csv
import json
import re
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_records import PROTOCOL, drawn_metrics, fill, record_of, write, write_beside

from analysis.__main__ import main
from analysis.records import load, sheets
from analysis.stats import SeedMean
from analysis.tables import build_tables, study_table
from analysis.tables.columns import cell, metric_columns
from analysis.tables.ranking import RANKING
from analysis.tables.render import markdown, rendered, text
from studies.declare.registry import find_study, studies
from studies.declare.study import runs
from studies.run.record import checksum

STUDY = find_study("scan_ablation")
SETTING = next(iter(STUDY.scales["tiny"]))


def table_of(results: Path, study: Any = STUDY) -> tuple[Any, dict[str, dict[str, Any]]]:
    """The first part of a study's table, and its cells by row and column."""
    part = study_table(study, load(results)).parts[0]
    heads = [f"{column.group} {column.label}" for column in part.columns]
    return part, {label: dict(zip(heads, cells, strict=True)) for label, cells in part.rows}


def test_ours_stands_beside_the_paper_s(tmp_path: Path) -> None:
    fill(
        tmp_path, seeds=3, means={"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}, spread=0.0
    )
    part, cells = table_of(tmp_path)
    assert cells["sweep"]["paper 256 FID"] == 158.1
    assert cells["sweep"]["ours fd_digits"] == SeedMean(9.0, 0.0, 3)
    notes = " ".join(map(str, part.notes))
    for word in ("stand-in", "n = 3 seeds of every arm", "some processor", "cccccccccccc", "n_generated 500"):
        assert word in notes, word
    assert "tiny" in part.title


def test_missing_failed_and_partial_arms_are_said(tmp_path: Path) -> None:
    fill(
        tmp_path,
        seeds=2,
        skip=lambda run: run.arm == "zigzag-2" or (run.arm == "zigzag-8" and run.config.seed == 1),
    )
    for run in runs(STUDY, "tiny", range(2)):
        if run.setting == SETTING and (
            run.arm == "zigzag-2" or (run.arm, run.config.seed) == ("zigzag-8", 1)
        ):
            write(
                tmp_path,
                run,
                record_of(run, [], status="failed", error="FloatingPointError: loss is nan at step 7"),
            )
    part, cells = table_of(tmp_path)
    assert cells["zigzag-2"]["ours fd_digits"] == "failed"
    assert cells["zigzag-8"]["ours fd_digits"].n == 1
    notes = " ".join(map(str, part.notes))
    assert "failed: zigzag-2 seed 0: FloatingPointError: loss is nan at step 7" in notes
    assert "seeds: sweep 2, zigzag-1 2, zigzag-2 0, zigzag-8 1" in notes


def test_stale_cells_are_marked_and_enter_no_number(tmp_path: Path) -> None:
    fill(tmp_path, seeds=1, skip=lambda run: run.arm == "sweep")
    run = next(run for run in runs(STUDY, "tiny", changes={"training.steps": 7}) if run.arm == "sweep")
    write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    part, cells = table_of(tmp_path)
    assert cells["sweep"]["ours fd_digits"] == "stale"
    assert any(note.kind == "stale" and "training.steps was 7" in note.text for note in part.notes)


def test_two_protocols_never_meet_in_a_cell(tmp_path: Path) -> None:
    fill(tmp_path, seeds=2, skip=lambda run: run.config.seed == 1)
    other = {**PROTOCOL, "extractor_identity": "fedcba9876543210"}
    for run in runs(STUDY, "tiny", [1]):
        if run.setting == SETTING:
            write(tmp_path, run, record_of(run, drawn_metrics(run, 100.0, other)))
    part, cells = table_of(tmp_path)
    first, second = cells["sweep"]["ours fd_digits [1]"], cells["sweep"]["ours fd_digits [2]"]
    assert (first.n, second.n, second.mean) == (1, 1, 100.0)
    assert cells["sweep"]["ours held_out_loss"].n == 2  # no extractor, one protocol
    notes = " ".join(map(str, part.notes))
    assert "0123456789ab" in notes
    assert "fedcba987654" in notes


def test_the_range_of_a_timing_is_that_of_its_own_machine(tmp_path: Path) -> None:
    study = find_study("complexity")
    for seed, (device, value) in enumerate({"a processor": 100.0, "a card": 2.0}.items()):
        for run in runs(study, "tiny", [seed], settings=["8x8"]):
            timing = {"name": "latency_ms", "value": value, "lower_ms": 0.9 * value, "upper_ms": 1.2 * value}
            where = {"device": device, "device_kind": "cpu"}
            write(tmp_path, run, record_of(run, [timing], environment=where))
    sheet = sheets(study, load(tmp_path), "tiny")["8x8"]
    first, second = metric_columns(sheet, "latency_ms")
    assert text(cell(sheet, "ZigMa", first)) == "100 (90 to 120)"
    assert text(cell(sheet, "ZigMa", second)) == "2 (1.8 to 2.4)"


def test_scales_and_settings_have_parts_of_their_own(tmp_path: Path) -> None:
    base = STUDY.scales["tiny"][SETTING]
    longer = base.replace(training=base.training.replace(steps=900))  # type: ignore[union-attr,arg-type]
    study = replace(STUDY, scales={"tiny": {"a": base, "b": longer}, "small": {"c": longer.replace(seed=0)}})
    study = replace(study, scales={**study.scales, "small": {"c": _wider(longer)}})
    for scale, setting in (("tiny", "a"), ("tiny", "b"), ("small", "c")):
        fill(tmp_path, study, scale, setting=setting, seeds=1)
    parts = study_table(study, load(tmp_path)).parts
    assert [(part.scale, part.setting) for part in parts] == [("tiny", "a"), ("tiny", "b"), ("small", "c")]


def _wider(config: Any) -> Any:
    return config.replace(model=config.model.replace(hidden=48))


def test_many_settings_become_columns(tmp_path: Path) -> None:
    base = STUDY.scales["tiny"][SETTING]
    settings = {f"steps-{n}": base.replace(training=base.training.replace(steps=n)) for n in (1, 2, 3, 4)}  # type: ignore[union-attr,arg-type]
    arms = tuple(replace(arm, paper={}) for arm in STUDY.arms)
    study = replace(STUDY, scales={"tiny": settings}, arms=arms)
    for setting in settings:
        fill(tmp_path, study, setting=setting, seeds=2)
    parts = study_table(study, load(tmp_path)).parts
    assert len(parts) == 3  # one per metric
    assert [column.name for column in parts[0].columns] == list(settings)


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


def test_every_study_makes_a_table_with_and_without_records(tmp_path: Path) -> None:
    empty = build_tables(load(tmp_path))
    assert len({table.file for table in empty}) == len(studies()) + 1  # and the ranking
    assert not any(table.recorded for table in empty)
    for table in empty:
        assert table.parts or table.file == RANKING
        assert all(len(cells) == len(part.columns) for part in table.parts for _, cells in part.rows)
    for study in studies().values():
        for setting in study.scales["tiny"]:
            fill(tmp_path, study, setting=setting, seeds=2)
    for table in build_tables(load(tmp_path)):
        assert table.recorded
        assert "nan" not in markdown(table).replace("FloatingPoint", "")


def test_the_command_prints_writes_and_goes_on_past_a_broken_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path, seeds=2)
    (tmp_path / "records" / "broken.json").write_text("[]", encoding="utf-8")
    assert main(["make-tables", "--results", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "Table 1 of your run." in told.out
    assert "158.1" in told.out
    assert "left out: " in told.err
    assert "broken.json" in told.err
    rows = list(csv.DictReader((tmp_path / "view" / "tables" / "table_1.csv").open(encoding="utf-8")))
    assert {row["source"] for row in rows} == {"paper", "ours"}
    assert all((tmp_path / "view" / "tables" / f"table_1.{ending}").exists() for ending in ("md", "tex"))


def test_a_table_of_changed_runs_says_what_was_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for changes in ({"training.steps": 30}, {"data.name": "mnist"}):
        for run in runs(STUDY, "tiny", range(2), changes=changes, settings=[SETTING]):
            write(tmp_path, run, record_of(run, drawn_metrics(run, 5.0)))
    words = ["make-tables", "scan_ablation", "--results", str(tmp_path)]
    assert main([*words, "--set", "training.steps=30"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "changed by --set training.steps=30, standing in for the paper's 256 FID" in out
    assert "158.1" in out
    hint = f"--setting {SETTING} --set training.steps=30 --results {tmp_path}"
    assert hint.replace(" ", "") in out.replace(" ", "")
    for ending in ("md", "tex"):
        written = (tmp_path / "view" / "tables" / f"table_1.{ending}").read_text(encoding="utf-8")
        assert "training.steps=30" in written.replace("\\", "")
        assert str(tmp_path) not in written  # a folder that is moved holds the same tables
    assert main([*words, "--set", "data.name=mnist"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "images that are not the paper's" in out
    assert "158.1" not in out  # no column of the paper


def test_a_metric_under_two_protocols_in_one_record_has_two_columns(tmp_path: Path) -> None:
    for run in runs(STUDY, "tiny", settings=[SETTING]):
        drawn = drawn_metrics(run, 5.0)
        again = {**next(m for m in drawn if m["name"] == "fd_digits"), "n_generated": 2000, "value": 4.0}
        write(tmp_path, run, record_of(run, [*drawn, again]))
    lines = markdown(study_table(STUDY, load(tmp_path)))
    assert "fd_digits [2]" in lines


def test_a_failed_repetition_hides_no_published_number(tmp_path: Path) -> None:
    fill(tmp_path, seeds=2)
    (tmp_path / "records").rename(tmp_path / "published")
    for run in runs(STUDY, "tiny", range(2), settings=[SETTING]):
        write(tmp_path, run, {**record_of(run, []), "status": "failed", "error": "out of memory"})
    assert {record["status"] for record in load(tmp_path)} == {"done"}


def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["scan_ablatio"],
        ["--source", "theirs"],
        ["--set", "training.stepz=3"],
        ["ranking", "--set", "training.steps=3"],
        ["--pub"],  # no option for another that it begins like
    ):
        with pytest.raises(SystemExit) as left:
            main(["make-tables", *words, "--results", str(tmp_path)])
        assert left.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_tables_of_ten_thousand_records_cost_little_more_than_reading_them(tmp_path: Path) -> None:
    """Of four arms with 2,500 seeds each; a ratio, since machines differ and are busy."""
    for run in runs(STUDY, "tiny", settings=[SETTING]):
        record = record_of(run, drawn_metrics(run, 5.0))
        record["curves"] = {"loss": {"step": list(range(50)), "value": [0.5] * 50}}
        folder = tmp_path / "records" / "tiny" / STUDY.name
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(len(run.arm))
        for seed in range(2_500):  # written plainly: the disk's patience is not what is timed
            one = {
                **record,
                "seed": seed,
                "config": {**record["config"], "seed": seed},
                "metrics": drawn_metrics(run, 5 + rng.normal()),
            }
            write_beside(folder / f"{run.arm}.{SETTING}.seed{seed}.x.json", one)
    rendered(build_tables(load(tmp_path / "nothing")))  # what it imports is not timed
    start = time.process_time()
    for path in tmp_path.rglob("*.json"):
        checksum(json.loads(path.read_bytes()))
    read = time.process_time()
    tables = build_tables(load(tmp_path))
    rendered(tables)
    ratio = (time.process_time() - read) / (read - start)
    print(f"{read - start:.2f} s to read, {ratio:.1f} times as long to tables")
    assert ratio < 9
    cells = dict(next(table for table in tables if table.file == "table_1").parts[0].rows)
    assert max(cell.n for cell in cells["sweep"] if isinstance(cell, SeedMean)) == 2_500


def test_table_10_prints_what_the_paper_prints_beside_the_presets(tmp_path: Path) -> None:
    printed = csv.DictReader((Path(__file__).parents[2] / "results/paper/values.csv").open(encoding="utf-8"))
    paper_values = {(row["row"], row["column"]): row["value"] for row in printed if row["table"] == "10"}
    part = next(table for table in build_tables(load(tmp_path)) if table.file == "table_10").parts[0]
    shown = {}
    for row, cells in part.rows:
        for column, value in zip(part.columns, cells, strict=True):
            if column.name == "paper":
                shown[row, column.group] = str(value).replace("0.0001", "1e-4")
    assert shown == paper_values
    presets = {row: cells[1::2] for row, cells in part.rows}
    assert presets["Model size"] == (None,) * 4  # counted by a run, and none is recorded
    assert [str(cell) for cell in presets["Batch size/GPU"]] == [f"{n} in all" for n in (256, 256, 64, 128)]


def test_a_run_that_all_scales_share_is_shown_once(tmp_path: Path) -> None:
    fill(tmp_path, "model_sizes", seeds=1)
    table = study_table(find_study("model_sizes"), load(tmp_path))
    assert [part.scale for part in table.parts] == ["tiny"]
    assert not any("nothing is recorded" in note.text for note in table.notes)
    rows = dict(table.parts[0].rows)
    heads = [f"{column.group} {column.name}" for column in table.parts[0].columns]
    assert rows["S"][heads.index("paper Layers")] == 12
    assert text(rows["S"][heads.index("ours layers")]) == "24"  # P1: the counts printed are of other sizes


def test_a_folder_that_is_not_there_is_refused_and_not_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Here `--results reslts` made a folder with 63 empty sheets."""
    for command in ("make-tables", "make-figures", "claims", "report", "check"):
        with pytest.raises(SystemExit) as left:
            main([command, "--results", str(tmp_path / "reslts")])
        assert left.value.code == 2
        assert "there is no folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_looking_writes_below_view_alone(tmp_path: Path) -> None:
    """Here 63 tracked tables were overwritten by `--source own`."""
    fill(tmp_path, seeds=2)
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    for words in (
        ["make-tables"],
        ["make-tables", "scan_ablation", "--source", "own"],
        ["claims"],
        ["report"],
    ):
        assert main([*words, "--results", str(tmp_path)]) == 0
    written = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    assert written
    assert all(path.is_relative_to(tmp_path / "view") for path in written)


def test_what_ships_is_written_from_published_records_by_an_explicit_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs(STUDY, "tiny")[0]
    write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    write(tmp_path, run, record_of(run, drawn_metrics(run, 2.0)), folder="published")
    assert main(["make-tables", "--publish", "--results", str(tmp_path)]) == 0
    rows = list(csv.DictReader((tmp_path / "tables" / "table_1.csv").open(encoding="utf-8")))
    assert [row["value"] for row in rows if row["column"] == "fd_digits" and row["value"]] == ["2.0"]
    with pytest.raises(SystemExit) as left:
        main(["make-tables", "--publish", "--source", "own", "--results", str(tmp_path)])
    assert left.value.code == 2


def test_a_disk_that_refuses_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, seeds=1)
    (tmp_path / "view").write_text("a file where the folder should be", encoding="utf-8")
    for words in (["make-tables", "scan_ablation"], ["claims"], ["report"], ["make-figures", "--only", "4"]):
        assert main([*words, "--results", str(tmp_path)]) == 1
        told = capsys.readouterr()
        assert told.err.count("\n") == 1
        assert "not written to" in told.err


def test_a_row_whose_seeds_were_made_by_other_code_or_machines_is_marked(tmp_path: Path) -> None:
    for path in fill(tmp_path, seeds=2):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["seed"] == 1 and record["arm"] == "sweep":
            record["environment"] |= {"torch": "2.14.1", "commit": "d" * 40}
            path.write_text(json.dumps(record), encoding="utf-8")
    part, _ = table_of(tmp_path)
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
    part, _ = table_of(tmp_path)
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
    part, _ = table_of(tmp_path)
    notes = [note.text for note in part.notes if note.kind == "origin"]
    assert any("by different code or machines: zigzag-8 (commit)" in line for line in notes)


def test_the_overview_has_a_line_for_each_study_and_ends_in_the_user_s_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path, seeds=2, finished="2026-01-02")
    fill(tmp_path, "hilbert", seeds=1, finished="2026-01-01")
    assert main(["make-tables", "--results", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    above, _, below = out.partition("a table in full")
    assert all(re.search(rf"^{name} ", above, flags=re.MULTILINE) for name in studies())
    assert "4 of 4, n 2" in above
    assert below.startswith(f": python -m analysis make-tables STUDY --results {tmp_path}\n")
    assert "Table 1 of your run." in below
    assert "Table 7" not in below
