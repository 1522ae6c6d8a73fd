"""Classes by folder, and what lies about in folders: leavings of systems, links, odd names."""

import json
import os
import subprocess
import sys

import pytest
from made_folders import picture, prepared, samples

from zigma.data.__main__ import main
from zigma.data.folders.annotations import (
    class_folders,
)


def test_folders_of_a_split_are_no_classes():
    files = ["train/cat/0.png", "train/dog/1.png", "val2014/cat/2.png"]
    assert list(class_folders(files, None).values()) == ["cat", "dog", "cat"]
    assert list(class_folders(files, "val2014").values()) == ["cat", "dog", "cat"]
    assert list(class_folders(["cat/0.png", "dog/1.png", "val/cat/2.png"], "val").values()) == [
        "cat",
        "dog",
        "cat",
    ]
    assert list(class_folders(["a/test/cat/0.png", "cat/1.png"], "a/test").values()) == ["cat", "cat"]


def test_a_split_may_lie_in_a_folder_that_holds_all():
    files = ["data/images/train/cat/0.png", "data/images/train/dog/a/1.png", "data/images/val/cat/2.png"]
    assert list(class_folders(files, None).values()) == ["cat", "dog", "cat"]
    assert list(class_folders(files, "data/images/val").values()) == ["cat", "dog", "cat"]
    loose = ["0.png", "data/1.png", "data/train/2.png", "data/train/cat/3.png"]
    assert list(class_folders(loose, None).values()) == [None, None, None, "cat"]


@pytest.mark.parametrize(
    ("files", "classes"),
    [
        (["cat/tabby/0.png"], ["cat"]),
        (["cat/train/0.png", "dog/train/1.png"], ["cat", "dog"]),
        (["vehicles/train/0.png", "vehicles/test/0.png"], ["vehicles", "vehicles"]),
        ([], []),
    ],
)
def test_folders_that_only_look_like_splits(files, classes):
    assert list(class_folders(files, None).values()) == classes


def test_a_train_among_other_vehicles_is_a_class():
    files = ["bus/0.png", "train/1.png", "train/2.png"]
    assert list(class_folders(files, None).values()) == ["bus", "train", "train"]


def test_pictures_in_no_class_are_listed_and_none_at_all_is_an_error(tmp_path):
    picture(tmp_path / "src" / "train" / "cat" / "0.png", (1, 2, 3))
    picture(tmp_path / "src" / "train" / "1.png", (4, 5, 6))
    manifest = prepared(tmp_path / "src", tmp_path / "out", classes=True)
    assert manifest["classes"] == ["cat"]
    assert [row["reason"] for row in manifest["skipped"]] == ["in no class's folder"]
    with pytest.raises(ValueError, match="the folder of a class"):
        prepared(tmp_path / "src" / "train" / "cat", tmp_path / "other", classes=True)


def test_a_held_out_folder_with_nothing_in_it_is_an_error(tmp_path):
    picture(tmp_path / "src" / "a.png")
    with pytest.raises(ValueError, match="no file lies in the folder vall"):
        prepared(tmp_path / "src", tmp_path / "out", held_out_folder="vall")


def test_leavings_of_systems_are_nothing(tmp_path):
    for i, kind in enumerate(("cat", "dog")):
        picture(tmp_path / "src" / kind / "0.png", (i, 0, 0))
        for leaving in ("__MACOSX", "@eaDir", ".Trash-1000", ".ipynb_checkpoints"):
            picture(tmp_path / "src" / leaving / kind / "1.png", (i, 9, 9))
        (tmp_path / "src" / kind / "._0.png").write_bytes(b"\0\5\x16\7" * 30)
        (tmp_path / "src" / kind / "Thumbs.db").write_bytes(b"x")
    manifest = prepared(tmp_path / "src", tmp_path / "out", classes=True)
    assert manifest["classes"] == ["cat", "dog"]
    assert manifest["counts"] == {"train": 2, "held_out": 0, "skipped": 0}
    assert manifest["passed_over"] == {"hidden or a system's": 8}


