"""Folders as users have them: same names, leavings of systems, odd texts, pictures of every kind, and hostile ones."""

import io
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from zigma.data.__main__ import main
from zigma.data.captions import checked, lines_of
from zigma.data.folders.annotations import (
    captions_identity,
    class_folders,
    read_captions_file,
)
from zigma.data.folders.kept import read_plan
from zigma.data.folders.matching import match_captions, matched
from zigma.data.folders.plan import PrepareRequest
from zigma.data.folders.prepare import prepare
from zigma.data.media import IMAGE_FORMATS, UnreadableError, load_image, load_video, unpack_frames


def picture(path, colour=(200, 30, 30), **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (16, 16), colour).save(path, **options)


def prepared(source, out, **options):
    return prepare(
        PrepareRequest(str(source), **({"size": 16, "held_out": 0} | options)), out, say=lambda _: None
    )


def samples(out):
    return {sample.file: sample for shard in read_plan(out).shards for sample in shard.samples}


# captions


def test_equal_names_in_several_folders_keep_their_own_captions(tmp_path):
    for number, kind in enumerate(("cats", "dogs")):
        for i in range(3):
            picture(tmp_path / "src" / kind / f"{i:03d}.png", (10 * i, 100 * number, 7))
            (tmp_path / "src" / kind / f"{i:03d}.txt").write_text(f"one of the {kind}")
    prepared(tmp_path / "src", tmp_path / "out", captions=str(tmp_path / "src"))
    got = {file: sample.captions for file, sample in samples(tmp_path / "out").items()}
    assert len(got) == 6
    assert all(captions == [f"one of the {file.split('/')[0]}"] for file, captions in got.items())


def test_captions_in_another_tree_serve_where_they_are_unambiguous(tmp_path):
    captions = {
        "texts/cats/0": ["a cat"],
        "texts/dogs/0": ["a dog"],
        "flat": ["flat"],
        "./x/y.png": ["exact"],
    }
    files = ["images/cats/0.png", "images/dogs/0.jpg", "a/b/flat.png", "x/y.png"]
    assert match_captions(files, captions) == {
        "images/cats/0.png": ["a cat"],
        "images/dogs/0.jpg": ["a dog"],
        "a/b/flat.png": ["flat"],
        "x/y.png": ["exact"],
    }


@pytest.mark.parametrize(
    ("files", "captions"),
    [
        (["cats/0.png", "dogs/0.png"], {"0": ["either"]}),  # one caption, two pictures
        (["0.png"], {"cats/0": ["a cat"], "dogs/0": ["a dog"]}),  # two captions, one picture
        (["0.png", "1.png"], {"cats/0": ["a"], "dogs/0": ["b"], "dogs/1.png": ["which is of which folder?"]}),
    ],
)
def test_ambiguous_captions_are_never_guessed(files, captions):
    texts = match_captions(files, captions)
    assert all(
        isinstance(reason, str) and reason.startswith("ambiguous captions") for reason in texts.values()
    )


def test_a_caption_of_its_own_is_not_lent_to_another_folder():
    assert match_captions(["cats/0.png", "dogs/0.png"], {"cats/0": ["a cat"]}) == {
        "cats/0.png": ["a cat"],
        "dogs/0.png": "no caption",
    }


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("cats/0.png", "dogs/0.png"),
        ("cats/0.png", "dogs/0"),
        ("cats/0.png", "../../x/0.png"),
        ("cats/0.png", "../0.png"),
        ("0.png", "../0.png"),
        ("cats/black/0.png", "dogs/black/0.png"),
        ("train/cats/0.png", "test/cats/0.png"),
        ("a/cats/0.png", "x/y/cats/0.png"),
        ("images/cats/0.png", "captions/dogs/0"),
        ("cats/0.png", "captions/dogs/0"),
        ("cats/0.png", "Cats/0.png"),
    ],
)
def test_captions_whose_path_contradicts_are_never_given(file, key):
    assert matched([file], {key: ["of something else"]}) == ({file: "no caption"}, [key])


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("images/cats/0.png", "cats/0.png"),  # written inside the source
        ("cats/0.png", "/data/set/cats/0.png"),  # and above it
        ("0.png", "../images/0.png"),  # from a folder beside it
        ("cats/0.png", "dogs/../cats/./0.png"),
        ("images/cats/0.png", "captions/cats/0"),  # a tree of captions beside the images
        ("train/images/0.png", "train/labels/0"),
        ("birds_256/a/0.png", "text_c10/a/0"),
        ("a/b/0.png", "0"),
    ],
)
def test_captions_whose_path_agrees_are_given(file, key):
    assert matched([file], {key: ["of it"]}) == ({file: ["of it"]}, [])


