"""Shards as others make them, cut, mixed, many and hostile: used, counted, or refused in one line."""

import io
import json
import os
import pickle
import re
import resource
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from test_shards import celebamm_sample, npy, png, write_shard

from zigma.data import DataConfig, fingerprint, load_data
from zigma.data.__main__ import main
from zigma.data.facts import data_facts
from zigma.data.layout import class_number, read_captions
from zigma.data.media import UnreadableError
from zigma.data.shards import check_shards, index_shard
from zigma.data.shards.descriptors import Descriptors
from zigma.data.shards.npy import read_header


def encoded(kind, level=0):
    stream = io.BytesIO()
    Image.new("RGB", (16, 16), (level, level, level)).save(stream, kind)
    return stream.getvalue()


def pictures(root, count=40, shards=1, **members):
    """`count` grey pictures, and other members that each has."""
    root.mkdir(exist_ok=True)
    per = count // shards
    for shard in range(shards):
        keys = range(shard * per, (shard + 1) * per)
        content = {f"{i:06d}": {"png": encoded("PNG", i % 256), **members} for i in keys}
        write_shard(root / f"train-{shard:06d}.tar", content)
    return root


def load(root, **options):
    return load_data(DataConfig(**({"name": "shards", "size": 16, "root": str(root)} | options)))


# every sample is used or listed


def test_the_suffix_is_each_samples_own(tmp_path):
    kinds = {
        "png": "PNG",
        "jpg": "JPEG",
        "JPG": "JPEG",
        "ppm": "PPM",
        "bmp": "BMP",
        "jfif": "JPEG",
        "webp": "WEBP",
    }
    content = {}
    for i in range(70):
        suffix, kind = list(kinds.items())[i % len(kinds)]
        content[f"{i:06d}"] = {suffix: encoded(kind, i)}
    write_shard(tmp_path / "0.tar", content)
    data = load(tmp_path)
    assert len(data.train) + len(data.held_out) == 70
    assert data.train.batch(range(len(data.train))).images.shape[0] == len(data.train)
    assert not data.train.skipped


def test_one_stray_class_takes_no_other_sample_with_it(tmp_path):
    content = {f"{i:06d}": {"png": encoded("PNG", i)} for i in range(40)}
    content["000007"]["cls"] = b"1"
    write_shard(tmp_path / "0.tar", content)
    with pytest.warns(UserWarning, match="classes are not used: 1 of 40 samples have them"):
        data = load(tmp_path)
    assert len(data.train) + len(data.held_out) == 40
    assert data.classes is None


def test_a_few_samples_without_their_class_are_listed(tmp_path):
    content = {f"{i:06d}": {"png": encoded("PNG", i), "cls": b"1"} for i in range(40)}
    del content["000007"]["cls"]
    write_shard(tmp_path / "0.tar", content)
    with pytest.warns(UserWarning, match="skipping 0.tar:000007: without cls"):
        data = load(tmp_path)
    assert len(data.train) + len(data.held_out) == 39


def test_captions_as_json_and_as_text_serve_side_by_side(tmp_path):
    content = {f"{i:06d}": {"png": encoded("PNG", i), "txt": b"a text\xe2\x80\xa8line"} for i in range(20)}
    for i in range(20, 40):
        content[f"{i:06d}"] = {"png": encoded("PNG", i), "caption.json": b'["", "some json"]'}
    write_shard(tmp_path / "0.tar", content)
    data = load(tmp_path)
    captions = data.train.batch(range(len(data.train))).captions + data.held_out.batch([0]).captions
    assert len(data.train) + len(data.held_out) == 40
    assert set(captions) == {"a text\u2028line", "some json"}


def test_latents_of_two_encoders_are_not_mixed(tmp_path):
    content = {f"{i:06d}": {"img_feature16.npy": npy(np.zeros((4, 2, 2), np.float16))} for i in range(40)}
    content["000003"] = {"latent.npy": npy(np.ones((4, 2, 2), np.float16))}
    write_shard(tmp_path / "0.tar", content)
    with pytest.warns(UserWarning, match="without img_feature16.npy"):
        data = load(tmp_path, view="latents")
    assert len(data.train) + len(data.held_out) == 39


def test_leavings_of_macos_are_neither_shards_nor_samples(tmp_path):
    pictures(tmp_path)
    (tmp_path / "._train-000000.tar").write_bytes(b"\0\5\x16\7")
    (tmp_path / ".train-000000.ab12.tmp.tar").write_bytes(b"half a shard")
    (tmp_path / "folder.tar").mkdir()
    with tarfile.open(tmp_path / "train-000000.tar", "a") as tar:
        for name in ("__MACOSX/9.png", "._9.png", ".DS_Store", "README"):
            info = tarfile.TarInfo(name)
            info.size = 4
            tar.addfile(info, io.BytesIO(b"\0\5\x16\7"))
    data = load(tmp_path)
    assert len(data.train) + len(data.held_out) == 40
    assert check_shards(tmp_path) == (40, {})


