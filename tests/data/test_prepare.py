"""Preparing folders: what ends up in the shards, what is skipped and why, and going on after a stop."""

import io
import json
import tarfile

import numpy as np
import pytest
import torch
from PIL import Image

from zigma.data import DataConfig, fingerprint, load_data, to_uint8
from zigma.data.__main__ import main
from zigma.data.folders.annotations import read_captions_file
from zigma.data.folders.matching import match_captions
from zigma.data.folders.plan import PrepareRequest
from zigma.data.folders.prepare import prepare
from zigma.data.folders.writer import ShardWriter
from zigma.data.media import UnreadableError, load_image


def quiet(_):
    """Say nothing."""


def picture(seed, size=(24, 24)):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path):
    """40 pictures in two classes, a copy of one, and three files that are no whole picture."""
    source = tmp_path / "source"
    for i in range(40):
        file = source / ("cats" if i % 2 else "dogs") / f"{i:03d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        picture(i).save(file)
    (source / "dogs" / "copy.png").write_bytes((source / "dogs" / "000.png").read_bytes())
    (source / "cats" / "cut.png").write_bytes((source / "cats" / "001.png").read_bytes()[:300])
    (source / "cats" / "empty.jpg").write_bytes(b"")
    (source / "dogs" / "text.png").write_text("this is no picture")
    return source


def members(shard):
    with tarfile.open(shard) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_pictures_and_classes_come_back_and_damaged_files_are_listed(folder, tmp_path):
    out = tmp_path / "out"
    request = PrepareRequest(str(folder), size=16, classes=True, held_out=0.3, shard_samples=8)
    manifest = prepare(request, out, say=quiet)
    counts = manifest["counts"]
    assert counts["train"] + counts["held_out"] == 40
    assert counts["held_out"] > 2
    reasons = {row["file"]: row["reason"] for row in manifest["skipped"]}
    assert set(reasons) == {"cats/cut.png", "cats/empty.jpg", "dogs/copy.png", "dogs/text.png"}
    assert reasons["dogs/copy.png"] == "the same contents as dogs/000.png"
    assert sum(row["samples"] for row in manifest["shards"]) == 40
    # what is written down does not name this machine's folders
    assert str(tmp_path) not in json.dumps(manifest)

    data = load_data(DataConfig("shards", size=16, root=str(out)))
    assert (data.classes, data.class_names) == (2, ("cats", "dogs"))
    expected = set()
    for i in range(40):
        middle = picture(i).resize((16, 16), Image.Resampling.BICUBIC)
        expected.add((np.asarray(middle).tobytes(), 1 - i % 2))
    seen = set()
    for part in (data.train, data.held_out):
        batch = part.batch(range(len(part)))
        pixels = to_uint8(batch.images).permute(0, 2, 3, 1).numpy()
        seen |= {
            (image.tobytes(), label) for image, label in zip(pixels, batch.classes.tolist(), strict=True)
        }
    assert seen == expected
    assert main(["check", str(out)]) == 0


def test_a_picture_that_is_not_square_keeps_its_middle(tmp_path):
    wide = np.zeros((16, 40, 3), np.uint8)
    wide[:, 12:28] = 200
    (tmp_path / "source").mkdir()
    Image.fromarray(wide).save(tmp_path / "source" / "a.png")
    prepare(PrepareRequest(str(tmp_path / "source"), size=16, held_out=0), tmp_path / "out", say=quiet)
    stored = members(tmp_path / "out" / "train-000000.tar")["00000000.image.png"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(stored))), wide[:, 12:28])