@pytest.mark.parametrize("as_texts", [False, True])
def test_captions_of_no_file_are_counted_and_listed(tmp_path, as_texts):
    for i in range(3):
        picture(tmp_path / "src" / "cats" / f"{i:03d}.png", (10 * i, 100, 7))
    captions = tmp_path / ("texts" if as_texts else "table.csv")
    keys = ["dogs/000", "cats/001", *(f"birds/{i}" for i in range(8))]
    for key in keys if as_texts else ():
        (captions / key).parent.mkdir(parents=True, exist_ok=True)
        (captions / f"{key}.txt").write_text("a caption")
    if not as_texts:
        captions.write_text("file_name,text\n" + "".join(f"{key}.png,a caption\n" for key in keys))
    lines = []
    request = PrepareRequest(str(tmp_path / "src"), size=16, held_out=0, captions=str(captions))
    manifest = prepare(request, tmp_path / "out", say=lines.append)
    assert manifest["skipped"] == [{"file": f"cats/00{i}.png", "reason": "no caption"} for i in (0, 2)]
    unused = manifest["unused_captions"]
    assert unused["count"] == len(unused["first"]) == 9
    assert any(line.startswith("captions of no file: 9 (") and line.endswith(", ...)") for line in lines)
    again = []
    assert prepare(request, tmp_path / "out", say=again.append) == manifest
    assert any(line.startswith("captions of no file: 9 (") for line in again)


def test_names_match_across_systems():
    """Windows' slashes, macOS's decomposed accents, a leading ./"""
    captions = {"cats\\1.png": ["one"], "./cats/2.png": ["two"], "cats/e\u0301.png": ["three"]}
    files = ["cats/1.png", "cats/2.png", "cats/\u00e9.png"]
    assert match_captions(files, captions) == dict(zip(files, [["one"], ["two"], ["three"]], strict=True))


def test_when_nothing_has_a_caption_the_preparation_is_refused(tmp_path):
    picture(tmp_path / "src" / "a.png")
    (tmp_path / "c.json").write_text('{"b.png": "other"}')
    with pytest.raises(ValueError, match="no file has a caption of its own"):
        prepared(tmp_path / "src", tmp_path / "out", captions=str(tmp_path / "c.json"))


def test_a_line_ends_at_a_newline_alone(tmp_path):
    odd = "first\u2028second\x85third\x0cfourth\x1cfifth\vsixth"
    assert lines_of(f"{odd}\r\n\n  two \n") == [odd, "two"]
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.txt").write_bytes(f"{odd}\r\nother".encode())
    assert read_captions_file(tmp_path / "t") == {"a": [odd, "other"]}
    (tmp_path / "l.jsonl").write_bytes(
        json.dumps({"file_name": "a.png", "text": odd}, ensure_ascii=False).encode() + b"\r\n\n"
    )
    assert read_captions_file(tmp_path / "l.jsonl") == {"a.png": [odd]}
    (tmp_path / "c.csv").write_bytes(b'file,caption\r\na.png,"two\nlines"\r\nb.png,one\xe2\x80\xa8line\r\n')
    assert read_captions_file(tmp_path / "c.csv") == {"a.png": ["two\nlines"], "b.png": ["one\u2028line"]}


