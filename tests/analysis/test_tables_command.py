"""`make-tables`: what it prints and writes, and what it refuses."""

import contextlib
import csv
import io
import os
import re
import sys
from pathlib import Path

import pytest
from fake_records import drawn_metrics, fill, record_of, write

from analysis.__main__ import main
from studies.declare.registry import find_study, studies
from studies.declare.study import runs

STUDY = find_study("scan_ablation")
SETTING = next(iter(STUDY.scales["tiny"]))


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
    assert main(["make-tables", "table_7", "--results", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("Table 7. Hilbert and zigzag scans")


@pytest.mark.parametrize("words", [["make-tables", "scan_ablation"], ["make-tables"], ["claims"]])
def test_who_reads_only_the_beginning_has_the_files_all_the_same(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    fill(tmp_path, seeds=1)
    with monkeypatch.context() as patch, contextlib.suppress(BrokenPipeError):
        patch.setattr(sys, "stdout", Closed())
        patch.setattr(os, "dup2", lambda *descriptors: None)
        main([*words, "--results", str(tmp_path)])
    assert list((tmp_path / "view").rglob("*.md"))