def test_a_picture_taken_upside_down_is_turned(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 3  # orientation: turned by 180 degrees
    picture(0, (16, 16)).save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(load_image(tmp_path / "a.png", 16), np.asarray(picture(0, (16, 16)))[::-1, ::-1])


@pytest.mark.parametrize("kind", ["grey", "16 bits", "16 bits PGM", "palette", "cmyk", "transparent"])
def test_every_kind_of_picture_keeps_its_brightness(tmp_path, kind):
    ramp = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (32, 1))
    grey = Image.fromarray(ramp)
    made = {
        "grey": grey,
        "16 bits": Image.fromarray(ramp.astype(np.uint16) * 257),
        "16 bits PGM": Image.fromarray(ramp.astype(np.uint16) * 257),
        "palette": grey.convert("P"),
        "cmyk": grey.convert("CMYK"),
        "transparent": Image.merge("RGBA", [grey] * 3 + [Image.new("L", (32, 32), 128)]),
    }[kind]
    expected = 127.5 + ramp / 2 if kind == "transparent" else ramp  # on white, which shows through by half
    file = tmp_path / {"cmyk": "x.tif", "16 bits PGM": "x.pgm"}.get(kind, "x.png")
    made.save(file)
    assert np.abs(load_image(file, 32).astype(float) - expected[..., None]).max() <= 2


def test_pixels_of_32_bits_are_refused_with_the_reason(tmp_path):
    Image.fromarray(np.ones((9, 9), np.float32)).save(tmp_path / "x.tif")
    with pytest.raises(UnreadableError, match="pixels of 32 bits"):
        load_image(tmp_path / "x.tif", 8)


def test_folders_that_are_links_are_followed_and_dead_links_are_listed(folder, tmp_path):
    together = tmp_path / "together"
    together.mkdir()
    (together / "cats").symlink_to(folder / "cats")
    (together / "dogs").symlink_to(folder / "dogs")
    (folder / "cats" / "again").symlink_to(folder / "cats")  # a link in a circle
    (together / "gone.png").symlink_to(tmp_path / "nowhere.png")
    manifest = prepare(PrepareRequest(str(together), size=16, classes=True), tmp_path / "out", say=quiet)
    assert manifest["counts"]["train"] + manifest["counts"]["held_out"] == 40
    assert {"file": "gone.png", "reason": "a link to no file"} in manifest["skipped"]


