"""A package that pip has installed, with an entry point of every kind: listed, run, and known by its source."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
CURVES = """
def column_by_column(height, width):
    return [(row, column) for column in range(width) for row in range(height)]
"""
# What the entry points lead to lies in another file of the package: an edit there must be seen, too.
PARTS = '''
import torch

from zigma.data.dataset import Dataset, MemorySplit
from zigma.models.mixers.base import Mixer

LARGEST = 0.5


class Diagonal(Mixer):
    """h[i, j] = a h[i - 1, j] + b h[i, j - 1] + x[i, j]: a recurrence over the grid, along no path."""

    order = None

    def __init__(self, hidden, scan, *, depth=1, prefix=0):
        super().__init__(scan, prefix)
        self.decays = torch.nn.Parameter(torch.rand(2, hidden) * LARGEST)

    def forward(self, x, arranged=False):
        height, width = self.grid
        cells = x.unflatten(1, (height, width))
        above, rows = torch.zeros_like(cells[:, 0]), []
        for i in range(height):
            states = []
            for j in range(width):
                left = states[-1] if states else 0
                states.append(self.decays[0] * above[:, j] + self.decays[1] * left + cells[:, i, j])
            above = torch.stack(states, dim=1)
            rows.append(above)
        return torch.stack(rows, dim=1).flatten(1, 2)


class Means(torch.nn.Module):
    def forward(self, images):
        return images.float().mean(1).flatten(1)[:, :5]


def ramps(config):
    def part(count):
        values = torch.linspace(-1, 1, count)[:, None, None, None]
        return MemorySplit(values.expand(count, 1, *config.sides).contiguous())
    return Dataset(part(40), part(20), classes=None, channels=1, fingerprint="")
'''
OFFERS = "from parts_of_nobody.inner.parts import Diagonal, Means, ramps\n"
STUDY = """
from studies.declare.own import own_study
from studies.declare.scales import TINY, vary

STUDY = own_study(
    "Does what is plugged in work?",
    {"plugged": {"model.scan": "column-by-column-2", "model.mixer": "diagonal"}, "path": {"model.scan": "sweep-1"}},
    {"ramps": vary(
        TINY,
        model={"hidden": 8, "depth": 2, "grid": (5, 7)},
        data={"name": "ramps", "size": 5, "width": 7},
        training={"steps": 2, "warmup_steps": 1},
        sampling={"steps": 1},
        evaluation={"extractors": ("means",), "n_generated": 6, "n_real": 6},
    )},
)
"""
BROKEN = "import no_such_module_at_all\n"
ENTRIES = """
[zigma.scans]
column-by-column = parts_of_nobody.curves:column_by_column
broken-scan = parts_of_nobody.broken:curve
[zigma.mixers]
diagonal = parts_of_nobody.offers:Diagonal
mamba = parts_of_nobody.offers:Diagonal
broken-mixer = parts_of_nobody.broken:Mixer
[zigma.extractors]
means = parts_of_nobody.offers:Means
[zigma.data]
ramps = parts_of_nobody.offers:ramps
[zigma.studies]
of_nobody = parts_of_nobody.study:STUDY
broken_study = parts_of_nobody.broken:STUDY
"""
FILES = {
    "parts_of_nobody/__init__.py": "",
    "parts_of_nobody/curves.py": CURVES,
    "parts_of_nobody/offers.py": OFFERS,
    "parts_of_nobody/inner/__init__.py": "",
    "parts_of_nobody/inner/parts.py": PARTS,
    "parts_of_nobody/study.py": STUDY,
    "parts_of_nobody/broken.py": BROKEN,
}
WHOSE = "parts-of-nobody 1.2 (parts_of_nobody.{})"
Command = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder into which pip has installed a wheel."""
    wheel, info = tmp_path / "parts_of_nobody-1.2-py3-none-any.whl", "parts_of_nobody-1.2.dist-info"
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: parts-of-nobody\nVersion: 1.2\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: by hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "entry_points.txt": ENTRIES,
        "RECORD": "".join(f"{name},,\n" for name in FILES),
    }
    with ZipFile(wheel, "w") as archive:
        for name, text in {**FILES, **{f"{info}/{file}": text for file, text in about.items()}}.items():
            archive.writestr(name, text)
    folder = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "-q", "--no-index"]
    subprocess.run([*pip, "--no-deps", "--target", str(folder), str(wheel)], check=True)
    return folder


