"""Runs that are over, judged again by an extractor of a person's own file, from the weights that they left."""

import json
from pathlib import Path

import pytest

from studies.__main__ import main as studies_main
from zigma.experiment.judge_again import main
from zigma.metrics import Features, extractor_identity
from zigma.metrics.__main__ import main as metrics_main

EYES = """
import torch

class Means(torch.nn.Module):
    def forward(self, images):
        grey = images.float().mean(1)
        return torch.cat([grey.mean(1), grey.mean(2)], dim=1)
"""
MIXER = """
from zigma.models.mixers.base import Mixer

class Doubled(Mixer):
    def __init__(self, hidden, scan, *, depth=1, prefix=0):
        super().__init__(scan, prefix)

    def forward(self, x, arranged=False):
        return 2 * x
"""


CURVE = """
from zigma.scans import register_scan

@register_scan("my-curve")
def my_curve(height, width):
    return range(height * width - 1, -1, -1)
"""


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with one short run, whose mixer is of a file of its own, beside `eyes.py`."""
    (tmp_path / "eyes.py").write_text(EYES)
    (tmp_path / "mixers.py").write_text(MIXER)
    assert train(tmp_path, "--only", "sweep", "--set", f"model.mixer={tmp_path / 'mixers.py'}:Doubled") == 0
    return tmp_path / "r"


def train(folder: Path, *words: str) -> int:
    """A run of a step, into `folder / "r"`."""
    settings = {
        "training.steps": 1,
        "training.warmup_steps": 1,
        "sampling.steps": 1,
        "model.depth": 1,
        "model.hidden": 8,
        "evaluation.n_generated": 12,
        "evaluation.n_real": 12,
    }
    changes = [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    place = ["--results", str(folder / "r"), "--jobs", "1"]
    return studies_main(["run", "scan_ablation", "--scale", "tiny", *place, *changes, *words])


def judge(results: Path, *extractors: object) -> int:
    return main([str(results), "--extractors", *map(str, extractors)])


def test_features_by_ones_own_extractor_are_saved_and_drawn_anew_after_an_edit(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # the mixer's file is looked for here: records name no folders
    eyes = tmp_path / "eyes.py"
    text = f"{eyes}:Means"
    capsys.readouterr()
    assert judge(results, text) == 0
    (path,) = results.rglob("generated.eyes.Means.safetensors")
    first = Features.load(path)
    assert (first.values.shape, first.extractor) == ((12, 16), "eyes.Means")
    assert first.identity == extractor_identity(text)
    assert path.with_name("real.eyes.Means.safetensors").is_file()
    assert "drawing its samples again" in capsys.readouterr().err
    assert judge(results, text) == 0
    assert capsys.readouterr().err == ""  # nothing is drawn twice
    assert metrics_main(["recompute", str(results), "--extractors", "eyes.py:Means", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["name"] for row in rows] == ["fd_eyes.Means", "kid_eyes.Means"]
    eyes.write_text(EYES.replace("grey.mean(2)", "2 * grey.mean(2)"))
    assert judge(results, text) == 0
    second = Features.load(path)
    assert second.identity == extractor_identity(text) != first.identity
    assert (second.values[:, 8:] == 2 * first.values[:, 8:]).all()


def test_weights_of_a_mixer_that_was_edited_are_not_trusted(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mixers.py").write_text(MIXER.replace("2 * x", "3 * x"))
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        judge(results, f"{tmp_path / 'eyes.py'}:Means")
    assert left.value.code == 2
    assert "mixer mixers.py:Doubled is not what it was when these weights" in capsys.readouterr().err
    assert not list(results.rglob("generated.eyes.Means.safetensors"))


@pytest.mark.parametrize(
    ("extractor", "says"),
    [
        ("eyes.py:Mean", "unknown extractor of eyes.py 'Mean': did you mean 'Means'"),
        ("no.py:Means", "no file"),
        ("lite", "unknown extractor 'lite': did you mean 'lite0'"),
    ],
)
def test_a_wrong_extractor_is_one_line_before_anything_is_drawn(
    tmp_path: Path,
    extractor: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "eyes.py").write_text(EYES)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "r" / "weights").mkdir(parents=True)
    for program, words in ((metrics_main, ["recompute", "r"]), (main, ["r"])):
        with pytest.raises(SystemExit) as left:
            program([*words, "--extractors", extractor])
        assert left.value.code == 2
        error = capsys.readouterr().err
        assert says in error
        assert error.count("\n") == 1


@pytest.mark.parametrize("given", ["{folder}/curves.py:my-curve-8", "{folder}/curves.py:my-curve"])
def test_a_run_along_a_curve_of_a_file(tmp_path: Path, capfd: pytest.CaptureFixture[str], given: str) -> None:
    """The record holds the curve's name alone: its file is asked for, once, and nothing else is said."""
    (tmp_path / "eyes.py").write_text(EYES)
    (tmp_path / "curves.py").write_text(CURVE)
    scan, eyes = f"{tmp_path / 'curves.py'}:my-curve-8", f"{tmp_path / 'eyes.py'}:Means"
    assert train(tmp_path, "--only", "sweep", "--scan", scan) == 0
    for name in (tmp_path / "r" / "weights").rglob("sweep*.safetensors"):
        name.unlink()
    capfd.readouterr()
    words = ["recompute", str(tmp_path / "r"), "--extractors", eyes]
    assert metrics_main(words) == 2
    says = [line for line in capfd.readouterr().err.splitlines() if "drawing" not in line]
    assert len(says) == 1
    assert "my-curve-8 is not known here; name the file of your curve by --scan FILE.py:NAME" in says[0]
    assert metrics_main([*words, "--scan", given.format(folder=tmp_path)]) == 0
    assert "fd_eyes.Means" in capfd.readouterr().out
