"""The cache of compiled kernels: an aid, never an authority."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numba
import pytest

KERNEL = """
from zigma.ops.cpu.compile import kernel

@kernel
def twice(x):
    return 2 * x
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "kernels.py").write_text(KERNEL)
    assert load(tmp_path).twice(21) == 42
    return tmp_path


def load(folder: Path) -> ModuleType:
    """The module as another process would have it."""
    spec = importlib.util.spec_from_file_location("kernels_of_a_test", folder / "kernels.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def files(folder: Path, suffix: str) -> list[Path]:
    paths = list((folder / "cache").rglob(f"*.{suffix}"))
    assert paths
    return paths


def is_compiled_anew(folder: Path) -> bool:
    module = load(folder)
    assert module.twice(21) == 42
    return bool(module.twice.stats.cache_misses)


def test_what_is_whole_is_used(folder: Path) -> None:
    assert not is_compiled_anew(folder)


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["empty", "half", "last byte", "a bit", "words"])
def test_what_is_damaged_is_compiled_again_and_mended(folder: Path, suffix: str, damage: str) -> None:
    for path in files(folder, suffix):
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(
            {
                "empty": b"",
                "half": data[:middle],
                "last byte": data[:-1],
                "a bit": data[:middle] + bytes([data[middle] ^ 64]) + data[middle + 1 :],
                "words": b"no pickle",
            }[damage]
        )
    anew = is_compiled_anew(folder)
    assert anew or (suffix, damage) == ("nbi", "a bit")  # the index has no digest: a bit may mean nothing
    assert not is_compiled_anew(folder)


def test_a_full_disk_keeps_nothing_and_fails_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load(folder)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.twice._cache._cache_file, "save", full)
    assert module.twice(2.5) == 5.0
