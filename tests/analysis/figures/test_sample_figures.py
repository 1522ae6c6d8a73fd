"""Figures 12 and 15 to 17: grids that runs saved, never chosen, never from elsewhere."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from analysis.figures.of_study import beginning
from analysis.figures.picture import Picture
from analysis.figures.samples import figure_12, saved_grids
from analysis.records import load
from analysis.records.artifacts import cell_size, read_grid, sample_file
from analysis.style import style
from studies.run.record import Record
from zigma.common.words import WordError
from zigma.data.pictures import grid


def naming(samples: str | None) -> Record:
    return Record(Path("r.json"), {"artifacts": {"samples": samples}} if samples else {})


def test_what_lies_elsewhere_is_never_read(tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    for name in ("outside.png", "results/weights.pt"):
        (tmp_path / name).write_bytes(b"secret")
    (results / "link.png").symlink_to(tmp_path / "outside.png")
    for samples in ("../outside.png", str(tmp_path / "outside.png"), "link.png", "weights.pt"):
        assert sample_file(results, naming(samples)) is None


def test_no_samples_is_no_error(tmp_path: Path) -> None:
    assert sample_file(tmp_path, naming(None)) is None
    assert sample_file(tmp_path, naming("samples/gone.png")) is None


def test_pixels_come_back_as_saved(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 7, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grid.png")
    assert (read_grid(tmp_path / "grid.png") == pixels).all()


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "grid.png").write_bytes(b"\x89PNG no more")
    with pytest.raises(WordError, match=r"grid\.png is no image"):
        read_grid(tmp_path / "grid.png")


def test_a_picture_of_absurd_size_is_named(tmp_path: Path) -> None:
    Image.new("1", (60_000, 2)).save(tmp_path / "wide.png")
    with pytest.raises(WordError, match=r"wide\.png has 60000x2 pixels"):
        read_grid(tmp_path / "wide.png")


def test_what_is_no_picture_is_left_out_and_named_below_the_others(recorded: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(recorded, results)
    whole = figure_12(load(results), results)
    assert isinstance(whole, Picture)
    bad = next(grid.path for grid in saved_grids(load(results), results, ("FacesHQ 1024",)))
    bad.write_bytes(b"%!PS no picture")
    rest = figure_12(load(results), results)
    assert isinstance(rest, Picture)
    assert len(rest.records) == len(whole.records) - 1
    assert any(bad.name in note for note in rest.notes)


def test_captions_stand_below_the_samples_and_on_the_page(recorded: Path) -> None:
    drawing = figure_12(load(recorded), recorded)
    assert isinstance(drawing, Picture)
    with style():
        figure = Figure(figsize=drawing.size, layout="constrained")
        drawing.draw(figure)
        figure.draw_without_rendering()
    for ax in figure.axes:
        words = ax.xaxis.label.get_window_extent()
        assert words.y1 <= ax.get_window_extent().y0
        assert words.y0 >= 0


def test_the_lowest_seed_is_taken_whoever_ran_it(recorded: Path) -> None:
    grids = saved_grids(load(recorded), recorded, ("FacesHQ 1024", "Landscape-HQ"))
    assert [grid.arm for grid in grids] == ["FacesHQ 1024", "Landscape-HQ"]
    assert [grid.record["seed"] for grid in grids] == [0, 0]
    for saved in grids:
        assert json.loads(saved.record.path.read_text())["identity"] in saved.path.name


@pytest.mark.parametrize(
    ("height", "width", "count"), [(32, 32, 64), (32, 128, 16), (256, 256, 4), (8, 8, 1), (32, 32, 7)]
)
def test_whole_images_are_shown_whatever_their_shape(height: int, width: int, count: int) -> None:
    """Fields of rows of 8 cells are four times as wide as high, and were cut in half."""
    sheet = grid(torch.zeros(count, 1, height, width, dtype=torch.uint8)).permute(1, 2, 0).numpy()
    assert cell_size(sheet) == (height, width)
    shown = beginning(sheet)
    assert (shown.shape[0] + 2) % (height + 2) == (shown.shape[1] + 2) % (width + 2) == 0
