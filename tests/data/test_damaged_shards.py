"""Tars that are not whole, hostile ones, and what `check` says of them."""

import io
import json
import os
import re
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from made_shards import claims, encoded, npy, pictures, png, write_shard

from zigma.data import DataConfig, load_data
from zigma.data.__main__ import main
from zigma.data.shards import check_shards, index_shard


def blocks(path):
    return bytearray(path.read_bytes())


def cut_at_a_member(data, tar):
    return data[: tar.getmembers()[3].offset]


def broken_header(data, tar):
    offset = tar.getmembers()[3].offset
    data[offset + 100 : offset + 160] = b"\xff" * 60
    return data


def zeroed_header(data, tar):
    offset = tar.getmembers()[3].offset
    data[offset : offset + 512] = bytes(512)
    return data


def joined(data, tar):
    return data + data


def cut_inside_a_member(data, tar):
    return data[: tar.getmembers()[3].offset + 600]


DAMAGES = (cut_at_a_member, cut_inside_a_member, broken_header, zeroed_header, joined)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_shard_that_is_not_whole_is_damaged(tmp_path, damage, capsys):
    pictures(tmp_path, shards=2)
    shard = tmp_path / "train-000001.tar"
    with tarfile.open(shard) as tar:
        shard.write_bytes(damage(blocks(shard), tar))
    with pytest.raises(ValueError, match="no whole uncompressed tar") as error:
        index_shard(shard)
    assert "\n" not in str(error.value)
    assert main(["check", str(tmp_path)]) == 1
    assert "20 samples, 1 damaged" in capsys.readouterr().out


def test_tars_of_other_writers_are_whole(tmp_path):
    """pax, GNU and ustar; with long names, folders, and padding of any length."""
    for kind in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        path = tmp_path / f"{kind}.tar"
        with tarfile.open(path, "w", format=kind) as tar:
            tar.addfile(tarfile.TarInfo("folder/"))
            name = "folder/" + ("n" * (80 if kind == tarfile.USTAR_FORMAT else 300)) + ".png"
            info = tarfile.TarInfo(name)
            info.size = 700
            tar.addfile(info, io.BytesIO(b"x" * 700))
        data = path.read_bytes()
        end = -(-len(data.rstrip(b"\0")) // 512) * 512
        for zeros in (512, 1024, 40 * 512):
            path.write_bytes(data[:end] + bytes(zeros))
            assert len(index_shard(path)) == 1


def hostile_header(kind, size):
    info = tarfile.TarInfo("x.png")
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize(
    "data",
    [
        hostile_header(tarfile.GNUTYPE_LONGNAME, 2**62),
        hostile_header(tarfile.REGTYPE, 2**62),
        hostile_header(tarfile.XHDTYPE, 2**40),
        hostile_header(tarfile.GNUTYPE_LONGNAME, 3) * 3000,
        b"",
        b"\x1f\x8b" * 600,
    ],
)
def test_hostile_tars_are_refused_in_one_line(tmp_path, data):
    (tmp_path / "train-0.tar").write_bytes(data + bytes(1024 if data else 0))
    with pytest.raises(ValueError, match="no whole uncompressed tar") as error:
        index_shard(tmp_path / "train-0.tar")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "samples",
    [
        [],
        {"a": {"png": [0, 10**12]}},
        {"a": {"png": [-5, 3]}},
        {"a": {"png": ["0", 1]}},
        {"a": {"png": [0]}},
        {"a": 3},
    ],
)
def test_a_hostile_index_is_not_believed(tmp_path, samples):
    pictures(tmp_path)
    shard = tmp_path / "train-000000.tar"
    truth = index_shard(shard)
    status = shard.stat()
    stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns]
    index = {"format": 2, "stamp": stamp, "samples": samples}
    (tmp_path / "train-000000.tar.index.json").write_text(json.dumps(index))
    assert index_shard(shard) == truth


def test_an_index_is_kept_and_used_once_the_shard_has_settled(tmp_path, monkeypatch):
    pictures(tmp_path)
    shard = tmp_path / "train-000000.tar"
    index_shard(shard)
    # changed a moment ago, and may change again
    assert not (tmp_path / "train-000000.tar.index.json").exists()
    monkeypatch.setattr("zigma.data.shards.tar_index._SETTLED_S", -1)
    truth = index_shard(shard)
    monkeypatch.setattr("zigma.data.shards.tar_index._scan", lambda _: pytest.fail("scanned again"))
    assert index_shard(shard) == truth


