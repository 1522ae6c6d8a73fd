"""The records inside the page: whole, each shared part once, and harmless."""

import json
from pathlib import Path

from analysis.records import load
from analysis.report.store import Store, for_script


def unpacked(packed: dict, number: int) -> dict:
    record = dict(packed["records"][number])
    record["metrics"] = [
        {**{name: value for name, value in metric.items() if name != "$"}, **packed["parts"][metric["$"]]}
        for metric in record["metrics"]
    ]
    return {
        name: packed["parts"][value["$"]] if isinstance(value, dict) and set(value) == {"$"} else value
        for name, value in record.items()
    }


def test_a_record_comes_back_whole_but_for_its_curves(recorded: Path) -> None:
    records = load(recorded)
    packed = json.loads(Store(records, recorded).script())
    for number, record in enumerate(records):
        unpacked_record, expected = unpacked(packed, number), dict(record.data)
        assert unpacked_record.pop("path") == record.path.relative_to(recorded).as_posix()
        curves = unpacked_record.pop("curves")
        assert set(curves) == set(expected.pop("curves"))
        assert all("in the file" in placeholder for placeholder in curves.values())
        config = expected["config"] = dict(expected["config"])
        config.pop("seed")
        assert unpacked_record == expected


def test_what_records_share_is_written_once(recorded: Path) -> None:
    records = load(recorded)
    packed = Store(records, recorded).packed()
    assert len(packed["parts"]) < len(records), "three seeds share a configuration"


def test_what_no_study_counts_is_stale(recorded: Path) -> None:
    records = load(recorded)
    counted = {record["identity"] for record in records[2:]}
    assert Store(records, recorded).packed(counted)["stale"] == [0, 1]


def test_numbers_of_records(recorded: Path) -> None:
    records = load(recorded)
    store = Store(records, recorded)
    assert store.refer([records[3], records[1], records[3]]) == [3, 1]
    assert store.refer_identities(["none such", records[2]["identity"]]) == [2]


def test_nothing_ends_the_script_element() -> None:
    nasty = {"error": "</script><script>alert(1)</script><!-- & \u2028"}
    text = for_script(nasty)
    assert not set("<>&\u2028") & set(text)
    assert json.loads(text) == nasty