def test_texts_are_utf_8_with_or_without_a_byte_order_mark(tmp_path):
    for mark in (b"", b"\xef\xbb\xbf"):
        (tmp_path / "c.json").write_bytes(mark + '{"a.png": "H\u00e4uschen"}'.encode())
        assert read_captions_file(tmp_path / "c.json") == {"a.png": ["H\u00e4uschen"]}
    (tmp_path / "c.json").write_bytes('{"a.png": "H\u00e4uschen"}'.encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8"):
        read_captions_file(tmp_path / "c.json")


def test_captions_are_read_alike_in_an_ascii_locale(tmp_path):
    picture(tmp_path / "src" / "a.png")
    (tmp_path / "c.json").write_bytes('{"a.png": "ein H\u00e4uschen"}'.encode())
    words = [
        "-m",
        "zigma.data",
        "prepare",
        tmp_path / "src",
        tmp_path / "out",
        "--size",
        "16",
        "--held-out",
        "0",
    ]
    env = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    subprocess.run(
        [sys.executable, *map(str, words), "--captions", str(tmp_path / "c.json")],
        check=True,
        env=env,
        capture_output=True,
    )
    assert samples(tmp_path / "out")["a.png"].captions == ["ein H\u00e4uschen"]


@pytest.mark.parametrize(
    "value", ["7", "null", "true", "[1]", "[[]]", '["a", null]', '{"a": 1}', '"\\ud800"']
)
def test_captions_that_are_no_text_are_refused_in_one_line(tmp_path, value):
    for name, text in {
        "a.json": f'{{"a.png": {value}}}',
        "a.jsonl": f'{{"file_name": "a.png", "text": {value}}}',
        "b.json": f'{{"images": [{{"id": 1, "file_name": "a.png"}}], '
        f'"annotations": [{{"image_id": 1, "caption": {value}}}]}}',
    }.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(ValueError, match=r"a caption (is text|holds half)") as error:
            read_captions_file(tmp_path / name)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "7",
        '{"images": 1, "annotations": []}',
        '{"images": [], "annotations": [7]}',
        '{"images": [{"id": [], "file_name": "a"}], "annotations": []}',
        '{"images": [], "annotations": [{"image_id": 3, "caption": "x"}]}',
        "[" * 100_000,
        '{"a.png": "one", "a.png": "another"}',
    ],
)
def test_json_of_another_build_is_refused_in_one_line(tmp_path, text):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ValueError, match="damaged") as error:
        read_captions_file(tmp_path / "a.json")
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_empty_captions_are_none(tmp_path):
    assert checked(["", "  ", "a"]) == ["a"]
    assert match_captions(["a.png"], {"a": []}) == {"a.png": "no caption"}


def test_the_identity_of_captions_knows_their_folders(tmp_path):
    identities = set()
    for names in (("a/x", "b/y"), ("b/x", "a/y")):
        folder = tmp_path / names[0].replace("/", "_")
        for name in names:
            file = folder / f"{name}.txt"
            file.parent.mkdir(parents=True)
            file.write_text(name[-1])
        identities.add(captions_identity(folder))
    assert len(identities) == 2


# classes and leavings


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


