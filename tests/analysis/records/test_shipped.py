"""What ships is shown where no results folder is named, and nowhere else."""

from pathlib import Path

import pytest

from analysis.options import results_there
from analysis.records import load
from studies.declare.shipped import RESULTS, published_folder, shipped


def test_an_empty_folder_shows_what_ships(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert results_there(str(RESULTS)) == RESULTS
    assert published_folder(RESULTS) == shipped() / "published"
    assert len(load(RESULTS, "published")) > 600
    assert load(RESULTS, "own") == []
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_named_shows_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path, "all") == []
    assert published_folder(tmp_path / "results") == tmp_path / "results" / "published"
    Path("results/published").mkdir(parents=True)
    assert published_folder(RESULTS) == RESULTS / "published"
    assert load(RESULTS, "all") == []
