"""Two sets of records side by side: what is paired, what is refused, what is said of it."""

import json
import math
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_records import PROTOCOL, drawn_metrics, fill, record_of, write, write_beside

from analysis.__main__ import main
from analysis.compare.command import comparison
from analysis.compare.pairs import Compared, compare_metric
from analysis.compare.select import parse, select
from analysis.records import load
from analysis.stats import SeedMean
from studies.declare.changes import change
from studies.declare.own_data import OwnData, with_own_data
from studies.declare.registry import find_study
from studies.declare.study import runs
from zigma.common.words import WordError

MEANS = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}


def two(tmp_path: Path, **changed: float) -> tuple[str, str]:
    """Two results folders, the second with other means for some arms, and other noise."""
    names = []
    for name, means, spread in (("a", MEANS, 0.05), ("b", {**MEANS, **changed}, 0.04)):
        fill(tmp_path / name, means=means, seeds=4, spread=spread)
        names.append(str(tmp_path / name))
    return names[0], names[1]


def compared(a: str, b: str, metric: str = "fd_digits") -> dict[str, Compared]:
    selections = [parse(a), parse(b)]
    chosen = [select(selection) for selection in selections]
    from analysis.compare.command import _rows

    rows = {label: sides for label, sides in _rows(chosen, set()).items() if all(sides)}
    return {row.label.split()[-1]: row for row in compare_metric(rows, metric)}


def test_a_change_is_found_and_the_rest_is_not(tmp_path: Path) -> None:
    rows = compared(*two(tmp_path, **{"zigzag-8": 3.0, "sweep": 10.0}))
    assert {arm: row.word for arm, row in rows.items()} == {
        "sweep": "worse",
        "zigzag-1": "no difference shown",
        "zigzag-2": "no difference shown",
        "zigzag-8": "better",
    }
    assert rows["zigzag-8"].ratio.value == pytest.approx(0.75, rel=0.02)
    assert rows["zigzag-8"].ratio.low < 0.75 * 1.02
    assert rows["zigzag-8"].effect < 0


