"""Reading shards by index: the released project's layout, damaged members, and what is never executed."""

import io
import json
import pickle

import numpy as np
import pytest
import torch
from made_shards import celebamm_sample, npy, write_shard
from PIL import Image

from zigma.data import DataConfig, fingerprint, load_data, to_uint8
from zigma.data.shards.npy import read_header, read_rows
from zigma.data.shards.tar_index import index_shard


@pytest.fixture
def celebamm(tmp_path):
    for shard in range(2):
        keys = range(3 * shard, 3 * shard + 3)
        write_shard(tmp_path / f"train-{shard:06d}.tar", {f"{i:05d}": celebamm_sample(i) for i in keys})
    write_shard(tmp_path / "test-000000.tar", {f"{i:05d}": celebamm_sample(i) for i in range(6, 9)})
    return tmp_path


def test_latents_are_the_stored_ones_times_the_factor(celebamm):
    data = load_data(DataConfig("celebamm", size=16, root=str(celebamm), view="latents"))
    batch = data.train.batch([4, 0, 4])
    assert (len(data.train), len(data.held_out), data.channels) == (6, 3, 4)
    for row, i in enumerate([4, 0, 4]):
        stored = np.load(io.BytesIO(celebamm_sample(i)["img_feature16.npy"])).astype(np.float32)
        assert torch.allclose(batch.images[row], torch.from_numpy(stored) * 0.18215)


def test_pixels_are_the_pictures(celebamm):
    data = load_data(DataConfig("celebamm", size=16, root=str(celebamm)))
    stored = np.asarray(Image.open(io.BytesIO(celebamm_sample(7)["image.png"])))
    seen = to_uint8(data.held_out.batch([1]).images)[0].permute(1, 2, 0)
    assert np.array_equal(seen.numpy(), stored)


def test_the_drawn_caption_and_its_features_belong_together(celebamm):
    """Each of the captions is drawn in training; held-out captions stay the same."""
    data = load_data(DataConfig("celebamm", size=16, root=str(celebamm), view="latents"))
    torch.manual_seed(0)
    batch = data.train.batch([2] * 30)
    drawn = [int(caption.split()[-2]) for caption in batch.captions]
    assert set(drawn) == {0, 1, 2}
    assert batch.text.shape == (30, 5, 6)
    assert torch.equal(batch.text[:, 0, 0], torch.tensor([20.0 + n for n in drawn]))
    torch.manual_seed(0)
    assert data.train.batch([2] * 30).captions == batch.captions
    assert data.held_out.batch([0, 1]).captions == data.held_out.batch([0, 1]).captions


def test_the_order_of_a_batch_does_not_depend_on_threads(celebamm):
    data = load_data(DataConfig("celebamm", size=16, root=str(celebamm)))
    order = [5, 1, 3, 0, 2, 4] * 5
    one_by_one = torch.cat([data.train.batch([i]).images for i in order])
    assert torch.equal(data.train.batch(order).images, one_by_one)


def ucf_sample(i, frames):
    video = np.arange(frames, dtype=np.float32)[:, None, None, None] * np.ones((1, 4, 2, 2), np.float32)
    return {
        "frame_feature16.npy": npy(video),
        "cls_id.cls": str(i % 5).encode(),
        "cls_name.json": json.dumps("Archery").encode(),
    }


def test_video_frames_follow_each_other_and_begin_anywhere(tmp_path):
    write_shard(tmp_path / "train-000000.tar", {f"{i}": ucf_sample(i, 20) for i in range(10)})
    write_shard(tmp_path / "val-000000.tar", {f"{i}": ucf_sample(i, 16) for i in range(10, 12)})
    data = load_data(DataConfig("ucf101", size=16, root=str(tmp_path), view="latents"))
    torch.manual_seed(0)
    batch = data.train.batch([3] * 60)
    times = batch.images[:, :, 0, 0, 0] / 0.18215
    first = times[:, :1].round()
    assert torch.allclose(times, first + torch.arange(16.0))
    assert set(first.flatten().tolist()) == {0, 1, 2, 3, 4}  # the last beginning, 20 - 16, counts too
    assert batch.classes.tolist() == [3] * 60
    assert data.classes == 5
    reference = data.train.fixed()
    assert len({reference.batch([3]).images.sum().item() for _ in range(8)}) == 1
    torch.manual_seed(1)
    assert torch.equal(reference.batch([3]).images, data.train.fixed().batch([3]).images)


