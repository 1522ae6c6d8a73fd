"""Tables from records: what stands in a cell, what is said beside it, and that no two protocols meet."""

import csv
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_records import PROTOCOL, drawn_metrics, fill, record_of, write, write_beside

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
    for run in runs(STUDY, "tiny", [0, 1], changes={"training.steps": 7}):
        if run.arm == "sweep":
            write(tmp_path, run, record_of(run, drawn_metrics(run, 1.0)))
    part, cells = table_of(tmp_path)
    assert cells["sweep"]["ours fd_digits"] == "stale"
    (note,) = [note.text for note in part.notes if note.kind == "stale"]
    assert "2 records of other" in note
    assert note.endswith("sweep seed 0, 1 (training.steps was 7, is 2000)")


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
