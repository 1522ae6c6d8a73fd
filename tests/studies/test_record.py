"""Records: whole or not there, checked before they are believed, never lost."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from studies.run.record import Superseded, digest, publish, read_record, read_records, recorded, write_record
from zigma.common.words import WordError


def record(identity: str = "0123456789abcdef", **changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "schema": 1,
        "study": "scan_ablation",
        "arm": "sweep",
        "scale": "tiny",
        "setting": "digits-8",
        "seed": 0,
        "identity": identity,
        "config": {},
        "status": "done",
        "error": None,
        "metrics": [{"name": "held_out_loss", "value": 0.5}],
        "curves": {},
        "wall_time_s": {},
        "cost": {},
        "environment": {},
    }
    return whole | changes


def path_of(results: Path, identity: str = "0123456789abcdef") -> Path:
    return results / "records" / "tiny" / "scan_ablation" / f"sweep.digits-8.seed0.{identity}.json"


def test_write_read_find(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    write_record(path, record())
    assert read_record(path).data == record()
    assert recorded(tmp_path) == {"0123456789abcdef": path}
    metric = read_record(path).metric("held_out_loss")
    assert metric is not None
    assert metric["value"] == 0.5
    assert read_record(path).metric("fid") is None


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        ('{"schema": 1, "stud', "is not a record"),
        ("[]", "a JSON object is wanted"),
        (json.dumps(record(schema=99)), "schema 99"),
        (json.dumps(record(status="perhaps")), "none of done, failed"),
        (json.dumps(record(seed="0")), "'seed' should be of type int"),
        (json.dumps(record(metrics=[{"name": "fid"}])), "a name and a value"),
        (json.dumps(record(metrics=[{"name": "fid", "value": "12"}])), "no number"),
        (json.dumps(record(metrics=[{"name": "fid", "value": True}])), "no number"),
        (json.dumps(record(metrics=[{"name": "fid", "value": float("nan")}])), "NaN is no number"),
        (json.dumps(record(metrics=[{"name": "fid", "value": 10**400}])), "no number"),
        (json.dumps(record(schema=0)), "move it away"),
        (json.dumps(record(schema=2)), "update this project"),
        (json.dumps(record(schema=True)), "schema True"),
        (json.dumps(record(seed=True)), "'seed' should be of type int"),
        ("[" * 100_000, "is not a record"),
        (json.dumps(record(identity="f" * 16)), "does not end in its identity"),
        (json.dumps(record(curves={"loss": [1, 2]})), "curve 'loss'"),
        (json.dumps(record(curves={"loss": {"step": [1, 2], "value": [0.5]}})), "as many numbers"),
        (json.dumps(record(curves={"loss": {"step": [1], "value": ["high"]}})), "as many numbers"),
        (json.dumps(record(curves={"loss": {"step": [1], "value": [None]}})), "as many numbers"),
        (json.dumps(record(artifacts=["a.png"])), "artifacts should name"),
        (json.dumps(record(artifacts={"samples": "../a.png"})), "inside the results folder"),
        (json.dumps(record(artifacts={"samples": "/etc/a.png"})), "inside the results folder"),
        (json.dumps(record(artifacts={"samples": None})), "inside the results folder"),
        (b"\xff\xfe", "is not a record"),
    ],
)
def test_a_corrupt_record_is_named_with_its_reason(tmp_path: Path, contents: str | bytes, says: str) -> None:
    path = path_of(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    with pytest.raises(WordError, match=says) as caught:
        read_record(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_replaced_record_is_kept(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    for value in (1.0, 2.0, 3.0):
        write_record(path, record(metrics=[{"name": "m", "value": value}]))
    kept = (tmp_path / "replaced").rglob("*.json")
    assert {json.loads(p.read_text())["metrics"][0]["value"] for p in kept} == {1.0, 2.0}
    assert list(recorded(tmp_path).values()) == [path]


def test_not_a_number_is_never_written(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    with pytest.raises(ValueError, match="Out of range"):
        write_record(path, record(metrics=[{"name": "m", "value": float("nan")}]))
    assert not path.exists()


def test_a_full_disk_leaves_the_old_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = path_of(tmp_path)
    write_record(path, record())

    def full(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_record(path, record(seed=5))
    assert read_record(path)["seed"] == 0
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_what_is_no_record_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    write_record(path_of(tmp_path), record())
    foreign = tmp_path / "records" / "tiny" / "notes.json"
    foreign.write_text("{}")
    faults: list[WordError] = []
    assert [r["arm"] for r in read_records(tmp_path, faults)] == ["sweep"]
    assert [str(foreign) in str(fault) for fault in faults] == [True]
    assert foreign.read_text() == "{}"
    with pytest.raises(WordError, match=r"notes\.json"):
        list(read_records(tmp_path))


def test_a_place_that_is_taken_meanwhile_keeps_what_it_has(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    write_record(path, record(seed=1))
    before = digest(path)
    for expected in (None, "0" * 16):  # who expected nothing there, and who expected another record
        with pytest.raises(Superseded, match="another process"):
            publish(path, record(seed=2), expected)
    assert read_record(path)["seed"] == 1
    publish(path, record(seed=3), before)
    assert read_record(path)["seed"] == 3
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert len(list((tmp_path / "replaced").rglob("*.json"))) == 1


def test_a_record_that_arrives_between_look_and_move_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(tmp_path)
    write_record(path, record(seed=1))
    expected, rename = digest(path), os.rename

    def late(source: Any, target: Any) -> None:
        path.write_text(json.dumps(record(seed=2)))  # the other process, at the worst moment
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(Superseded):
        publish(path, record(seed=3), expected)
    assert read_record(path)["seed"] == 2


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Any, target: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = path_of(tmp_path)
    write_record(path, record(seed=1))
    with pytest.raises(Superseded):
        publish(path, record(seed=2), None)
    assert read_record(path)["seed"] == 1
    assert [p.name for p in path.parent.iterdir()] == [path.name]