# damage


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
    assert not (
        tmp_path / "train-000000.tar.index.json"
    ).exists()  # changed a moment ago, and may change again
    monkeypatch.setattr("zigma.data.shards.tar_index._SETTLED_S", -1)
    truth = index_shard(shard)
    monkeypatch.setattr("zigma.data.shards.tar_index._scan", lambda _: pytest.fail("scanned again"))
    assert index_shard(shard) == truth


# arrays


def claims(shape, dtype="<f4", body=b""):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": dtype, "fortran_order": False, "shape": shape})
    return stream.getvalue() + body


def with_header(text):
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


HOSTILE_ARRAYS = {
    "3 EiB": claims((3 * 2**58, 4, 2, 2)),
    "no rows": claims((2**60, 4, 2, 2), body=bytes(64)),
    "negative": claims((-4, 2, 2), body=bytes(64)),
    "complex": npy(np.ones((4, 2, 2), np.complex64)),
    "text": npy(np.full((4, 2, 2), "1.0")),
    "times": npy(np.zeros((4, 2, 2), "datetime64[s]")),
    "records": npy(np.zeros((4, 2, 2), [("a", "f4")])),
    "nan": npy(np.full((4, 2, 2), np.nan, np.float32)),
    "infinite": npy(np.full((4, 2, 2), np.inf, np.float16)),
    "too large": npy(np.full((4, 2, 2), 1e300)),
    "nested": with_header(b"(" * 4000),
    "no dictionary": with_header(b"[1, 2]\n"),
    "five axes": npy(np.zeros((1, 1, 4, 2, 2), np.float32)),
}


@pytest.mark.parametrize("kind", HOSTILE_ARRAYS)
def test_hostile_latents_are_skipped_and_counted(tmp_path, kind, capsys):
    good = npy(np.zeros((4, 2, 2), np.float16))
    content = {f"{i}": {"latent.npy": HOSTILE_ARRAYS[kind] if i == 1 else good} for i in range(4)}
    write_shard(tmp_path / "train-0.tar", content)
    write_shard(tmp_path / "test-0.tar", {"9": {"latent.npy": good}})
    data = load(tmp_path, view="latents")
    with pytest.warns(UserWarning, match="skipping train-0.tar:1"):
        assert data.train.batch([0, 1, 2]).images.isfinite().all()
    if kind != "five axes":  # a whole array, though none of latents
        assert main(["check", str(tmp_path)]) == 1
        assert "train-0.tar:1.latent.npy: " in capsys.readouterr().out


def test_hostile_text_features_are_skipped(tmp_path):
    root = tmp_path / "a"
    root.mkdir()
    samples = {f"{i:05d}": celebamm_sample(i) for i in range(4)}
    for i, features in enumerate(
        (np.full((3, 5, 6), np.nan, np.float32), np.zeros(7, np.float32), np.zeros((), "f4"))
    ):
        samples[f"{i + 1:05d}"]["caption_clip_feature.npy"] = npy(features)
    write_shard(root / "train-0.tar", samples)
    write_shard(root / "test-0.tar", {"9": celebamm_sample(9)})
    data = load(root, name="celebamm")
    with pytest.warns(UserWarning, match="skipping"):
        assert data.train.batch([1, 2, 3]).text.isfinite().all()
    assert len(data.train.skipped) == 3


def test_text_features_of_different_lengths_say_so(tmp_path):
    for part, i in (("train", 0), ("test", 9)):
        samples = {str(i): celebamm_sample(i), str(i + 1): celebamm_sample(i + 1)}
        samples[str(i)]["caption_clip_feature.npy"] = npy(np.zeros((3, 4, 6), np.float32))
        write_shard(tmp_path / f"{part}-0.tar", samples)
    with pytest.raises(ValueError, match="text features of different shapes"):
        load(tmp_path, name="celebamm").train.batch([0, 1])


def test_complex_numbers_and_objects_are_no_arrays():
    for data in (npy(np.ones(3, complex)), npy(np.array(["a"])), npy(np.zeros(2, "V4"))):
        with pytest.raises(ValueError, match="not real numbers"):
            read_header(lambda offset, length, data=data: data[offset : offset + length])


# classes and captions