def test_a_video_that_is_too_short_is_skipped_and_listed(tmp_path):
    samples = {f"{i}": ucf_sample(i, 15 if i == 2 else 16) for i in range(5)}
    write_shard(tmp_path / "train-000000.tar", samples)
    write_shard(tmp_path / "test-000000.tar", {"9": ucf_sample(9, 16)})
    data = load_data(DataConfig("ucf101", size=16, root=str(tmp_path), view="latents"))
    with pytest.warns(UserWarning, match="15 frames, fewer than 16"):
        batch = data.train.batch([2])
    assert batch.classes.tolist() == [3]  # the next one
    assert list(data.train.skipped) == ["train-000000.tar:2"]


@pytest.mark.parametrize("damage", ["cut", "text", "empty"])
def test_a_damaged_picture_is_replaced_by_the_next_with_a_warning(celebamm, damage):
    samples = {f"{i:05d}": celebamm_sample(i) for i in range(4)}
    picture = samples["00001"]["image.png"]
    samples["00001"]["image.png"] = {"cut": picture[:200], "text": b"not a picture", "empty": b""}[damage]
    write_shard(celebamm / "train-000000.tar", samples)
    data = load_data(DataConfig("celebamm", size=16, root=str(celebamm)))
    with pytest.warns(UserWarning, match="skipping train-000000.tar:00001"):
        batch = data.train.batch([1, 2])
    assert torch.equal(batch.images[0], batch.images[1])
    assert list(data.train.skipped) == ["train-000000.tar:00001"]


def test_a_sample_without_its_picture_is_left_out_and_listed(celebamm):
    samples = {f"{i:05d}": celebamm_sample(i) for i in range(3)}
    del samples["00001"]["img_feature16.npy"]
    write_shard(celebamm / "train-000000.tar", samples)
    with pytest.warns(UserWarning, match="without img_feature16.npy"):
        data = load_data(DataConfig("celebamm", size=16, root=str(celebamm), view="latents"))
    assert len(data.train) == 5


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was executed",))


def test_pickles_are_never_executed(celebamm):
    bomb = npy(np.array([Bomb()], dtype=object), allow_pickle=True)
    for name, data in {"header": bomb, "raw": pickle.dumps(Bomb())}.items():
        samples = {f"{i:05d}": celebamm_sample(i) | {"img_feature16.npy": data} for i in range(3)}
        write_shard(celebamm / "train-000000.tar", samples)
        (celebamm / "train-000001.tar").unlink(missing_ok=True)
        dataset = load_data(DataConfig("celebamm", size=16, root=str(celebamm), view="latents"))
        with (
            pytest.warns(UserWarning, match="skipping"),
            pytest.raises(ValueError, match="no readable sample"),
        ):
            dataset.train.batch([0])
        assert name


def test_latents_of_another_size_are_an_error_and_not_a_skipped_sample(tmp_path):
    for part in ("train", "test"):
        write_shard(tmp_path / f"{part}-0.tar", {"0": {"latent.npy": npy(np.zeros((4, 2, 2), np.float32))}})
    with pytest.raises(ValueError, match=r"size of 32 pixels has \(4, 4\)"):
        load_data(DataConfig("faceshq", size=32, root=str(tmp_path), view="latents"))


def test_without_held_out_shards_a_twentieth_is_held_out_by_key(tmp_path):
    latent = {"latent.npy": npy(np.zeros((4, 1, 1), np.float32))}
    keys = [f"{i:06d}" for i in range(600)]
    for name, cut in (("one", 600), ("many", 100)):
        (tmp_path / name).mkdir()
        for n, start in enumerate(range(0, 600, cut)):
            part = dict.fromkeys(keys[start : start + cut], latent)
            write_shard(tmp_path / name / f"train-{n:06d}.tar", part)
    parts = []
    for name in ("one", "many"):
        data = load_data(DataConfig("shards", size=8, root=str(tmp_path / name), view="latents"))
        held = {entry.key for entry in data.held_out.entries}
        assert not held & {entry.key for entry in data.train.entries}
        assert len(data.train) + len(held) == 600
        parts.append(held)
    assert parts[0] == parts[1]  # however the shards are cut
    assert 15 <= len(parts[0]) <= 50