def test_captions_that_are_read_are_not_passed_over(tmp_path, capsys):
    for name in ("a", "b", "c"):
        picture(tmp_path / "src" / f"{name}.png", (ord(name), 0, 0))
    for name in ("a", "b"):
        (tmp_path / "src" / f"{name}.txt").write_text(f"the letter {name}\n")
    (tmp_path / "src" / "readme.md").write_text("mine\n")
    source, out = str(tmp_path / "src"), str(tmp_path / "out")
    assert main(["prepare", source, out, "--size", "16", "--held-out", "0", "--captions", source]) == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["passed_over"] == {".md": 1}
    assert manifest["skipped"] == [{"file": "c.png", "reason": "no caption"}]
    assert "captions for 2 of 3 files" in capsys.readouterr().out


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
    assert main(["prepare", str(tmp_path / "src"), str(tmp_path / "out"), *words]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_paths_that_are_the_same_share_their_captions(tmp_path):
    (tmp_path / "a.csv").write_text("./cats/0.png,one\ncats\\0.png,two\n")
    assert read_captions_file(tmp_path / "a.csv") == {"cats/0.png": ["one", "two"]}


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
    assert main(["prepare", str(tmp_path / "src"), str(tmp_path / "out"), "--size", "16"]) == 2
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


# pictures


def encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "P bytes", "RGB", "L", "gif", "webp"])
def test_what_is_transparent_is_white(mode):
    ink = np.zeros((16, 16, 4), np.uint8)
    ink[6:10, 6:10, 3] = 255  # black ink on nothing
    image = Image.fromarray(ink)
    colours = Image.fromarray(np.where(ink[..., 3:] > 0, 0, 77).astype(np.uint8).repeat(3, 2))
    palette = Image.fromarray((ink[..., 3] > 0).astype(np.uint8))
    palette = palette.convert("P")
    palette.putpalette([77, 77, 77, 0, 0, 0])
    data = {
        "RGBA": lambda: encoded(image, "PNG"),
        "LA": lambda: encoded(image.convert("LA"), "PNG"),
        "P": lambda: encoded(palette, "PNG", transparency=0),
        "P bytes": lambda: encoded(palette, "PNG", transparency=b"\x00\xff"),
        "RGB": lambda: encoded(colours, "PNG", transparency=(77, 77, 77)),
        "L": lambda: encoded(colours.convert("L"), "PNG", transparency=77),
        "gif": lambda: encoded(palette, "GIF", transparency=0),
        "webp": lambda: encoded(image, "WEBP", lossless=True, exact=True),
    }[mode]()
    seen = load_image(data, 16)
    assert seen[8, 8].tolist() == [0, 0, 0]
    assert seen[0, 0].tolist() == [255, 255, 255]


def test_colours_under_full_transparency_do_not_bleed_when_resized():
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[..., 0] = 255  # red, but nothing of it is to be seen
    rgba[16:48, 16:48] = (0, 0, 255, 255)
    seen = load_image(encoded(Image.fromarray(rgba), "PNG"), 8).astype(int)
    assert (seen[..., 0] <= seen[..., 2]).all()


@pytest.mark.parametrize("turn", [Image.Transpose.ROTATE_90, Image.Transpose.FLIP_LEFT_RIGHT])
def test_orientation_and_transparency_together(turn):
    numbers = {Image.Transpose.ROTATE_90: 6, Image.Transpose.FLIP_LEFT_RIGHT: 2}
    rgba = np.zeros((16, 16, 4), np.uint8)
    rgba[:4, :4] = (0, 0, 0, 255)
    upright = Image.fromarray(rgba)
    exif = Image.Exif()
    exif[0x0112] = numbers[turn]
    seen = load_image(encoded(upright.transpose(turn), "PNG", exif=exif), 16)
    assert np.array_equal(seen, load_image(encoded(upright, "PNG"), 16))


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif"])
def test_postscript_under_any_name_is_run_by_nobody(tmp_path, suffix, monkeypatch):
    from PIL import EpsImagePlugin

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_, **__: pytest.fail("Ghostscript was run"))
    file = tmp_path / f"x.{suffix}"
    file.write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n")
    with pytest.raises(UnreadableError):
        load_image(file, 8)
    with pytest.raises(UnreadableError):
        load_image(file.read_bytes(), 8)
    with pytest.raises(UnreadableError):
        load_video(file, 8)
    assert "EPS" not in IMAGE_FORMATS


