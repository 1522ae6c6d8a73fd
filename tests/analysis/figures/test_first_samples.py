"""Each arm's first samples below real images, at the largest scale that has records."""

from pathlib import Path

import numpy as np
import pytest
import torch
from fake_records import drawn_metrics, record_of, write
from matplotlib.figure import Figure
from PIL import Image

from analysis.figures.first_samples import figure_samples
from analysis.figures.picture import Missing, Picture
from analysis.records import load
from studies.declare.registry import find_study
from studies.declare.study import Run, runs
from zigma.common.plugged import LeftOut
from zigma.data.pictures import grid

SIDE = 270  # of a grid of 8x8 images


def record(results: Path, run: Run, shade: int) -> Path:
    """A run's record and its picture of 8x8 images, whose first two rows are of one shade."""
    name = f"samples/{run.identity}.png"
    shades = torch.tensor([shade] * 16 + [9] * 48, dtype=torch.uint8)
    pixels = grid(shades[:, None, None, None].expand(-1, 1, 32, 32)).permute(1, 2, 0).numpy()
    (results / "samples").mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(results / name)
    write(results, run, record_of(run, drawn_metrics(run, 1.0 + shade), artifacts={"samples": name}))
    return results / name


def test_two_rows_of_the_lowest_seed_are_shown_as_they_are(tmp_path: Path) -> None:
    study = find_study("scan_ablation")
    for run in runs(study, "desk", range(2), settings=["digits-8"]):
        record(tmp_path, run, 100 + run.config.seed)
    for run in runs(study, "tiny", settings=["digits-8"]):
        record(tmp_path, run, 50)
    drawing = figure_samples(load(tmp_path), tmp_path)
    assert isinstance(drawing, Picture)
    assert "at desk, digits-8" in drawing.alt
    assert [r["seed"] for r in drawing.records] == [0] * len(study.arms)
    figure = Figure(figsize=drawing.size)
    drawing.draw(figure)
    assert [ax.get_ylabel() for ax in figure.axes] == [arm.name for arm in study.arms]
    for ax in figure.axes:
        pixels = np.asarray(ax.images[0].get_array())
        assert pixels.shape == (66, SIDE, 3)
        assert set(np.unique(pixels)) == {100, 255}


@pytest.mark.parametrize("contents", [b"", b"\x89PNG no more"])
def test_what_is_no_picture_gives_way_to_the_next_seed(tmp_path: Path, contents: bytes) -> None:
    both = [
        r
        for r in runs(find_study("scan_ablation"), "desk", range(2), settings=["digits-8"])
        if r.arm == "sweep"
    ]
    files = [record(tmp_path, run, 100 + run.config.seed) for run in both]
    files[0].write_bytes(contents)
    with pytest.warns(LeftOut, match=files[0].name):
        drawing = figure_samples(load(tmp_path), tmp_path)
    assert isinstance(drawing, Picture)
    assert [r["seed"] for r in drawing.records] == [1]
    files[1].unlink()
    assert isinstance(figure_samples(load(tmp_path), tmp_path), Missing)
