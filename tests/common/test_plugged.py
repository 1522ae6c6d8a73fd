"""What a person adds in a file or a package of her own."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from zigma.common import plugged
from zigma.common.plugged import MIXERS, Socket, short, whole
from zigma.common.words import WordError

THING = Socket("thing", "zigma.things")


def test_a_file_is_run_again_when_its_text_changes(tmp_path: Path) -> None:
    file = tmp_path / "own things.py"
    (tmp_path / "beside_it.py").write_text("value = 7\n")
    file.write_text("from beside_it import value\ndef thing():\n    return value\n")
    text = f"{file}:thing"
    first, identity = THING.load(text), THING.identity(text)
    assert first() == 7
    assert THING.load(text) is first
    assert str(tmp_path) not in sys.path
    file.write_text("def thing():\n    return 8\n")
    assert THING.load(text)() == 8
    assert THING.identity(text) != identity
    file.write_text("from beside_it import value\ndef thing():\n    return value\n")
    assert THING.identity(text) == identity


def test_its_identity_is_of_what_it_imports_from_beside_it(tmp_path: Path) -> None:
    file, helper, further = (tmp_path / name for name in ("m.py", "helper.py", "further.py"))
    package = tmp_path / "parts"
    package.mkdir()
    alone = "import json\ndef thing(): pass\n"
    file.write_text(alone)
    bare = THING.identity(f"{file}:thing")
    helper.write_text("from further import *\n")
    (package / "inner.py").write_text("value = 1\n")
    assert THING.identity(f"{file}:thing") == bare  # which imports neither
    file.write_text(f"{alone}if thing:\n    import helper\nfrom parts.inner import value\n")
    further.write_text("import m\n")  # a circle
    seen = [THING.identity(f"{file}:thing")]
    for changed in (helper, further, package / "inner.py"):
        changed.write_text(f"{changed.read_text()}# changed\n")
        seen.append(THING.identity(f"{file}:thing"))
    helper.write_text("this is no Python")
    seen.append(THING.identity(f"{file}:thing"))
    assert len(set(seen)) == 5


def test_its_identity_is_of_the_module_that_python_takes(tmp_path: Path) -> None:
    """A folder without __init__.py comes after a module of its name, one with it before."""
    mine, helper, folder = tmp_path / "mine.py", tmp_path / "helper.py", tmp_path / "helper"
    mine.write_text("import helper")
    helper.write_text("X = 1")
    folder.mkdir()
    (folder / "other.py").write_text("X = 1")
    first = THING.identity(f"{mine}:thing")
    (folder / "other.py").write_text("X = 2")
    assert THING.identity(f"{mine}:thing") == first
    helper.write_text("X = 2")
    assert (second := THING.identity(f"{mine}:thing")) != first
    (folder / "__init__.py").touch()
    assert (third := THING.identity(f"{mine}:thing")) != second
    helper.write_text("X = 3")
    assert THING.identity(f"{mine}:thing") == third


def test_its_identity_is_of_the_files_that_it_lists_and_runs_nothing(tmp_path: Path) -> None:
    file, weights = tmp_path / "m.py", tmp_path / "weights.bin"
    file.write_text("FILES = ['weights.bin']\n1 / 0\n")
    with pytest.raises(WordError, match=r"lists .*weights.bin in FILES, and there is no such file"):
        THING.identity(f"{file}:thing")
    weights.write_bytes(b"1")
    one = THING.identity(f"{file}:thing")
    weights.write_bytes(b"2")
    assert THING.identity(f"{file}:thing") != one
    file.write_text("FILES: list[str] = ['weights.bin']\n")
    annotated = THING.identity(f"{file}:thing")
    weights.write_bytes(b"3")
    assert THING.identity(f"{file}:thing") != annotated
    for source in (
        "FILES = [name for name in 'ab']",
        "FILES = 'weights.bin'",
        "FILES = []\nFILES += ['weights.bin']",
    ):
        file.write_text(source)
        with pytest.raises(WordError, match="FILES must be a list of names of files, written out"):
            THING.identity(f"{file}:thing")


@pytest.mark.parametrize(
    ("source", "name", "says"),
    [
        (
            "import json\nfrom os import fspath\ndef thing(): pass\n",
            "thin",
            "did you mean 'thing'.*: thing$",
        ),
        ("thing = 3\n", "thing", "thing m.py:thing must be a class or a function, not 3"),
        ("x = 1\ny = 1 / 0\n", "x", "m.py:2 does not run: ZeroDivisionError: division by zero"),
        ("def f(:\n", "x", "m.py:1 does not run: SyntaxError"),
        ("raise SystemExit('no')\n", "x", "m.py:1 does not run: SystemExit: no"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, source: str, name: str, says: str) -> None:
    (tmp_path / "m.py").write_text(source)
    with pytest.raises(WordError, match=says) as caught:
        THING.load(f"{tmp_path / 'm.py'}:{name}")
    assert "\n" not in str(caught.value)
    with pytest.raises(WordError, match=r"no file .*nothing\.py"):
        THING.load(f"{tmp_path / 'nothing.py'}:{name}")


def test_an_installed_package_is_found_by_its_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_package_of_mixers.py").write_text("def make():\n    return 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint("fives", "a_package_of_mixers:make", MIXERS.group),
        EntryPoint("gone", "a_package_of_mixers:lost", MIXERS.group),
        EntryPoint("absent", "no_such_package_at_all:make", MIXERS.group),
    ]
    monkeypatch.setattr(plugged, "entry_points", lambda group: [e for e in entries if e.group == group])
    plugged._entries.cache_clear()
    try:
        assert MIXERS.takes("fives")
        assert MIXERS.load("fives")() == 5
        assert len(MIXERS.identity("fives")) == 16
        with pytest.raises(WordError, match="'gone' of a_package_of_mixers:lost cannot be loaded: Attr"):
            MIXERS.load("gone")
        with pytest.raises(WordError, match="did you mean 'fives'"):
            MIXERS.load("five")
        assert MIXERS.identity("absent")  # of its name alone; loading it says what is wrong
    finally:
        plugged._entries.cache_clear()


def test_a_name_is_whole_for_other_processes_and_short_for_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.py").touch()
    monkeypatch.chdir(tmp_path)
    assert whole("m.py:Foo:heads=2") == f"{tmp_path / 'm.py'}:Foo:heads=2"
    assert whole("other.py:Foo") == "other.py:Foo"
    assert whole("zigzag-8") == "zigzag-8"
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "m.py").touch()
    assert whole("m.py:Foo", tmp_path / "folder" / "study.py") == f"{tmp_path / 'folder' / 'm.py'}:Foo"
    assert short(f"{tmp_path / 'm.py'}:Foo") == "m.py:Foo"
    assert short("fives") == "fives"
