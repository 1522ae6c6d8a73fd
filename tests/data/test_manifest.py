"""Prepared shards are what their manifest says, or are refused."""

import json
import os

import pytest
from made_shards import load, pictures
from PIL import Image

from zigma.data import DataConfig, fingerprint, load_data
from zigma.data.__main__ import main
from zigma.data.facts import data_facts


@pytest.fixture
def prepared(tmp_path):
    source = tmp_path / "source"
    for i in range(12):
        (source / f"{i % 2}").mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (20 * i, 3, 7)).save(source / f"{i % 2}" / f"{i}.png")
    out = tmp_path / "out"
    words = [
        "prepare",
        str(source),
        str(out),
        "--size",
        "16",
        "--classes",
        "--held-out",
        "0.4",
        "--shard-samples",
        "4",
    ]
    assert main(words) == 0
    return out


def altered(manifest, **changes):
    return json.dumps(manifest | changes)


@pytest.mark.parametrize("case", range(9))
def test_hostile_manifests_are_refused_in_one_line_everywhere(prepared, case, capsys):
    path = prepared / "manifest.json"
    manifest = json.loads(path.read_text())
    row = manifest["shards"][0]
    path.write_text(
        [
            "[]",
            "7",
            "{",
            "[" * 100_000,
            altered(manifest, shards={"a": 1}),
            altered(manifest, shards=[row | {"file": "../secret.tar"}]),
            altered(manifest, shards=[row | {"sha256": 7}]),
            altered(manifest, classes=7),
            altered(manifest, counts={"train": "many", "held_out": -1}),
        ][case]
    )
    (prepared.parent / "secret.tar").write_bytes(bytes(10240))
    config = DataConfig(name="shards", size=16, root=str(prepared))
    for ask in (load_data, fingerprint, data_facts):
        with pytest.raises(ValueError, match="is no manifest of prepared shards") as error:
            ask(config)
        assert "\n" not in str(error.value)
    capsys.readouterr()
    with pytest.raises(SystemExit, match="2"):
        main(["check", str(prepared)])
    error = capsys.readouterr().err
    assert "is no manifest" in error
    assert error.count("\n") == 1


def test_shards_that_the_manifest_does_not_list_are_not_used(prepared):
    config = DataConfig(name="shards", size=16, root=str(prepared))
    before = load_data(config)
    pictures(prepared, count=4)
    (prepared / "train-000000.tar").rename(prepared / "train-9.tar")
    with pytest.raises(SystemExit, match="2"):
        main(["prepare", str(prepared.parent / "source"), str(prepared), "--size", "16", "--classes"])
    (prepared / "train-9.tar").unlink()
    (prepared / "train-7.tar").write_bytes((prepared / "train-000001.tar").read_bytes())
    words = ["--size", "16", "--classes", "--held-out", "0.4", "--shard-samples", "4"]
    assert main(["prepare", str(prepared.parent / "source"), str(prepared), *words]) == 0
    with pytest.warns(UserWarning, match="does not list, such as train-7.tar"):
        after = load_data(config)
    assert len(after.train) == len(before.train)
    assert after.fingerprint == before.fingerprint


def test_a_class_that_the_manifest_does_not_name_is_skipped(prepared):
    path = prepared / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(altered(manifest, classes=["0"]))
    data = load(prepared)
    with pytest.warns(UserWarning, match="none of the 1 that the manifest names"):
        assert data.train.batch(range(len(data.train))).classes.tolist() == [0] * len(data.train)


def changed_in_place(shard):
    data = bytearray(shard.read_bytes())
    data[-11_000] ^= 0xFF
    status = shard.stat()
    with shard.open("r+b") as file:
        file.write(data)
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))  # as rsync and tar leave it


def test_a_listed_shard_changed_in_place_is_noticed(prepared):
    config = DataConfig(name="shards", size=16, root=str(prepared))
    fingerprint(config)
    shard = sorted(prepared.glob("*.tar"))[0]
    data = bytearray(shard.read_bytes())
    data[700] ^= 0xFF
    status = shard.stat()
    with shard.open("r+b") as file:
        file.write(data)
    os.utime(shard, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(ValueError, match="its bytes have changed: prepare it again"):
        fingerprint(config)


def test_shards_without_a_manifest_changed_in_place_have_another_fingerprint(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("zigma.common.remembered._SETTLED_S", -1)
    monkeypatch.setattr("zigma.data.shards.sources.REMEMBERED_BYTES", 1)
    root = pictures(tmp_path / "root", count=400)
    config = DataConfig(name="shards", size=16, root=str(root))
    before = fingerprint(config)
    assert fingerprint(config) == before
    changed_in_place(root / "train-000000.tar")
    assert fingerprint(config) != before
