"""`--help` of every command starts without what only its work needs."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ASK = """
import sys
from {package}.__main__ import COMMANDS, main
for word in COMMANDS:
    try:
        main([word, "--help"])
    except SystemExit as left:
        assert left.code == 0, word
print("loaded:", *sorted({{"torch", "matplotlib", "pandas", "scipy", "statsmodels"}} & set(sys.modules)))
"""


@pytest.mark.parametrize("package", ["studies", "analysis"])
def test_help_loads_no_heavy_library(package, tmp_path):
    asked = subprocess.run(
        [sys.executable, "-c", ASK.format(package=package)], cwd=tmp_path, capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    assert asked.stdout.splitlines()[-1] == "loaded:"


def modules_to_run():
    """Every module that does something under `python -m`, those that only this project itself starts among them."""
    files = (path for package in ("zigma", "studies", "analysis") for path in (ROOT / package).rglob("*.py"))
    run = (path for path in files if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8"))
    return sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in run)


@pytest.mark.parametrize("module", modules_to_run())
def test_every_module_that_can_be_run_says_what_it_does(module):
    asked = subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True)
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("usage: ")


@pytest.mark.parametrize("module", ["studies.launch.dispatch", "zigma.scans.again"])
@pytest.mark.parametrize("words", [[], ["a", "b", "c"]])
def test_wrong_words_are_one_line(module, words):
    asked = subprocess.run([sys.executable, "-m", module, *words], cwd=ROOT, capture_output=True, text=True)
    assert asked.returncode == 2
    assert len(asked.stderr.splitlines()) == 1