def test_check_counts_every_hostile_member_and_goes_on(tmp_path, capsys):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression=zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0.png", bytes(2**27))
    encrypted = bytearray(stream.getvalue())
    encrypted[6] |= 1
    encrypted[encrypted.index(b"PK\x01\x02") + 8] |= 1
    hostile = {
        "a": {"frames.zip": stream.getvalue()},
        "b": {"frames.zip": bytes(encrypted)},
        "c": {"cls_name.json": b"[" * 10**5},
        "d": {"latent.npy": claims((3 * 2**58, 4, 2, 2))},
        "e": {"cls": b"-1"},
        "f": {"png": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"},
        "g": {"txt": b"\xff\xfe"},
        "h": {"caption.json": b"3"},
        "good": {"png": png(np.zeros((8, 8, 3), np.uint8)), "txt": b"fine", "cls": b"0", "other": b"\xff"},
    }
    write_shard(tmp_path / "train-0.tar", hostile)
    assert main(["check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "9 samples, 8 damaged members or shards"
    assert [line.split(".tar:")[1][0] for line in lines[:-1]] == list("abcdefgh")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(index_shard(tmp_path / "train-0.tar")) == 9


@pytest.mark.parametrize(
    ("suffix", "usual", "other", "says"),
    [
        ("img_feature16.npy", (4, 2, 2), (3, 2, 2), "its shape is (3, 2, 2), and that of 3 others (4, 2, 2)"),
        ("latent.npy", (4, 2, 2), (4, 2), "its shape is (4, 2), and that of 3 others (4, 2, 2)"),
        ("frame_feature16.npy", (5, 4, 2, 2), (7, 4, 2, 2), None),  # as many frames as the video has
        ("frame_feature16.npy", (5, 4, 2, 2), (5, 4, 2, 3), "its shape is (any, 4, 2, 3), and that of"),
        (
            "caption_clip_feature.npy",
            (77, 8),
            (12, 8),
            "its shape is (any, 12, 8), and that of 3 others (any, 77, 8)",
        ),
        ("caption_clip_feature.npy", (5, 77, 8), (77, 8), None),  # of as many captions as a sample has
        ("caption_clip_feature.npy", (5, 77, 8), (0, 77, 8), "its shape is (0, 77, 8): it holds nothing"),
    ],
)
def test_latents_of_another_shape_are_listed(tmp_path, suffix, usual, other, says):
    arrays = {key: np.zeros(other if key == "b" else usual, np.float16) for key in "abcd"}
    write_shard(tmp_path / "train-0.tar", {key: {suffix: npy(array)} for key, array in arrays.items()})
    _, damaged = check_shards(tmp_path)
    assert list(damaged) == ([] if says is None else [f"train-0.tar:b.{suffix}"])
    assert says is None or damaged[f"train-0.tar:b.{suffix}"].startswith(says)


def test_features_of_other_captions_than_a_sample_has_are_listed(tmp_path):
    captions, features = json.dumps(["a", "b"]).encode(), npy(np.zeros((3, 77, 8), np.float16))
    write_shard(
        tmp_path / "train-0.tar", {"a": {"caption.json": captions, "caption_clip_feature.npy": features}}
    )
    _, damaged = check_shards(tmp_path)
    assert damaged == {"train-0.tar:a": "2 captions with features of 3"}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
@pytest.mark.parametrize("words", [["check", "closed"], ["prepare", "above", "out", "--size", "16"]])
def test_a_folder_that_may_not_be_read_is_one_line(tmp_path, monkeypatch, capsys, words):
    """Not a folder without shards, and not a data set with a class less."""
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "closed")
    (tmp_path / "above").mkdir()
    (tmp_path / "above" / "a.png").write_bytes(encoded("PNG"))
    (tmp_path / "above" / "cat").mkdir(mode=0)
    (tmp_path / "closed").chmod(0)
    try:
        assert main(words) == 1
    finally:
        for folder in ("closed", "above/cat"):
            (tmp_path / folder).chmod(0o700)
    assert re.fullmatch(
        r"python -m zigma.data: Permission denied: (closed|above/cat)[^\n]*\n", capsys.readouterr().err
    )


def test_a_link_to_no_shard_is_damage(tmp_path):
    (tmp_path / "train-000000.tar").symlink_to(tmp_path / "moved.tar")
    _, damaged = check_shards(tmp_path)
    assert list(damaged) == ["train-000000.tar"]
    with pytest.raises(OSError, match=r"train-000000\.tar"):
        load_data(DataConfig(name="shards", root=str(tmp_path), size=16))
