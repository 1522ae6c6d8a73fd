"""The hash of a large file of weights is remembered, and never for another file."""

import hashlib
import os
from pathlib import Path

import pytest

from zigma.metrics import identity


@pytest.fixture(autouse=True)
def _small_is_large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(identity, "LARGE_BYTES", 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_file_is_hashed_once_until_it_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hashed = []

    def sha256(path: Path) -> str:
        hashed.append(path)
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()

    monkeypatch.setattr(identity, "sha256_of", sha256)
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    first = identity._remembered_sha256(file)
    assert identity._remembered_sha256(file) == first == hashlib.sha256(b"one").hexdigest()
    assert len(hashed) == 1
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert identity._remembered_sha256(file) == hashlib.sha256(b"two").hexdigest()
    other = tmp_path / "other"
    other.write_bytes(b"new")
    assert identity._remembered_sha256(other) == hashlib.sha256(b"new").hexdigest()
    assert len(hashed) == 3


@pytest.mark.parametrize("damage", ["{", "[]", "{}"])
def test_a_damaged_memory_costs_time_alone(tmp_path: Path, damage: str) -> None:
    file, memory = tmp_path / "weights", tmp_path / "cache" / "zigma" / "sha256.json"
    file.write_bytes(b"one")
    memory.parent.mkdir(parents=True)
    memory.write_text(damage)
    assert identity._remembered_sha256(file) == hashlib.sha256(b"one").hexdigest()


def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"one")
    (tmp_path / "cache").write_text("a file where the folder would be")
    assert identity._remembered_sha256(file) == hashlib.sha256(b"one").hexdigest()
