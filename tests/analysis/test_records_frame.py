"""Records as frames: declared columns and types; a bad record is named and left out."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_records import fill

from analysis.records import Records, load, protocol_of, sheets
from analysis.records.schema import CURVES, METRICS, RECORDS
from studies.declare.registry import find_study


def test_frames_have_the_declared_columns_and_types_with_and_without_records(tmp_path: Path) -> None:
    fill(tmp_path, seeds=2)
    for records in (load(tmp_path), Records()):
        for frame, schema in ((records.frame, RECORDS), (records.metrics, METRICS), (records.curves, CURVES)):
            assert {name: str(kind) for name, kind in frame.dtypes.items()} == schema
    records = load(tmp_path)
    assert len(records.frame) == len(records)


def test_the_frames_hold_what_the_records_do(tmp_path: Path) -> None:
    fill(tmp_path, seeds=2)
    records = load(tmp_path)
    for place, row in records.frame.iterrows():
        record = records[place]  # type: ignore[call-overload]
        assert (row.identity, row.arm, row.seed) == (record["identity"], record["arm"], record["seed"])
        assert row.torch == record["environment"]["torch"]
        metrics = records.metrics[records.metrics.record == place]
        assert dict(zip(metrics.metric, metrics.value, strict=True)) == {
            m["name"]: m["value"] for m in record["metrics"]
        }
        assert list(metrics.protocol) == [protocol_of(record, metric) for metric in record["metrics"]]
        points = records.curves[records.curves.record == place]
        assert list(points.value) == record["curves"]["loss"]["value"]


def test_the_published_records_become_frames() -> None:
    records = load(Path("results"), "published")
    assert len(records.frame) >= 613
    assert records.faults == []
    assert records.frame.identity.is_unique
    assert (records.metrics.value.notna() & np.isfinite(records.metrics.value)).all()


BROKEN: list[dict[str, Any]] = [
    {"metrics": [{"name": 7, "value": 1.0}]},
    {"metrics": [{"name": ["fd"], "value": 1.0}]},
    {"metrics": [{"name": "fd_digits", "value": 1.0, "lower_ms": {}}]},
    {"metrics": [{"name": "\ud800", "value": 1.0}]},
    {"fingerprints": ["orders"]},
    {"fingerprints": "abc"},
    {"fingerprints": {"orders": 7}},
    {"fingerprints": {"orders": None}},
    {"cost": {"device_hours": "many"}},
    {"cost": {"device_hours": []}},
    {"arm": "\udfff"},
    {"error": "\ud83d"},
    {"config": {"seed": 0, "model": {"scan": "\ud800"}}},
    {"seed": 2**80},
]


@pytest.mark.parametrize("change", BROKEN, ids=lambda change: json.dumps(change)[:60])
def test_a_record_that_is_wrong_inside_is_named_and_hides_no_other(
    change: dict[str, Any], tmp_path: Path
) -> None:
    written = fill(tmp_path, seeds=2)
    whole = json.loads(written[0].read_text(encoding="utf-8"))
    written[0].write_text(json.dumps({**whole, **change}), encoding="utf-8")
    records = load(tmp_path)
    assert len(records) == len(records.frame) == len(written) - 1
    (fault,) = records.faults
    assert written[0].name in fault
    fault.encode()
    assert "\n" not in fault
    assert records.metrics["value"].notna().all()
    for by_setting in sheets(find_study("scan_ablation"), records, "tiny").values():
        assert by_setting.metric_names is not None


def test_what_is_odd_but_harmless_is_kept(tmp_path: Path) -> None:
    written = fill(tmp_path, seeds=1)
    whole = json.loads(written[0].read_text(encoding="utf-8"))
    odd = {"environment": {"device": 7, "dirty": "yes"}, "finished": None, "weather": ["rain"]}
    written[0].write_text(json.dumps({**whole, **odd}), encoding="utf-8")
    records = load(tmp_path)
    assert len(records) == len(written)
    assert records.frame.device[records.place[whole["identity"]]] == "7"


def test_records_below_a_folder_whose_name_is_not_utf_8_are_read(tmp_path: Path) -> None:
    results = tmp_path / os.fsdecode(b"gr\xf6sse")
    fill(results, seeds=2)
    records = load(results)
    assert records.faults == []
    assert len(records) > 0
    assert all("gr\\xf6sse" in path for path in records.frame.path)
    assert len(records.below(results)) == len(records)
    assert len(records.below(results / "nothing")) == 0
