"""The built wheel, installed apart from any checkout, holds all that commands read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing but what the wheel brings."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "wheel", "-q", "--no-deps", "-w", str(folder), str(ROOT)], capture_output=True, text=True
    )
    if done.returncode and "hatchling" in done.stderr and "No matching distribution" in done.stderr:
        pytest.skip("pip cannot reach hatchling, with which wheels are built")
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    site = folder / "site"
    subprocess.run([*pip, "install", "-q", "--no-deps", "--target", str(site), str(wheel)], check=True)
    return site


def command(words: str, site: Path, here: Path) -> str:
    """What `python -m WORDS` prints in a folder of nobody's."""
    done = subprocess.run(
        [sys.executable, "-m", *words.split()],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(site), "COLUMNS": "160"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{words}: {done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def test_looking_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """Here `claims` died for `values.csv`, and `make-tables` wrote 63 tables without a number of ours."""
    show = "import analysis, studies, zigma; print(*(m.__file__ for m in (analysis, studies, zigma)))"
    env = {**os.environ, "PYTHONPATH": str(installed)}
    paths = subprocess.run(
        [sys.executable, "-c", show], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
    ).stdout.split()
    assert all(Path(path).is_relative_to(installed) for path in paths)
    assert "ratio" in command("analysis claims zigzag-beats-sweep", installed, tmp_path)
    # R3 needs the code
    assert "11 of 12 findings reproduced" in command("analysis findings", installed, tmp_path)
    assert "±" in command("analysis make-tables scan_ablation", installed, tmp_path)
    assert "±" in (tmp_path / "results" / "view" / "tables" / "table_1.md").read_text(encoding="utf-8")
    command("analysis make-figures --only figure_12", installed, tmp_path)  # of samples that ship
    assert (tmp_path / "results" / "view" / "figures" / "figure_12.png").is_file()
    command("analysis compare-scans sweep zigzag --grid 8x8", installed, tmp_path)
    command("analysis report", installed, tmp_path)
    assert "Table 7" in command("studies list", installed, tmp_path)
    assert "4 of 4 runs to do" in command("studies run scan_ablation --dry-run", installed, tmp_path)
    command("studies new my_study", installed, tmp_path)
    to_run = command("studies try hilbert-4 --dry-run", installed, tmp_path)
    assert "hilbert-4 digits-8-short seed 0" in to_run
    assert "zigzag-8 digits-8" not in to_run  # it ships
    command("zigma.scans mair --grid 8x8", installed, tmp_path)


def test_its_types_are_for_others_to_use(installed: Path) -> None:
    assert all((installed / package / "py.typed").is_file() for package in ("zigma", "studies", "analysis"))