def test_an_interrupted_preparation_goes_on_to_the_same_bytes(folder, tmp_path, monkeypatch):
    request = PrepareRequest(str(folder), size=16, held_out=0.2, shard_samples=8)
    whole = prepare(request, tmp_path / "whole", say=quiet)
    written, write = [], ShardWriter.write

    def stop_at_the_third(self, shard):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(shard.file)
        return write(self, shard)

    monkeypatch.setattr(ShardWriter, "write", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        prepare(request, tmp_path / "stopped", say=quiet)
    assert not (tmp_path / "stopped" / "manifest.json").exists()

    def count(self, shard):
        written.append(shard.file)
        return write(self, shard)

    monkeypatch.setattr(ShardWriter, "write", count)
    assert prepare(request, tmp_path / "stopped", say=quiet) == whole
    assert sorted(written) == sorted(row["file"] for row in whole["shards"])  # none was written twice
    for row in whole["shards"]:
        one, other = (tmp_path / name / row["file"] for name in ("whole", "stopped"))
        assert one.read_bytes() == other.read_bytes()


def test_parts_on_several_machines_make_the_whole(folder, tmp_path):
    request = PrepareRequest(str(folder), size=16, held_out=0.2, shard_samples=8)
    whole = prepare(request, tmp_path / "whole", say=quiet)
    assert prepare(request, tmp_path / "parts", part=(1, 2), say=quiet) is None
    assert prepare(request, tmp_path / "parts", part=(0, 2), say=quiet) == whole


@pytest.mark.slow
def test_several_processes_make_the_same_shards(folder, tmp_path):
    request = PrepareRequest(str(folder), size=16, held_out=0.2, shard_samples=8)
    whole = prepare(request, tmp_path / "one", say=quiet)
    assert prepare(request, tmp_path / "two", workers=2, say=quiet) == whole


def test_another_request_or_a_changed_source_does_not_mix_into_old_shards(folder, tmp_path):
    out = tmp_path / "out"
    prepare(PrepareRequest(str(folder), size=16), out, say=quiet)
    with pytest.raises(ValueError, match=r"another preparation \(size differ"):
        prepare(PrepareRequest(str(folder), size=24), out, say=quiet)
    picture(99).save(folder / "cats" / "new.png")
    with pytest.raises(ValueError, match="the files of the source"):
        prepare(PrepareRequest(str(folder), size=16), out, say=quiet)
    with pytest.raises(ValueError, match="cannot lie inside"):
        prepare(PrepareRequest(str(folder), size=16), folder / "out", say=quiet)


def test_groups_and_folders_decide_who_is_held_out(tmp_path):
    source = tmp_path / "source"
    for group in range(30):
        for clip in range(2):
            file = source / ("val" if group < 5 else "rest") / f"v_g{group:02d}_c{clip}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            picture(2 * group + clip).save(file)

    def sides(out, **options):
        prepare(PrepareRequest(str(source), size=16, **options), out, say=quiet)
        plan = json.loads((out / "plan.json").read_text())
        return {s["file"]: s["split"] for shard in plan["shards"] for s in shard["samples"]}

    grouped = sides(tmp_path / "a", group=r"_g\d+", held_out=0.5)
    assert len(set(grouped.values())) == 2
    for group in range(30):
        assert len({side for file, side in grouped.items() if f"_g{group:02d}_" in file}) == 1
    by_folder = sides(tmp_path / "b", held_out_folder="val")
    assert all((side == "test") == file.startswith("val/") for file, side in by_folder.items())


def test_equal_pictures_never_stand_on_both_sides(tmp_path):
    source = tmp_path / "source"
    for name in ("val", "train"):
        (source / name).mkdir(parents=True)
        for i in range(3):
            picture(i + (name == "val")).save(source / name / f"{i}.png")
    manifest = prepare(
        PrepareRequest(str(source), size=16, held_out_folder="val"), tmp_path / "out", say=quiet
    )
    assert manifest["counts"] == {"train": 1, "held_out": 3, "skipped": 2}
    assert {row["reason"] for row in manifest["skipped"]} == {"the same contents are held out"}


def test_captions_of_every_format_are_understood(tmp_path):
    expected = {"a.jpg": ["a cat", "one cat"], "b.jpg": ["a dog"]}
    (tmp_path / "plain.json").write_text(json.dumps({"a.jpg": ["a cat", "one cat"], "b.jpg": "a dog"}))
    coco = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 9, "file_name": "b.jpg"}],
        "annotations": [
            {"image_id": 7, "caption": "a cat"},
            {"image_id": 9, "caption": "a dog\n"},
            {"image_id": 7, "caption": "one cat"},
        ],
    }
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    (tmp_path / "lines.jsonl").write_text(
        '{"file_name": "a.jpg", "text": ["a cat", "one cat"]}\n{"file_name": "b.jpg", "text": "a dog"}\n'
    )
    (tmp_path / "table.csv").write_text("file,caption\na.jpg,a cat\na.jpg,one cat\nb.jpg,a dog\n")
    for name in ("plain.json", "coco.json", "lines.jsonl", "table.csv"):
        assert read_captions_file(tmp_path / name) == expected, name
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("a cat\n\none cat\n")
    captions = read_captions_file(tmp_path / "texts")
    matched = match_captions(["deep/folder/a.png", "b.png"], captions)
    assert matched == {"deep/folder/a.png": ["a cat", "one cat"], "b.png": "no caption"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "{", "damaged"),
        ("a.jsonl", '{"file": "a"}', "lacks 'file_name'"),
        ("a.csv", "a,b,c", "file,caption"),
        ("a.yaml", "a: b", "use .json"),
        (None, "", "no captions at"),
    ],
)
def test_captions_that_are_not_understood_are_refused_in_one_line(tmp_path, name, text, message):
    if name:
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        read_captions_file(tmp_path / (name or "missing.json"))
    assert "\n" not in str(error.value)


