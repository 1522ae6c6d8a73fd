"""Tables of the page: each number names the records that it was computed from."""

from pathlib import Path

import numpy as np
import pytest
from fake_records import PROTOCOL, drawn_metrics, fill, record_of, write

from analysis.records import load
from analysis.report.store import Store
from analysis.report.tables import ShownTable, shown_tables
from studies.declare.registry import find_study
from studies.declare.study import runs


def table_of(results: Path, study: str) -> tuple[ShownTable, Store]:
    records = load(results)
    store = Store(records, results)
    return next(table for table in shown_tables(records, store) if table.study == study), store


def test_a_number_is_the_mean_of_the_records_behind_it(tmp_path: Path) -> None:
    fill(tmp_path, "scan_ablation", seeds=4)
    table, store = table_of(tmp_path, "scan_ablation")
    (part,) = table.parts
    column = part.heads.index("fd_digits ↓")
    assert [name for name, _ in part.groups] == ["ours", "paper"], "ours is on the screen of a phone"
    for label, cells in part.rows:
        cell = cells[column]
        behind = [store.records[number] for number in cell.records]
        assert [record["arm"] for record in behind] == [label] * 4
        mean = np.mean([record.metric("fd_digits")["value"] for record in behind])
        assert float(cell.text.split(" ± ")[0]) == pytest.approx(mean, rel=0.01)
        assert cell.devices == ("some processor (2 cores)",)
        assert cells[-1].kind == "paper"
        assert not cells[-1].records


def test_settings_as_columns_keep_their_records_apart(recorded: Path) -> None:
    table, store = table_of(recorded, "complexity")
    part = next(part for part in table.parts if "images/s" in part.title)
    for column, head in enumerate(part.heads):
        for label, cells in part.rows:
            behind = [store.records[number] for number in cells[column].records]
            assert {(r["arm"], r["setting"]) for r in behind} == {(label, head)}


def test_protocols_keep_their_records_apart(tmp_path: Path) -> None:
    for i, run in enumerate(runs(find_study("hilbert"), "tiny", range(2))):
        rules = {**PROTOCOL, "n_generated": 500 if run.config.seed == 0 else 100}
        write(tmp_path, run, record_of(run, drawn_metrics(run, 5.0 + i, rules)))
    table, store = table_of(tmp_path, "hilbert")
    part = table.parts[0]
    heads = [i for i, head in enumerate(part.heads) if head.startswith("fd_digits")]
    assert len(heads) == 2
    for seed, column in enumerate(heads):
        for _, cells in part.rows:
            assert [store.records[number]["seed"] for number in cells[column].records] == [seed]


def test_what_failed_leads_to_its_record(tmp_path: Path) -> None:
    fill(tmp_path, "scan_ablation", seeds=2, skip=lambda run: run.arm == "sweep")
    for run in runs(find_study("scan_ablation"), "tiny", [0]):
        if run.arm == "sweep" and run.setting == "digits-8":
            write(tmp_path, run, record_of(run, [], status="failed", error="the loss is nan"))
    table, store = table_of(tmp_path, "scan_ablation")
    part = table.parts[0]
    cell = dict(part.rows)["sweep"][part.heads.index("fd_digits ↓")]
    assert (cell.text, cell.kind) == ("failed", "failed")
    assert [store.records[number]["error"] for number in cell.records] == ["the loss is nan"]
