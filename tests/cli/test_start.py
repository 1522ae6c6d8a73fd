"""What is said of a submission."""

from pathlib import Path

import pytest

from studies.__main__ import main
from studies.cli.start import without_gpu
from studies.declare.registry import find_study
from studies.declare.study import runs
from studies.launch.cluster import Resources
from studies.run.queue import QueuedRun


def test_runs_sized_for_a_gpu_that_ask_for_none_are_told_of() -> None:
    study = find_study("scan_ablation")
    small, tiny = ([QueuedRun(run) for run in runs(study, scale)] for scale in ("small", "tiny"))
    assert without_gpu(small, Resources()) == "no GPU is asked for at scale small: --gpus 1 asks for one"
    assert without_gpu(tiny, Resources()) is None
    assert without_gpu(small, Resources(gpus=1)) is None
    assert without_gpu(small, Resources(extra={"gres": "gpu:1"})) is None
    assert without_gpu(small, Resources(extra={"gpus-per-task": 1})) is None


def test_a_dry_run_gives_the_advice_of_a_submission(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "scan_ablation", "--dry-run", "--cluster", "slurm", "--results", str(tmp_path), "--time"]
    assert main([*words, "1", "--gpus", "2", "--slurm", "mem=8G"]) == 0
    out, err = capsys.readouterr()
    assert "to Slurm: an array of 4 jobs, gpus=2, nodes=1, minutes=1, mem=8G\n" in out
    assert err.startswith("--time 1: each job ends after 1 min")
    assert main([*words, "60"]) == 0
    assert capsys.readouterr().err == ""
