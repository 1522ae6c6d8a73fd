"""Where a number was made: a copy inside another repository never names that repository's commit."""

import shutil
import subprocess
from pathlib import Path

import torch

from zigma.profiling.environment import ROOT, code_hash, commit, environment


def test_a_copy_inside_another_repository_names_no_commit(tmp_path: Path) -> None:
    inside = tmp_path / "vendored"
    (inside / "zigma" / "profiling").mkdir(parents=True)
    shutil.copy(ROOT / "zigma" / "profiling" / "environment.py", inside / "zigma" / "profiling")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "theirs"], check=True)
    assert commit(inside) == {"commit": None, "dirty": None}


def test_code_is_told_apart_by_its_text(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    before = code_hash(tmp_path)
    code_hash.cache_clear()
    (tmp_path / "a.py").write_text("x = 2\n")
    assert code_hash(tmp_path) != before


def test_records_and_benchmarks_say_the_same_of_a_machine() -> None:
    here = environment(torch.device("cpu"))
    assert here["torch"] == torch.__version__
    assert here["device_kind"] == "cpu"
    assert {
        "commit",
        "dirty",
        "code",
        "device",
        "threads",
        "cores",
        "scan_backend",
        "platform",
    } <= here.keys()