def test_the_index_follows_a_changed_shard_and_survives_a_damaged_cache(tmp_path):
    shard = tmp_path / "train-0.tar"
    write_shard(shard, {"a": {"txt": b"one"}})
    assert [entry.key for entry in index_shard(shard)] == ["a"]
    assert index_shard(shard) == index_shard(shard)
    write_shard(shard, {"folder.v1/b": {"txt": b"one", "cls": b"1"}, "c": {"txt": b"two"}})
    entries = index_shard(shard)
    assert [(entry.key, set(entry.members)) for entry in entries] == [
        ("folder.v1/b", {"txt", "cls"}),
        ("c", {"txt"}),
    ]
    (tmp_path / "train-0.tar.index.json").write_text("{")
    assert index_shard(shard) == entries
    offset, length = entries[1].members["txt"]
    assert shard.read_bytes()[offset : offset + length] == b"two"


def test_a_shard_that_is_no_whole_tar_is_refused_in_one_line(tmp_path):
    shard = tmp_path / "train-0.tar"
    write_shard(shard, {f"{i}": {"txt": bytes(5000)} for i in range(5)})
    whole = shard.read_bytes()
    for damaged in (whole[:9000], b"no tar at all" * 100):
        shard.write_bytes(damaged)
        with pytest.raises(ValueError, match="no whole uncompressed tar") as error:
            index_shard(shard)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("dtype", ["<f4", "<f2", ">f4", "<i8"])
def test_rows_of_an_array_are_read_without_the_rest(dtype):
    array = np.arange(7 * 3 * 2).reshape(7, 3, 2).astype(dtype)
    data, taken = npy(array), []

    def read(offset, length):
        taken.append((offset, length))
        return data[offset : offset + length]

    header = read_header(read)
    assert np.array_equal(read_rows(read, header, 2, 3), array[2:5])
    assert taken[1][1] == 3 * 6 * array.itemsize
    with pytest.raises(ValueError, match="ends before"):
        read_rows(read, header, 5, 3)


def test_what_the_shards_do_not_hold_is_said(celebamm, tmp_path_factory, monkeypatch):
    with pytest.raises(ValueError, match=r"needs members img_feature64.npy.*hold caption.json"):
        load_data(DataConfig("celebamm", size=64, root=str(celebamm), view="latents"))
    for shard in celebamm.glob("*.tar"):
        write_shard(shard, {"0": {"frame_feature16.npy": npy(np.zeros((16, 4, 2, 2)))}})
    with pytest.raises(ValueError, match="needs classes"):
        load_data(DataConfig("ucf101", size=16, root=str(celebamm), view="latents"))
    empty = tmp_path_factory.mktemp("empty")
    with pytest.raises(ValueError, match=r"no shard.*zigma.data prepare"):
        load_data(DataConfig("coco", size=16, root=str(empty)))
    monkeypatch.delenv("ZIGMA_DATA", raising=False)
    with pytest.raises(
        ValueError, match=r"--set data\.root=FOLDER, or the folder above it by the variable ZIGMA_DATA"
    ):
        fingerprint(DataConfig("coco", size=256))
    monkeypatch.setenv("ZIGMA_DATA", str(empty))
    with pytest.raises(ValueError, match="coco-256"):
        load_data(DataConfig("coco", size=256))


def test_the_fingerprint_is_of_the_contents_and_not_of_the_place(celebamm, tmp_path_factory):
    one = DataConfig("celebamm", size=16, root=str(celebamm))
    other = tmp_path_factory.mktemp("other")
    for shard in celebamm.glob("*.tar"):
        (other / shard.name).write_bytes(shard.read_bytes())
    moved = DataConfig("celebamm", size=16, root=str(other))
    assert fingerprint(one) == fingerprint(moved)
    write_shard(other / "train-000000.tar", {"0": celebamm_sample(99)})
    assert fingerprint(one) != fingerprint(moved)


def test_a_split_can_be_sent_to_another_process(celebamm):
    split = load_data(DataConfig("celebamm", size=16, root=str(celebamm))).held_out
    sent = pickle.loads(pickle.dumps(split))
    assert torch.equal(sent.batch([0, 2]).images, split.batch([0, 2]).images)
