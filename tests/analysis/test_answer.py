"""The last screen: a person's own run beside the paper's and the published ones, and what it means."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_records import drawn_metrics, fill, record_of, write
from PIL import Image
from test_levels import MEANS, level_file

from analysis.__main__ import main
from analysis.records import load
from analysis.tables.answer import answer
from analysis.tables.render import text
from analysis.tables.strip import HEAD, HEIGHT, draw_strip
from studies.declare.registry import find_study
from studies.declare.study import runs

STUDY = find_study("scan_ablation")
FLAT = {"loss": {"step": list(range(100, 1100, 100)), "value": [0.5] * 10}}


def record_own_and_published(results: Path, own: dict[str, float] = MEANS) -> None:
    """Seed 0 is hers, seeds 0 to 2 ship."""
    for run in runs(STUDY, "tiny", range(3), settings=["digits-8"]):
        value = own[run.arm] if run.config.seed == 0 else 100.0
        folder = "records" if run.config.seed == 0 else "published"
        record = record_of(
            run, drawn_metrics(run, value), curves=FLAT, finished=f"2026-01-0{run.config.seed + 1}"
        )
        if run.config.seed == 0:
            record["artifacts"] = {"samples": f"samples/{run.arm}.png"}
            (results / "samples").mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (300, 200), (0, 0, 200)).save(results / "samples" / f"{run.arm}.png")
            write(results, run, record_of(run, drawn_metrics(run, 40.0), curves=FLAT), folder="published")
        write(results, run, record, folder=folder)


def test_her_arms_stand_beside_the_paper_s_and_the_published_ones(tmp_path: Path) -> None:
    record_own_and_published(tmp_path)
    level_file(tmp_path, baseline=5.0, floor=1.0)
    own = answer(STUDY, load(tmp_path), tmp_path)
    assert own is not None
    (part,) = own.table.parts
    heads = [f"{column.group} {column.label}" for column in part.columns]
    row = dict(zip(heads, map(text, part.rows[3].cells), strict=True))
    assert row["paper 256 FID"] == "45.5"
    assert row["yours fd_digits"].startswith("4 ")
    assert row["yours progress by fd_digits"] == "0.25"
    assert row["published fd_digits"].startswith("80 ")  # of 40, 100 and 100
    assert own.means == (
        "6 of 6 pairs of arms in the paper's order by fd_digits; best by fd_digits: zigzag-8, 25% of the way "
        "from better to real images; one seed says little of a difference"
    )


def test_what_it_means_is_no_verdict_where_the_baselines_are_not_beaten(tmp_path: Path) -> None:
    record_own_and_published(tmp_path)
    level_file(tmp_path, baseline=3.0)
    own = answer(STUDY, load(tmp_path), tmp_path)
    assert own is not None
    assert own.means.startswith(
        "no verdict: by fd_digits the best arm, zigzag-8 (4), does not beat better (3)"
    )


def test_the_picture_shows_real_images_above_hers(tmp_path: Path) -> None:
    record_own_and_published(tmp_path)
    real = level_file(tmp_path, baseline=5.0).with_suffix(".png")
    Image.new("RGB", (300, 70), (200, 0, 0)).save(real)
    (tmp_path / "samples" / "sweep.png").write_text("no picture", encoding="utf-8")
    own = answer(STUDY, load(tmp_path), tmp_path)
    assert own is not None
    path = draw_strip(own.sheet, tmp_path, tmp_path / "view" / "strip.png")
    assert path is not None
    pixels = np.asarray(Image.open(path))
    assert pixels.shape[0] == 4 * (HEIGHT + HEAD + 4)  # the real ones, and three arms whose file is a picture
    assert tuple(pixels[HEAD + 5, 5]) == (200, 0, 0)
    assert tuple(pixels[2 * HEAD + HEIGHT + 9, 5]) == (0, 0, 200)


def test_the_command_ends_in_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record_own_and_published(tmp_path)
    level_file(tmp_path, baseline=5.0)
    assert main(["make-tables", "--results", str(tmp_path)]) == 0
    *lines, picture = capsys.readouterr().out.strip().splitlines()
    assert "one seed says little" in " ".join(lines[-2:])  # a sentence longer than a line is wrapped
    assert (
        picture == f"Open {tmp_path}/view/scan_ablation.digits-8.samples.png: your samples below real images"
    )


def test_runs_of_another_budget_end_in_the_table_that_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run in runs(STUDY, "tiny", changes={"training.steps": 7}, settings=["digits-8"]):
        write(tmp_path, run, record_of(run, drawn_metrics(run, 5.0)))
    assert main(["make-tables", "--results", str(tmp_path)]) == 0
    assert "training.steps was 7" in capsys.readouterr().out
    assert main(["make-tables", "--results", str(tmp_path), "--set", "training.steps=7"]) == 0
    assert "What it means" in capsys.readouterr().out


def test_without_runs_of_hers_there_is_no_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path, seeds=1)
    (tmp_path / "records").rename(tmp_path / "published")
    assert answer(STUDY, load(tmp_path), tmp_path) is None
    assert main(["make-tables", "--results", str(tmp_path)]) == 0
    assert "What it means" not in capsys.readouterr().out


def test_tables_and_pictures_of_samples_load_nothing_to_plot_with(tmp_path: Path) -> None:
    record_own_and_published(tmp_path)
    words = ["make-tables", "--results", str(tmp_path)]
    code = f"import sys; from analysis.__main__ import main; main({words}); sys.exit('matplotlib' in sys.modules)"
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    assert "samples.png: your samples below real images" in made.stdout