def test_a_playlist_does_not_lead_to_other_files(tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    import imageio.v3 as imageio

    video = tmp_path / "secret.mp4"
    imageio.imwrite(video, np.zeros((8, 16, 16, 3), np.uint8), plugin="FFMPEG", fps=8, macro_block_size=1)
    assert len(load_video(video, 16)) == 8
    for text in (
        f"ffconcat version 1.0\nfile '{video.name}'\n",
        f"#EXTM3U\n#EXTINF:1,\n{video.name}\n#EXT-X-ENDLIST\n",
    ):
        (tmp_path / "list.mp4").write_text(text)
        with pytest.raises(UnreadableError):
            load_video(tmp_path / "list.mp4", 16)


def test_a_gif_that_moves_is_no_picture_and_its_ground_is_white(tmp_path):
    frames = [Image.new("RGBA", (16, 16), (0, 0, 0, 0)) for _ in range(4)]
    for t, frame in enumerate(frames):
        frame.paste((0, 0, 0, 255), (4 * t, 0, 4 * t + 4, 16))
    file = tmp_path / "x.gif"
    frames[0].save(file, save_all=True, append_images=frames[1:], disposal=2, transparency=0)
    with pytest.raises(UnreadableError, match="a GIF that moves"):
        load_image(file, 16)
    seen = load_video(file, 16)
    assert len(seen) == 4
    assert seen[0, 8, 12].tolist() == [255, 255, 255]
    assert seen[3, 8, 13].tolist() == [0, 0, 0]


def test_pictures_that_claim_too_much_are_refused_before_they_are_decoded(monkeypatch):
    monkeypatch.setattr("zigma.data.media._MOST_PIXELS", 1000)
    monkeypatch.setattr("zigma.data.media.square", lambda *_: pytest.fail("decoded"))
    with pytest.raises(UnreadableError, match="pixels are more than"):
        load_image(encoded(Image.new("L", (100, 100)), "PNG"), 8)


# zips of frames


def zipped(members, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", **options) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def grey(level):
    return encoded(Image.new("L", (8, 8), level), "PNG")


def test_frames_are_in_the_order_of_their_numbers_and_leavings_are_none():
    members = {f"f{t}.png": grey(10 * t) for t in (10, 9, 2, 1)}
    members |= {"__MACOSX/._f1.png": b"x", ".DS_Store": b"x", "notes.txt": b"x", "folder/": b""}
    assert unpack_frames(zipped(members), 8, 0, 4)[:, 0, 0, 0].tolist() == [10, 20, 90, 100]


def test_a_zip_that_unpacks_to_too_much_is_refused(monkeypatch):
    monkeypatch.setattr("zigma.data.media._MOST_FRAME_BYTES", 1000)
    bomb = zipped({"0.png": bytes(10_000_000)}, compression=zipfile.ZIP_DEFLATED)
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableError, match="unpacks to more"):
        unpack_frames(bomb, 8, 0, 1)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_python_unpacks_without_a_limit_is_refused_unread(compression):
    whole = zipped({"0.png": grey(5)}, compression=compression)
    with pytest.raises(UnreadableError, match="neither stored nor deflated"):
        unpack_frames(whole, 8, 0, 1)


def broken_zips():
    whole = zipped({"0.png": grey(5)}, compression=zipfile.ZIP_DEFLATED)
    encrypted = bytearray(whole)
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        encrypted[whole.index(signature) + offset] |= 1
    method = bytearray(whole)
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        method[whole.index(signature) + offset] = 77
    garbled = bytearray(whole)
    garbled[40:60] = b"\xff" * 20
    return {"encrypted": encrypted, "method": method, "garbled": garbled, "cut": whole[:-30], "empty": b""}


@pytest.mark.parametrize("damage", broken_zips())
def test_broken_zips_are_unreadable_and_nothing_worse(damage):
    with pytest.raises(UnreadableError):
        unpack_frames(bytes(broken_zips()[damage]), 8, 0, 1)