def test_an_arm_s_name_may_hold_commas(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    assert parse("arm=hidden 16, sweep-8").conditions == {"arm": "hidden 16, sweep-8"}
    assert parse(f"arm=a,1 ,scale=tiny,{tmp_path / 'b'}").conditions == {
        "arm": "a,1",
        "scale": "tiny",
        "results": str(tmp_path / "b"),
    }


def test_identical_records_are_identical(tmp_path: Path) -> None:
    a, _ = two(tmp_path)
    rows = compared(a, a)
    assert {row.word for row in rows.values()} == {"identical"}
    table = comparison([parse(a)] * 2, [select(parse(a))] * 2)
    assert all("identical in A and B: 4 rows" in map(str, part.notes) for part in table.parts)


def test_one_seed_and_other_seeds(tmp_path: Path) -> None:
    fill(tmp_path / "a", means=MEANS, seeds=3, spread=0.05)
    fill(tmp_path / "one", means={**MEANS, "sweep": 2.0}, seeds=1)
    row = compared(str(tmp_path / "a"), str(tmp_path / "one"))["sweep"]
    assert row.word == "one seed"
    assert math.isnan(row.p)
    fill(
        tmp_path / "b",
        means={**MEANS, "sweep": 2.0},
        seeds=6,
        spread=0.05,
        skip=lambda run: run.config.seed < 2,
    )
    row = compared(str(tmp_path / "a"), str(tmp_path / "b"))["sweep"]
    assert row.word == "better"
    assert "not paired" in row.note


def test_protocols_that_differ_are_not_compared(tmp_path: Path) -> None:
    fill(tmp_path / "a", means=MEANS, seeds=2)
    for run in runs(find_study("scan_ablation"), "tiny", range(2), settings=["digits-8"]):
        other = {**PROTOCOL, "n_generated": 5000}
        write(tmp_path / "b", run, record_of(run, drawn_metrics(run, 1.0, other)))
    row = compared(str(tmp_path / "a"), str(tmp_path / "b"))["sweep"]
    assert row.word == "not comparable"
    assert row.note == "A by n_generated 500; B by n_generated 5000"


def test_timings_of_two_machines_are_what_is_compared(tmp_path: Path) -> None:
    for name, device, factor in (("a", "slow", 1.0), ("b", "fast", 0.1)):
        for run in runs(find_study("order_receptive_field"), "tiny", range(3)):
            latency = factor * (5.0 + 0.1 * run.config.seed)
            record = record_of(run, drawn_metrics(run, latency))
            record["environment"]["device"] = device
            write(tmp_path / name, run, record)
    rows = compared(str(tmp_path / "a"), str(tmp_path / "b"), "latency_ms")
    assert {row.word for row in rows.values()} == {"better"}
    rows = compared(str(tmp_path / "a"), str(tmp_path / "b"), "images_per_s")
    assert {row.word for row in rows.values()} == {"better"}


def test_a_user_s_curve_beside_the_paper_s(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, means=MEANS, seeds=4, spread=0.05)
    for run in runs(find_study("scan_ablation"), "tiny", range(4), settings=["digits-8"]):
        if run.arm == "sweep":
            spiral = replace(run, arm="spiral-8", config=change(run.config, {"model.scan": "spiral-8"}))
            write(tmp_path, spiral, record_of(spiral, drawn_metrics(spiral, 2.0 + 0.01 * run.config.seed)))
    a, b = (f"{tmp_path},arm={arm}" for arm in ("spiral-8", "zigzag-8"))
    assert main(["compare", a, b, "--out", str(tmp_path / "out" / "compared.md")]) == 0
    out = capsys.readouterr().out
    assert "scan_ablation tiny digits-8" in out
    assert "worse" in out
    assert "worse" in (tmp_path / "out" / "compared.md").read_text(encoding="utf-8")


def test_what_two_arms_differ_in_beside_their_scans_is_said(tmp_path: Path) -> None:
    study = find_study("scan_ablation")
    for arm, steps in (("sweep", 2000), ("zigzag-8", 40)):
        for run in runs(study, "tiny", range(3), changes={"training.steps": steps}, settings=["digits-8"]):
            if run.arm == arm:
                drawn = steps / 100 + 0.01 * run.config.seed
                write(tmp_path, run, record_of(run, drawn_metrics(run, drawn)))
    both = [parse(f"{tmp_path},arm={arm},study=scan_ablation") for arm in ("sweep", "zigzag-8")]
    (part,) = comparison(both, [select(one) for one in both], ["fd_digits"]).parts
    assert "tiny digits-8: A and B differ in training.steps 2000 and 40" in [note.text for note in part.notes]


def test_two_folders_of_images_are_two_rows(tmp_path: Path) -> None:
    for side, folders in (("a", ("birds", "cats")), ("b", ("birds",))):
        for i, name in enumerate(folders):
            root = tmp_path / side / "data" / name
            root.mkdir(parents=True)
            with tarfile.open(root / "train-000000.tar", "w") as shard:
                shard.addfile(tarfile.TarInfo(f"{name}.npy"))
            study = with_own_data(
                find_study("scan_ablation"), "tiny", OwnData(f"{name}-16", str(root), 16, 30, 10)
            )
            for run in runs(study, "tiny", range(3)):
                if run.arm == "sweep":
                    drawn = 5.0 + 10 * i + 0.1 * run.config.seed + (side == "b")
                    write(tmp_path / side, run, record_of(run, drawn_metrics(run, drawn)))
    both = [parse(str(tmp_path / side)) for side in "ab"]
    table = comparison(both, [select(one) for one in both], ["fd_digits"])
    (row,) = table.parts[0].rows
    assert row.label == "scan_ablation tiny birds-16 sweep"
    assert isinstance(row.cells[0], SeedMean)
    assert round(row.cells[0].mean, 1) == 5.1
    assert "in one of the two only: scan_ablation tiny cats-16 sweep" in map(str, table.notes)


def test_the_pairs_say_which_is_less_where_there_is_no_ratio(tmp_path: Path) -> None:
    study = find_study("scan_ablation")
    for side, values in (("a", (-0.02, -0.021, -0.022, 0.03)), ("b", (0.0, -0.001, -0.0012))):
        for run in runs(study, "tiny", range(len(values)), settings=["digits-8"]):
            if run.arm == "sweep":
                kid = {"name": "kid_digits", "value": values[run.config.seed], **PROTOCOL}
                write(tmp_path / side, run, record_of(run, [kid]))
    rows = compared(str(tmp_path / "a"), str(tmp_path / "b"), "kid_digits")
    assert rows["sweep"].word == "worse"  # though A's mean over all its seeds is the larger one


def test_commits_of_one_folder(tmp_path: Path) -> None:
    for path in fill(tmp_path, means=MEANS, seeds=2):
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if record["seed"] == 1:
            record["environment"]["commit"] = "d" * 40
            path.write_text(json.dumps(record), encoding="utf-8")
    sides = [select(parse(f"{tmp_path},commit={letter * 7}")) for letter in "cd"]
    assert [len(side) for side in sides] == [4, 4]


def test_two_scales_arm_by_arm(tmp_path: Path) -> None:
    study = find_study("order_receptive_field")
    for scale in ("tiny", "small"):
        fill(tmp_path, study, scale, seeds=2, means={"zigzag-1": 5.0, "zigzag-8": 6.0})
    selections = [parse(f"{tmp_path},scale={scale}") for scale in ("tiny", "small")]
    table = comparison(selections, [select(selection) for selection in selections], ["parameters"])
    assert [note.text for note in table.parts[0].notes] == ["identical in A and B: 2 rows"]


def test_a_run_that_two_studies_share_is_one_row(tmp_path: Path) -> None:
    run = next(
        r for r in runs(find_study("scan_ablation"), "tiny", settings=["digits-8"]) if r.arm == "zigzag-8"
    )
    write(tmp_path / "a", run, record_of(run, drawn_metrics(run, 1.0)))
    other = replace(run, study="mixers", arm="mamba")
    write(tmp_path / "b", other, record_of(other, drawn_metrics(other, 1.0)))
    rows = compared(str(tmp_path / "a"), str(tmp_path / "b"))
    assert [row.word for row in rows.values()] == ["identical"]


@pytest.mark.parametrize(
    ("a", "says"),
    [
        (", ,", "names no records"),
        ("{tmp}/nowhere", "no folder"),
        ("{tmp},arms=sweep", "did you mean 'arm'"),
        ("{tmp},arm=sweep,arm=zigzag-1", "stands twice"),
        ("{tmp},arm=swep", "there are: sweep"),
        ("{tmp},source=theirs", "unknown source"),
        ("{tmp},study=scan_ablation,arm=sweep,scale=small", "no record has scale=small"),
    ],
)
def test_wrong_words(a: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, means=MEANS, seeds=1)
    with pytest.raises(SystemExit) as left:
        main(["compare", a.format(tmp=tmp_path), str(tmp_path)])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


@pytest.mark.parametrize(
    "words", [["compare", ".", ".", "--out"], ["check", "--document"], ["report", "--out"]]
)
def test_a_folder_where_a_file_is_needed(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([*words, str(tmp_path)])
    complaint = capsys.readouterr().err
    assert f"{tmp_path} is a folder, and a file is needed" in complaint
    assert complaint.count("\n") == 1


def test_several_settings_for_a_row_are_refused(tmp_path: Path) -> None:
    for setting in ("digits-8", "digits-16"):
        fill(tmp_path, means=MEANS, seeds=1, setting=setting)
    fill(tmp_path / "small", "order_receptive_field", "small", means={"zigzag-1": 1.0}, seeds=1)
    selections = [parse(f"{tmp_path},scale=tiny")] * 2
    with pytest.raises(WordError, match="add setting="):
        comparison(selections, [select(selection) for selection in selections])
    assert len(load(tmp_path)) == 8


def test_p_is_corrected_for_the_number_of_rows(tmp_path: Path) -> None:
    changes = dict.fromkeys(("zigzag-1", "zigzag-2", "zigzag-8"), (0.1, -0.1, 0.05)) | {
        "sweep": (0.1, 0.05, 0.08)
    }
    for run in runs(find_study("scan_ablation"), "tiny", range(3), settings=["digits-8"]):
        for name, value in (("a", 5.0), ("b", 5.0 * math.exp(changes[run.arm][run.config.seed]))):
            write(tmp_path / name, run, record_of(run, drawn_metrics(run, value)))
    row = compared(str(tmp_path / "a"), str(tmp_path / "b"))["sweep"]
    assert row.p == pytest.approx(4 * 0.034, abs=0.01)
    assert row.word == "no difference shown"


def test_the_seeds_that_both_have_are_paired_and_the_others_named(tmp_path: Path) -> None:
    """Here four seeds against six were compared unpaired, and lost the power of the pairs."""
    fill(tmp_path / "a", means=MEANS, seeds=6, spread=2.0)
    fill(tmp_path / "b", means=MEANS, seeds=4, spread=2.0)
    for path in (tmp_path / "b").rglob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        for metric in record["metrics"]:
            metric["value"] *= 0.9 + 0.001 * record["seed"]
        path.write_text(json.dumps(record), encoding="utf-8")
    row = compared(str(tmp_path / "a"), str(tmp_path / "b"))["sweep"]
    assert (row.word, row.pairs) == ("better", 4)
    assert row.ratio.value == pytest.approx(0.9, rel=0.01)
    assert row.note == "paired over seeds [0, 1, 2, 3]; left out: A's [4, 5]"


def test_runs_of_an_edited_curve_are_not_one_row(tmp_path: Path) -> None:
    for path in [*fill(tmp_path / "a", means=MEANS, seeds=2), *fill(tmp_path / "b", means=MEANS, seeds=2)]:
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["seed"] == 1 and path.is_relative_to(tmp_path / "b"):
            record["fingerprints"]["orders"] = "f" * 16
            record["finished"] = "2030-01-01"
            path.unlink()
            write_beside(path, record)
    row = compared(str(tmp_path / "a"), str(tmp_path / "b"))["sweep"]
    assert row.b.n == 1
    assert "B: seed 0 left out: orders other than of the latest run, seed 1" in row.note


def test_two_configurations_of_an_arm_are_not_one_row(tmp_path: Path) -> None:
    """Those nearest to each other are compared, whichever are later; the others are counted and named."""
    study = find_study("scan_ablation")
    for steps, seeds, value in ((2000, range(3), 5.0), (20_000, range(1, 5), 1.0)):
        changes = {"training.steps": steps}
        for run in runs(study, "tiny", seeds, changes=changes, settings=["digits-8"]):
            if run.arm == "zigzag-8" or steps == 2000:
                drawn = value * (2 if run.arm == "sweep" else 1) + 0.01 * run.config.seed
                write(tmp_path, run, record_of(run, drawn_metrics(run, drawn)))
    both = [parse(f"{tmp_path},arm={arm},study=scan_ablation") for arm in ("sweep", "zigzag-8")]
    table = comparison(both, [select(one) for one in both], ["fd_digits"])
    (part,) = table.parts
    ((a, b, *_),) = [row.cells for row in part.rows]
    assert isinstance(a, SeedMean)
    assert isinstance(b, SeedMean)
    assert (round(a.mean, 2), round(b.mean, 2), b.n) == (10.01, 5.01, 3)
    left_out = "tiny digits-8: B: 4 records left out: training.steps 20000, not 2000"
    assert left_out in [note.text for note in part.notes]
