"""Every sample of a shard is used or listed, whatever lies beside it."""

import io
import tarfile

import numpy as np
import pytest
from made_shards import encoded, load, npy, pictures, write_shard

from zigma.data.layout import class_number, read_captions
from zigma.data.media import UnreadableError
from zigma.data.shards import check_shards


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