def test_videos_keep_their_frames_in_order_and_short_ones_are_listed(tmp_path):
    source = tmp_path / "source" / "waving"
    source.mkdir(parents=True)
    for name, length in {"a": 20, "b": 18, "short": 5}.items():
        tone = [Image.new("RGB", (20, 16), (10 * t, 10 * t, 10 * t)) for t in range(length)]
        tone[0].save(source / f"{name}.gif", save_all=True, append_images=tone[1:])
    (source / "damaged.mp4").write_bytes(b"\x00" * 500)
    request = PrepareRequest(str(tmp_path / "source"), size=16, frames=16, classes=True, held_out=0)
    pytest.importorskip("imageio")
    manifest = prepare(request, tmp_path / "out", say=quiet)
    reasons = {row["file"]: row["reason"] for row in manifest["skipped"]}
    assert reasons["waving/short.gif"] == "5 frames, fewer than 16"
    assert set(reasons) == {"waving/short.gif", "waving/damaged.mp4"}
    data = load_data(DataConfig("shards", size=16, frames=16, root=str(tmp_path / "out")))
    batch = data.train.batch([0] * 20)
    levels = to_uint8(batch.images).double().mean((2, 3, 4))
    assert torch.allclose(levels[:, 1:] - levels[:, :-1], torch.tensor(10.0).double(), atol=2)
    assert main(["check", str(tmp_path / "out")]) == 0


def test_a_shard_that_was_cut_after_preparing_is_noticed(folder, tmp_path):
    out = tmp_path / "out"
    prepare(PrepareRequest(str(folder), size=16), out, say=quiet)
    shard = out / "train-000000.tar"
    shard.write_bytes(shard.read_bytes()[:-512])
    with pytest.raises(ValueError, match="not the shard that manifest"):
        fingerprint(DataConfig("shards", size=16, root=str(out)))
    prepare(PrepareRequest(str(folder), size=16), out, say=quiet)  # the same command again repairs it
    fingerprint(DataConfig("shards", size=16, root=str(out)))


def test_check_finds_what_is_damaged(folder, tmp_path, capsys):
    out = tmp_path / "out"
    prepare(PrepareRequest(str(folder), size=16, held_out=0, shard_samples=40), out, say=quiet)
    shard = out / "train-000000.tar"
    data = bytearray(shard.read_bytes())
    data[700:760] = bytes(60)  # inside the first picture
    shard.write_bytes(data)
    assert main(["check", str(out)]) == 1
    assert "00000000.image.png: " in capsys.readouterr().out


def test_check_goes_on_after_a_shard_that_is_cut_gone_or_silently_changed(folder, tmp_path, capsys):
    out = tmp_path / "out"
    prepare(PrepareRequest(str(folder), size=16, held_out=0, shard_samples=8), out, say=quiet)
    assert main(["check", str(out)]) == 0
    assert "40 samples, 0 damaged" in capsys.readouterr().out
    cut, gone, changed = (out / f"train-00000{i}.tar" for i in (0, 1, 2))
    cut.write_bytes(cut.read_bytes()[:3000])
    gone.unlink()
    data = bytearray(changed.read_bytes())
    data[-1] ^= 1  # of the padding after the last member: no reader sees it
    changed.write_bytes(data)
    assert main(["check", str(out)]) == 1
    output = capsys.readouterr().out
    assert f"{cut.name}: the shard {cut} is no whole uncompressed tar" in output
    assert f"{gone.name}: [Errno 2] No such file" in output
    assert f"{changed.name}: other bytes than when it was prepared" in output
    assert "24 samples, 3 damaged" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prepare", "nowhere", "out"], "no folder nowhere"),
        (["prepare", "nowhere", "out", "--size", "30"], "divisible by 8"),
        (["prepare", "nowhere", "out", "--picture", "none"], "nothing would be written"),
        (["prepare", "nowhere", "out", "--part", "2/2"], "part must be i/n"),
        (["prepare", "nowhere", "out", "--vae", "nowhere"], "sd-vae-ft-ema"),
        (["prepare", "nowhere", "out", "--group", "("], "no regular expression"),
        (["check", "nowhere"], "no folder nowhere"),
    ],
)
def test_wrong_words_end_with_code_2_and_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_list_names_every_data_set(capsys):
    from zigma.data import data_names

    assert main(["list"]) == 0
    printed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert printed == list(data_names())
