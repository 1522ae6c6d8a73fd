"""What a run refuses, and what makes a failed record."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_runs import CONFIG, ON_THE_WAY, a_run, failed

from studies.run.carry_out import work_folder


def test_samples_that_are_not_finite_make_a_failed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zigma.interpolant.samplers import SAMPLERS

    monkeypatch.setitem(
        SAMPLERS, "euler", lambda flow, x, generator: x.index_fill(0, torch.tensor([3]), torch.nan)
    )
    assert failed(CONFIG, tmp_path) == ("FloatingPointError: 1 of 125 samples of euler are not finite")
    assert not (tmp_path / "samples").exists()
    assert not (tmp_path / "features").exists()


def test_a_metric_that_fails_on_the_way_makes_a_failed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zigma.experiment.evaluator

    def broken(*args: Any, **options: Any) -> Any:
        raise ValueError("no distance")

    monkeypatch.setattr(zigma.experiment.evaluator, "evaluate_features", broken)
    assert failed(ON_THE_WAY, tmp_path) == "ValueError: no distance"


def test_too_few_real_images_are_refused_before_any_training(tmp_path: Path) -> None:
    config = CONFIG.replace(evaluation=CONFIG.evaluation.replace(n_real=501))
    assert "held-out part of digits has 500 images" in failed(config, tmp_path)
    assert not (work_folder(tmp_path, a_run(config)) / "checkpoint.pt").exists()


def test_missing_weights_are_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from studies.__main__ import main

    monkeypatch.setenv("ZIGMA_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    words = ["run", "scan_ablation", "--set", 'evaluation.extractors=["inception"]']
    with pytest.raises(SystemExit) as left:
        main([*words, "--results", str(tmp_path / "new")])
    assert left.value.code == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    for part in ("weights-inception-2015-12-05-6726825d.pth", "https://github.com/toshas", "$ZIGMA_WEIGHTS"):
        assert part in errors
    assert not (tmp_path / "new").exists()


def test_a_video_extractor_for_images_is_refused_before_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zigma.experiment.features
    from zigma.metrics import load_extractor

    i3d = replace(load_extractor("digits"), name="i3d", videos=True)
    monkeypatch.setattr(zigma.experiment.features, "load_extractor", lambda name: i3d)
    assert "i3d compares videos, and digits are images" in failed(CONFIG, tmp_path)


@pytest.mark.parametrize("fault", ["x @ x.new_zeros(3, 3)", "__import__('sys').exit(0)"])
def test_a_fault_of_a_persons_own_mixer_is_told_with_its_line(fault: str, tmp_path: Path) -> None:
    file = tmp_path / "late.py"
    file.write_text(
        "from zigma.models.mixers.base import Mixer\n\n"
        "class Late(Mixer):\n"
        "    def __init__(self, hidden, scan, *, depth=1, prefix=0):\n"
        "        super().__init__(scan, prefix)\n"
        "    def forward(self, x, arranged=False):\n"
        f"        return {fault}\n"
    )
    config = CONFIG.replace(model=CONFIG.model.replace(mixer=f"{file}:Late"))
    assert failed(config, tmp_path / "r").split(" at ")[1].startswith("late.py:7: ")
