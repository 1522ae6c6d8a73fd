"""The reference is made from the docstrings, with all that the packages offer."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_public_name_has_its_place(tmp_path: Path) -> None:
    """Names that load on demand were left out by pdoc."""
    pytest.importorskip("pdoc")
    words = [sys.executable, "-m", "zigma.reference", str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "does not resolve" not in done.stderr
    assert (tmp_path / "index.html").is_file()
    for package in (
        "zigma.scans",
        "zigma.ops",
        "zigma.models",
        "zigma.optimum",
        "zigma.metrics",
        "zigma.training",
    ):
        page = (tmp_path / f"{package.replace('.', '/')}.html").read_text(encoding="utf-8")
        for name in importlib.import_module(package).__all__:
            assert f'id="{name}"' in page, f"{package}.{name}"
