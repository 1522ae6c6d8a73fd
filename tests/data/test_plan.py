"""A preparation that was killed, and a plan that is none."""

import errno
import json

import pytest
from made_folders import picture, prepared

from zigma.data.__main__ import main
from zigma.data.folders import writer
from zigma.data.media import load_image, load_video


def test_a_source_that_is_away_for_a_moment_loses_no_picture(tmp_path, monkeypatch):
    for i in range(20):
        picture(tmp_path / "src" / f"{i}.png", i)
    load = writer.load_image

    def away(file, size):
        if file.name == "7.png":
            raise OSError(errno.EIO, "Input/output error", str(file))
        return load(file, size)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "load_image", away)
        with pytest.raises(OSError, match="Input/output"):
            prepared(tmp_path / "src", tmp_path / "out")
    assert not (tmp_path / "out" / "manifest.json").exists()
    again, whole = (prepared(tmp_path / "src", tmp_path / name) for name in ("out", "whole"))
    assert again == whole
    assert again["counts"]["skipped"] == 0


def test_what_the_system_refuses_is_no_damage(tmp_path):
    for load, name in ((load_image, "gone.png"), (load_video, "gone.mp4"), (load_video, "gone.gif")):
        with pytest.raises(FileNotFoundError):
            load(tmp_path / name, 8)


def test_files_of_killed_writers_are_swept_when_all_is_there(tmp_path):
    picture(tmp_path / "src" / "a.png")
    out = tmp_path / "out"
    out.mkdir()
    for name in (".train-000000.0a1b2c3d.tmp.tar", "train-000000.tar.partial", ".manifest.0a1b2c3d.tmp.json"):
        (out / name).write_bytes(b"half")
    prepared(tmp_path / "src", out)
    assert {path.name for path in out.iterdir()} == {
        "plan.json",
        "manifest.json",
        "train-000000.tar",
        "train-000000.json",
    }


@pytest.mark.parametrize("text", ["[]", "{}", '{"shards": 7}', "[" * 100_000, '{"listing": null}'])
def test_a_hostile_plan_is_one_line(tmp_path, text, capsys):
    picture(tmp_path / "src" / "a.png")
    prepared(tmp_path / "src", tmp_path / "out")
    (tmp_path / "out" / "plan.json").write_text(text)
    with pytest.raises(SystemExit, match="2"):
        main(["prepare", str(tmp_path / "src"), str(tmp_path / "out"), "--size", "16"])
    error = capsys.readouterr().err
    assert "plan.json is no plan" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("file", ["../secret.png", "/etc/passwd", "a/../../b.png"])
def test_a_plan_cannot_reach_outside_the_source(tmp_path, file):
    picture(tmp_path / "src" / "a.png")
    prepared(tmp_path / "src", tmp_path / "out")
    plan = json.loads((tmp_path / "out" / "plan.json").read_text())
    plan["shards"][0]["samples"][0]["file"] = file
    (tmp_path / "out" / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(ValueError, match="it lies outside the source"):
        prepared(tmp_path / "src", tmp_path / "out")
