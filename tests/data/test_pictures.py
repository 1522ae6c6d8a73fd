"""Grids and videos: every sample is there, in its order, pixel for pixel where the format is lossless."""

import numpy as np
import pytest
import torch
from PIL import Image

from zigma.data import save_grid, save_video
from zigma.data.pictures import grid


def samples(*shape, seed=0):
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_a_saved_grid_shows_the_samples_row_by_row(tmp_path):
    images = samples(5, 3, 6, 4)
    path = save_grid(images, tmp_path / "new" / "grid.png", columns=3, note="seed 0")
    picture = Image.open(path)
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
    assert pixels.shape == (3, 2 * 6 + 2, 3 * 4 + 2 * 2)
    for i in range(5):
        y, x = (i // 3) * 8, (i % 3) * 6
        assert torch.equal(pixels[:, y : y + 6, x : x + 4], images[i])
    assert "seed 0" in picture.text["Description"]


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (4, 2), (5, 3), (16, 4)])
def test_a_grid_is_as_square_as_can_be(count, columns):
    assert grid(samples(count, 1, 4, 4)).shape[-1] == columns * 6 - 2


def test_one_channel_becomes_grey():
    image = samples(1, 1, 4, 4)
    assert torch.equal(grid(image), image[0].expand(3, 4, 4))


def test_a_gif_holds_every_frame_in_order(tmp_path):
    levels = torch.arange(0, 250, 50, dtype=torch.uint8)
    video = levels[None, :, None, None, None].expand(2, 5, 1, 8, 8)
    path = save_video(video, tmp_path / "video.gif", fps=10, columns=2)
    with Image.open(path) as gif:
        assert gif.n_frames == 5
        for t in range(5):
            gif.seek(t)
            assert abs(gif.convert("L").getpixel((3, 3)) - 50 * t) <= 2


def test_an_mp4_holds_every_frame_and_odd_sizes(tmp_path):
    imageio = pytest.importorskip("imageio.v3")
    pytest.importorskip("imageio_ffmpeg")
    levels = torch.arange(20, 240, 40, dtype=torch.uint8)
    path = save_video(levels[:, None, None, None].expand(6, 1, 33, 35), tmp_path / "video.mp4")
    frames = imageio.imread(path, plugin="FFMPEG")
    assert len(frames) == 6
    assert np.allclose(frames.mean((1, 2, 3)), levels, atol=6)


@pytest.mark.parametrize(
    ("images", "name", "message"),
    [
        (torch.zeros(2, 3, 4, 4), "a.png", "uint8"),
        (torch.zeros(2, 4, 4, 4, dtype=torch.uint8), "a.png", "1 or 3 channels"),
        (torch.zeros(0, 3, 4, 4, dtype=torch.uint8), "a.png", "got"),
        (torch.zeros(2, 3, 4, 4, dtype=torch.uint8), "a.jpg", "must end in .png"),
        (torch.zeros(2, 2, 3, 4, 4, dtype=torch.uint8), "a.png", "save_video"),
    ],
)
def test_what_is_no_picture_is_refused(images, name, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        save_grid(images, tmp_path / name)