@pytest.fixture
def command(site: Path, tmp_path: Path) -> Command:
    """`python -m WORDS` in an empty folder, with that package installed."""
    here = tmp_path / "here"
    here.mkdir()

    def run(words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{site}", "COLUMNS": "200"}
        words_ = [sys.executable, "-m", *words.split()]
        return subprocess.run(words_, cwd=here, env=environment, capture_output=True, text=True)

    return run


def test_everything_is_listed_and_what_is_broken_is_a_line_with_its_package(command: Command) -> None:
    listed = command("studies list")
    assert any(line.split()[:1] == ["of_nobody"] for line in listed.stdout.splitlines())
    lines = listed.stderr.splitlines()
    broken = [line for line in lines if "broken_study" in line]
    assert broken == [
        f"study 'broken_study' of {WHOSE.format('broken:STUDY')} cannot be loaded: ModuleNotFoundError: "
        "No module named 'no_such_module_at_all'; it is left out"
    ]
    assert all("; it is left out" in line for line in lines)
    forms = command("zigma.scans")
    assert "column-by-column" in forms.stdout.rpartition("Curves:")[2]
    assert forms.stderr == (
        f"scan 'broken-scan' of {WHOSE.format('broken:curve')} cannot be loaded: ModuleNotFoundError: "
        "No module named 'no_such_module_at_all'; it is left out\n"
    )
    plugged_in = command("studies doctor --no-speed").stdout.partition("plug in (entry points)")[2]
    for title, target in {
        "scan column-by-column": "curves:column_by_column",
        "mixer diagonal": "offers:Diagonal",
        "extractor means": "offers:Means",
        "data set ramps": "offers:ramps",
        "study of_nobody": "study:STUDY",
    }.items():
        assert f"  ok  {title} " in plugged_in
        assert WHOSE.format(target) in plugged_in
    assert "--  mixer mamba " in plugged_in
    assert "never used: this package has a mixer of that name" in plugged_in
    assert "--  mixer broken-mixer " in plugged_in


def test_a_broken_mixer_is_refused_in_one_line_and_ours_keep_their_names(command: Command) -> None:
    """A package whose mixer is called `mamba` must not take the place of Mamba."""
    refused = command("studies run of_nobody --only path --dry-run --set model.mixer=broken-mixer")
    assert refused.returncode == 2
    last = refused.stderr.splitlines()[-1]
    assert f"mixer 'broken-mixer' of {WHOSE.format('broken:Mixer')} cannot be loaded: ModuleNotFound" in last
    shown = command("studies run of_nobody --only path --dry-run --set model.mixer=mamba")
    assert shown.returncode == 0, shown.stderr


@pytest.mark.slow
def test_it_runs_and_an_edit_of_any_part_makes_its_records_stale(
    command: Command, site: Path, tmp_path: Path
) -> None:
    done = command("studies run of_nobody --jobs 1")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    records = {
        record["arm"]: record
        for record in map(json.loads, map(Path.read_text, (tmp_path / "here").rglob("records/**/*.json")))
    }
    assert set(records) == {"plugged", "path"}
    assert {record["status"] for record in records.values()} == {"done"}
    assert {row["name"] for row in records["plugged"]["metrics"]} >= {"fd_means", "kid_means"}
    assert str(tmp_path) not in json.dumps(records["plugged"]["config"])
    table = command("analysis make-tables of_nobody")
    assert table.returncode == 0, table.stderr
    assert "plugged" in table.stdout
    recorded = "0 of 2 runs to do"
    again = command("studies run of_nobody --dry-run").stdout
    assert recorded in again, again
    for file, before, after in (
        ("inner/parts.py", "linspace(-1, 1", "linspace(-1, 0.5"),
        ("curves.py", "range(height)]", "reversed(range(height))]"),
    ):
        path = site / "parts_of_nobody" / file
        text = path.read_text()
        path.write_text(text.replace(before, after))
        assert path.read_text() != text
        edited = command("studies run of_nobody --dry-run").stdout
        assert recorded not in edited, (file, edited)
        path.write_text(text)
    assert recorded in command("studies run of_nobody --dry-run").stdout
