"""Writing records: whole or not there, and what they replace is kept."""

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from small_records import path_of, record

from studies.run.publish import Superseded, publish, write_record
from studies.run.record import digest, read_record, recorded


def test_a_replaced_record_is_kept(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    for value in (1.0, 2.0, 3.0):
        write_record(path, record(metrics=[{"name": "m", "value": value}]))
    kept = (tmp_path / "replaced").rglob("*.json")
    assert {json.loads(p.read_text())["metrics"][0]["value"] for p in kept} == {1.0, 2.0}
    assert list(recorded(tmp_path).values()) == [path]


def test_a_record_that_was_sorted_into_a_folder_is_replaced_there(tmp_path: Path) -> None:
    for path in (
        tmp_path / "records" / "alice" / path_of(tmp_path).name,
        tmp_path / "records" / "a" / "b.c.json",
    ):
        write = partial(publish, path, results=tmp_path)
        write(record(later=1), None)
        write(record(later=2), digest(path))
        (kept,) = (tmp_path / "replaced" / path.parent.relative_to(tmp_path / "records")).glob("*.json")
        assert json.loads(kept.read_text())["later"] == 1
        assert json.loads(path.read_text())["later"] == 2


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
        write_record(path, record(wall_time_s={"all": 5.0}))
    assert read_record(path)["seed"] == 0
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_place_that_is_taken_meanwhile_keeps_what_it_has(tmp_path: Path) -> None:
    path = path_of(tmp_path)
    write_record(path, record(later=1))
    before = digest(path)
    for expected in (None, "0" * 16):  # who expected nothing there, and who expected another record
        with pytest.raises(Superseded, match="another process"):
            publish(path, record(later=2), expected, tmp_path)
    assert read_record(path)["later"] == 1
    publish(path, record(later=3), before, tmp_path)
    assert read_record(path)["later"] == 3
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert len(list((tmp_path / "replaced").rglob("*.json"))) == 1


def test_a_record_that_arrives_between_look_and_move_is_put_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = path_of(tmp_path)
    write_record(path, record(later=1))
    expected, rename = digest(path), os.rename

    def late(source: Any, target: Any) -> None:
        path.write_text(json.dumps(record(later=2)))  # the other process, at the worst moment
        rename(source, target)

    monkeypatch.setattr(os, "rename", late)
    with pytest.raises(Superseded):
        publish(path, record(later=3), expected, tmp_path)
    assert read_record(path)["later"] == 2


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Any, target: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = path_of(tmp_path)
    write_record(path, record(later=1))
    with pytest.raises(Superseded):
        publish(path, record(later=2), None, tmp_path)
    assert read_record(path)["later"] == 1
    assert [p.name for p in path.parent.iterdir()] == [path.name]
