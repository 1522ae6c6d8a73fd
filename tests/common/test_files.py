from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from zigma.common.files import (
    check_writable,
    is_partial,
    read_json,
    replace_json,
    replace_text,
    replacing,
    save_tensors,
)


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    replace_text(path, "a,b\n")

    def fail() -> None:
        with replacing(path) as beside:
            beside.write_text("half")
            assert beside.suffix == ".csv"
            assert is_partial(beside)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "a,b\n"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf8_with_its_own_line_ends(tmp_path: Path) -> None:
    replace_text(tmp_path / "a", "é ↓\r\n")
    assert (tmp_path / "a").read_bytes() == "é ↓\r\n".encode()


@pytest.mark.parametrize("name", ["a.json", "a.b.tmp", ".hidden.json"])
def test_finished_files_are_not_partial(name: str) -> None:
    assert not is_partial(Path(name))


@pytest.mark.parametrize("contents", [b"[1]", b"{", b"\xff", b"[" * 100_000])
def test_what_is_no_object_reads_as_empty(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(contents)
    assert read_json(path) == {}
    replace_json(path, {"a": 1})
    assert read_json(path) == {"a": 1}


def test_tensors_of_a_killed_writer_are_known_as_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    save_tensors(path, {"a": torch.ones(2)})
    assert load_file(path)["a"].tolist() == [1, 1]
    assert path.stat().st_mode & 0o777 == 0o644
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)  # as a killed process, which tidies nothing
    monkeypatch.setattr(Path, "chmod", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save_tensors(path, {"a": torch.zeros(2)})
    assert [is_partial(each) for each in sorted(tmp_path.iterdir())] == [True, False]
    assert load_file(path)["a"].tolist() == [1, 1]


def test_a_folder_that_takes_nothing_is_found_out_at_once(tmp_path: Path) -> None:
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []
    with pytest.raises(OSError):
        check_writable(Path("/proc/results"))