def test_what_is_passed_over_is_counted_and_told(tmp_path, capsys):
    for name in ("a.png", "b.ppm", "c.jfif"):
        kind = {"jfif": "JPEG"}.get(name[-4:])
        picture(tmp_path / "src" / name, (len(name), ord(name[0]), 0), format=kind)
    for name in ("d.heic", "e.HEIC", "f.mp4", "README"):
        (tmp_path / "src" / name).write_text(name)
    assert (
        main(["prepare", str(tmp_path / "src"), str(tmp_path / "out"), "--size", "16", "--held-out", "0"])
        == 0
    )
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["counts"]["train"] == 3
    assert manifest["passed_over"] == {".heic": 2, ".mp4": 1, "without suffix": 1}
    assert "passed over: 2 .heic, 1 .mp4, 1 without suffix" in capsys.readouterr().out


def test_a_link_that_leads_upwards_is_not_followed(tmp_path):
    picture(tmp_path / "other" / "b.png", (1, 2, 3))
    picture(tmp_path / "src" / "a.png")
    (tmp_path / "src" / "up").symlink_to("..")
    (tmp_path / "src" / "self").symlink_to(".")
    (tmp_path / "src" / "linked").symlink_to(tmp_path / "other")
    prepared(tmp_path / "src", tmp_path / "out")
    assert sorted(samples(tmp_path / "out")) == ["a.png", "linked/b.png"]


def test_a_wrong_word_is_one_line(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["prepare", "src", "out", "--size", "large"])
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("words", [["--workers", "0"], ["--device", "nope"], ["--device", "cuda:99"]])
def test_workers_and_devices_that_are_none_write_nothing(tmp_path, words, capsys):
    picture(tmp_path / "src" / "a.png")
    with pytest.raises(SystemExit, match="2"):
        main(["prepare", str(tmp_path / "src"), str(tmp_path / "out"), *words])
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_not_utf_8_is_listed(tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    picture(source / "a.png", (1, 1, 1))
    with open(os.fsencode(source) + b"/\xff.png", "wb") as file:
        file.write((source / "a.png").read_bytes()[:50])
    manifest = prepared(source, tmp_path / "out")
    assert manifest["counts"] == {"train": 1, "held_out": 0, "skipped": 1}
    assert prepared(source, tmp_path / "out") == manifest


def test_names_are_utf_8_in_every_locale(tmp_path):
    """Under LC_ALL=C without UTF-8 mode, Python gives every other letter of a name as a surrogate."""
    source = tmp_path / "größe"
    for number, name in enumerate(("größe/日本.png", "größe/ünï.png", "naïve/é.png")):
        picture(source / name, (number, 1, 1))
        (source / name).with_suffix(".txt").write_text(f"caption {number}", encoding="utf-8")
    (source / "x.größe").write_text("x")
    (source / os.fsdecode(b"gr\xf6\xc3\xb6.png")).write_bytes(b"x")
    words = [
        "prepare",
        str(source),
        "--size",
        "16",
        "--held-out",
        "0",
        "--captions",
        str(source),
        "--classes",
    ]
    environment = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": ""}
    command = [sys.executable, "-m", "zigma.data", *words[:2], str(tmp_path / "c"), *words[2:]]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert main([*words[:2], str(tmp_path / "utf8"), *words[2:]]) == 0
    contents = [(tmp_path / out / "manifest.json").read_text() for out in ("c", "utf8")]
    assert contents[0] == contents[1]
    manifest = json.loads(contents[0])
    assert manifest["counts"] == {"train": 3, "held_out": 0, "skipped": 1}
    assert [row["reason"] for row in manifest["skipped"]] == ["its name is not UTF-8"]
    assert samples(tmp_path / "c")["größe/日本.png"].captions == ["caption 0"]
