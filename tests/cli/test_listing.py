"""`list` and `show` as a reader meets them: quick, whole, and right about what is recorded."""

import json
from pathlib import Path

import pytest

from studies.__main__ import main
from studies.declare.identity import as_recorded, fingerprints
from studies.declare.registry import studies
from studies.declare.study import Run, runs


def record(folder: Path, run: Run) -> Path:
    """A record of a run below `records` or `published`."""
    whole = {
        "schema": 1,
        **run.about,
        "identity": run.identity,
        "config": as_recorded(run.config),
        "fingerprints": fingerprints(run.config),
        "status": "done",
        "metrics": [],
        **{name: {} for name in ("curves", "wall_time_s", "cost", "environment")},
    }
    path = folder / run.scale / run.study / f"{run.arm}.x.seed0.{run.identity}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole))
    return path


def line(text: str, study: str) -> list[str]:
    return next(row for row in text.splitlines() if row.startswith(study)).split()


def test_list_says_what_is_declared_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["list", "--results", str(tmp_path)])
    output = capsys.readouterr().out
    for study in studies().values():
        assert study.shows in output
        assert study.name in output
    assert "0/12" in line(output, "scan_ablation")
    assert "-/8" in line(output, "scan_ablation")  # scale paper: its data is not here, no run can be
    assert "+" not in line(output, "scan_ablation")[-1]
    run = runs(studies()["scan_ablation"], "tiny", settings=["shapes-16"])[3]  # of coco and conditioning too
    record(tmp_path / "records", run)
    main(["list", "--results", str(tmp_path)])
    output = capsys.readouterr().out
    assert "1/12" in line(output, "scan_ablation")
    assert "1/4" in line(output, "coco")
    assert "1/2" in line(output, "conditioning")


def test_list_counts_a_run_at_every_scale_that_shares_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in runs(studies()["curves"], "tiny"):
        record(tmp_path / "records", run)
    main(["list", "--results", str(tmp_path)])
    assert line(capsys.readouterr().out, "curves").count("30/30") == 3


def test_list_counts_what_ships_beside_her_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = runs(studies()["conditioning"], "tiny")[:2]
    for folder, run in (("published", first), ("published", second), ("records", second)):
        record(tmp_path / folder, run)
    main(["list", "--results", str(tmp_path)])
    assert "1+1/2" in line(capsys.readouterr().out, "conditioning")


def test_list_names_what_is_no_record_and_does_not_count_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = runs(studies()["conditioning"], "tiny")[:2]
    record(tmp_path / "records", one)
    cut = record(tmp_path / "records", other)
    cut.write_text(cut.read_text()[:900])
    loop = cut.with_name("loop.json")
    loop.symlink_to(loop.name)
    assert main(["list", "--results", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "1/2" in line(shown.out, "conditioning")
    assert {text.split(" is not a record")[0] for text in shown.err.splitlines()} == {
        f"left alone: {cut}",
        f"left alone: {loop}",
    }


@pytest.mark.parametrize("name", studies())
def test_show_prints_every_arm_setting_and_source(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["show", name])
    output, study = capsys.readouterr().out, studies()[name]
    assert "=False" not in output  # which `--set` does not read
    for arm in study.arms:
        assert arm.name in output
        assert all(f"{column} {value:g}" in output for column, value in arm.paper.items())
    for scale, settings in study.scales.items():
        for setting in settings:
            assert f"scale {scale}, setting {setting}" in output
    assert all(note in output for note in study.notes)
    assert " object at 0x" not in output


def test_a_dry_run_shows_time_memory_and_what_is_cached(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "scan_ablation", "--dry-run", "--results", str(tmp_path)]
    assert main(words) == 0
    output = capsys.readouterr().out
    assert output.startswith(
        "scan_ablation (Table 1) at scale tiny, setting digits-8; --setting takes digits-16, shapes-16 or all as well\n"
    )
    assert "4 of 4 runs to do" in output
    assert "GiB" in output
    assert output.count("  ships  ") == 4
    assert main([*words, "--setting", "all", "--seeds", "2"]) == 0
    assert "24 of 24 runs to do" in capsys.readouterr().out
    assert main(["run", "spatial_continuity", "--dry-run", "--results", str(tmp_path)]) == 0
    assert "5 of 5 runs to do" in capsys.readouterr().out  # six arms, two of which are one run
    assert not list(tmp_path.iterdir())


def test_show_names_what_is_not_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ZIGMA_DATA", str(tmp_path))
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(tmp_path))
    main(["show", "hilbert"])
    before, paper = capsys.readouterr().out.split("scale paper, ")
    assert "not here" not in before
    missing = [row for row in paper.splitlines() if row.strip().startswith("not here")]
    assert any(f"{tmp_path}/celebamm-256" in row for row in missing)
    assert any("dinov2_vitl14_pretrain.pth" in row for row in missing)
