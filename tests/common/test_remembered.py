"""The hash of a large file is remembered, and never for another file."""

import hashlib
import os
from pathlib import Path

import pytest

from zigma.common import remembered
from zigma.common.remembered import remembered_sha256


def of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(autouse=True)
def hashed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """The files that were really read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(remembered, "_SETTLED_S", -1)
    read: list[Path] = []

    def sha256(path: Path) -> str:
        read.append(path)
        return of(path.read_bytes())

    monkeypatch.setattr(remembered, "sha256_of", sha256)
    return read


def test_files_are_hashed_once_until_they_change(tmp_path: Path, hashed: list[Path]) -> None:
    files = [tmp_path / name for name in "abc"]
    for file in files:
        file.write_bytes(file.name.encode())
    expected = [of(b"a"), of(b"b"), of(b"c")]
    assert remembered_sha256(files, 1) == expected == remembered_sha256(files, 1)
    assert hashed == files
    files[1].write_bytes(b"B")
    assert remembered_sha256(files, 1) == [of(b"a"), of(b"B"), of(b"c")]
    assert hashed == [*files, files[1]]


def test_a_change_that_hides_its_time_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one")
    before = file.stat()
    assert remembered_sha256([file], 1) == [of(b"one")]
    with file.open("r+b") as stream:
        stream.write(b"two")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert remembered_sha256([file], 1) == [of(b"two")]


def test_what_changed_a_moment_ago_is_not_remembered(
    tmp_path: Path, hashed: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "_SETTLED_S", 2.0)
    file = tmp_path / "a"
    file.write_bytes(b"one")
    assert remembered_sha256([file], 1) == remembered_sha256([file], 1)
    assert len(hashed) == 2


def test_small_files_are_not_remembered(tmp_path: Path, hashed: list[Path]) -> None:
    file = tmp_path / "a"
    file.write_bytes(b"one")
    assert remembered_sha256([file], 4) == remembered_sha256([file], 4)
    assert len(hashed) == 2


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"KEY": 7}', '{"KEY": {"stamp": 7, "sha256": "0"}}'])
def test_a_damaged_memory_costs_time_alone(tmp_path: Path, damage: str) -> None:
    file, memory = tmp_path / "weights", tmp_path / "cache" / "zigma" / "sha256.json"
    file.write_bytes(b"one")
    memory.parent.mkdir(parents=True)
    memory.write_text(damage.replace("KEY", str(file.resolve())))
    assert remembered_sha256([file], 1) == [of(b"one")]


def test_a_cache_that_cannot_be_written_costs_time_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert remembered_sha256([file], 1) == [of(b"one")]

    def homeless(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "expanduser", homeless)
    assert remembered_sha256([file], 1) == [of(b"one")]