@pytest.mark.parametrize(
    "text", [b"-1", b"1_0", b"1e3", b"", b"3.0", b"9" * 30, b"1000000", "\u0663".encode(), b"nan"]
)
def test_classes_are_whole_numbers_from_0(text, tmp_path):
    with pytest.raises(UnreadableError, match="is not a whole number from 0"):
        class_number(text)
    content = {f"{i:06d}": {"png": encoded("PNG", i), "cls": text if i == 3 else b" 2\n"} for i in range(40)}
    write_shard(tmp_path / "0.tar", content)
    with pytest.warns(UserWarning, match="skipping 0.tar:000003"):
        data = load(tmp_path)
    assert data.classes == 3


@pytest.mark.parametrize(
    "data", [b"7", b"null", b"[]", b'""', b'["a", 3]', b"[[]]", b"[" * 10**5, b'"\\ud800"', b"\xff"]
)
def test_captions_in_shards_are_texts(data):
    with pytest.raises(UnreadableError):
        read_captions(data, "caption.json")


# manifests


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
    assert main(["check", str(prepared)]) == 2
    error = capsys.readouterr().err
    assert "is no manifest" in error
    assert error.count("\n") == 1


def test_shards_that_the_manifest_does_not_list_are_not_used(prepared):
    config = DataConfig(name="shards", size=16, root=str(prepared))
    before = load_data(config)
    pictures(prepared, count=4)
    (prepared / "train-000000.tar").rename(prepared / "train-9.tar")
    assert main(["prepare", str(prepared.parent / "source"), str(prepared), "--size", "16", "--classes"]) == 2
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


# processes


def test_more_shards_than_a_process_may_open(tmp_path):
    pictures(tmp_path, count=300, shards=300)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
    try:
        data = load(tmp_path)
        batch = data.train.batch(range(len(data.train)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(batch) == len(data.train) > 250
    assert not data.train.skipped


def test_descriptors_in_use_stay_open_and_others_are_few(tmp_path):
    files = [tmp_path / str(i) for i in range(10)]
    for file in files:
        file.write_text(file.name)
    descriptors = Descriptors(most=3)
    with descriptors.reading(files[0]) as first:
        for file in files:
            with descriptors.reading(file) as other:
                assert os.pread(other, 9, 0).decode() == file.name
        assert os.pread(first, 9, 0) == b"0"
        assert len(descriptors) == 3


@pytest.mark.filterwarnings("ignore:.*fork")
def test_a_split_used_in_the_parent_answers_in_forked_workers(tmp_path):
    split = load(pictures(tmp_path)).train
    expected = split.batch([0, 1]).images

    class Items(torch.utils.data.Dataset):
        def __len__(self):
            return len(split)

        def __getitem__(self, i):
            return split.batch([i]).images[0]

    loader = torch.utils.data.DataLoader(
        Items(), batch_size=2, num_workers=2, multiprocessing_context="fork", timeout=60
    )
    assert torch.equal(next(iter(loader)), expected)
    assert torch.equal(split.batch([0, 1]).images, expected)


def test_a_split_can_be_sent_after_it_was_used(tmp_path):
    split = load(pictures(tmp_path)).train
    batch = split.batch([3])
    assert torch.equal(pickle.loads(pickle.dumps(split)).batch([3]).images, batch.images)


# check


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
        "d": {"latent.npy": HOSTILE_ARRAYS["3 EiB"]},
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
        ("frame_feature16.npy", (5, 4, 2, 2), (5, 4, 2, 3), "its shape is (frames, 4, 2, 3), and that of"),
        ("caption_clip_feature.npy", (77, 8), (12, 8), None),
    ],
)
def test_latents_of_another_shape_are_listed(tmp_path, suffix, usual, other, says):
    arrays = {key: np.zeros(other if key == "b" else usual, np.float16) for key in "abcd"}
    write_shard(tmp_path / "train-0.tar", {key: {suffix: npy(array)} for key, array in arrays.items()})
    _, damaged = check_shards(tmp_path)
    assert list(damaged) == ([] if says is None else [f"train-0.tar:b.{suffix}"])
    assert says is None or damaged[f"train-0.tar:b.{suffix}"].startswith(says)


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
        assert main(words) == 2
    finally:
        for folder in ("closed", "above/cat"):
            (tmp_path / folder).chmod(0o700)
    assert re.fullmatch(r"error: .*Permission denied.*'(closed|above/cat)[^\n]*\n", capsys.readouterr().err)


def test_a_link_to_no_shard_is_damage(tmp_path):
    (tmp_path / "train-000000.tar").symlink_to(tmp_path / "moved.tar")
    _, damaged = check_shards(tmp_path)
    assert list(damaged) == ["train-000000.tar"]
    with pytest.raises(OSError, match=r"train-000000\.tar"):
        load_data(DataConfig(name="shards", root=str(tmp_path), size=16))
