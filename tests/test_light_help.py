"""`--help` of every command starts without what only its work needs."""

import subprocess
import sys

import pytest

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
