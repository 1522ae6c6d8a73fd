"""Captions find their own pictures, are never guessed, and are read alike everywhere."""

import json
import os
import subprocess
import sys

import pytest
from made_folders import picture, prepared, samples

from zigma.data.__main__ import main
from zigma.data.captions import checked, lines_of
from zigma.data.folders.annotations import (
    captions_identity,
    read_captions_file,
)
from zigma.data.folders.matching import match_captions, matched
from zigma.data.folders.plan import PrepareRequest
from zigma.data.folders.prepare import prepare


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


def test_paths_that_are_the_same_share_their_captions(tmp_path):
    (tmp_path / "a.csv").write_text("./cats/0.png,one\ncats\\0.png,two\n")
    assert read_captions_file(tmp_path / "a.csv") == {"cats/0.png": ["one", "two"]}


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


def test_the_columns_that_a_first_line_names_are_read(tmp_path):
    table = tmp_path / "metadata.csv"
    table.write_text('label,text,file_name\n3,a bird,a.png\n4,"a cat, black",b.png\n')
    assert read_captions_file(table) == {"a.png": ["a bird"], "b.png": ["a cat, black"]}
    table.write_text("a.png,a bird\n")
    assert read_captions_file(table) == {"a.png": ["a bird"]}
    table.write_text("a.png,a bird,3\n")
    with pytest.raises(ValueError, match="every row must be file,caption"):
        read_captions_file(table)


def test_a_quote_that_is_never_closed_takes_in_no_other_rows(tmp_path):
    table = tmp_path / "captions.csv"
    table.write_text('a.png,a bird\nb.png,"a cat\nc.png,a dog\n')
    with pytest.raises(ValueError, match="damaged"):
        read_captions_file(table)
