"""Arrays in shards that claim too much, hold no numbers, or do not fit each other."""

import numpy as np
import pytest
from made_shards import celebamm_sample, claims, load, npy, write_shard

from zigma.data.__main__ import main
from zigma.data.shards.npy import read_header


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
