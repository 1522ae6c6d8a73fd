"""Photos, shapes and moving digits: what they show, that their parts do not overlap, that they repeat."""

import socket

import numpy as np
import pytest
import torch

from zigma.data import DataConfig, load_data, to_uint8
from zigma.data.embedded.photos import cut
from zigma.data.embedded.shapes import COLOURS, SHAPES, draw_scenes, render
from zigma.data.names import EMBEDDED

CONFIGS = [
    DataConfig("digits"),
    DataConfig("photos", size=32),
    DataConfig("photos", size=32, frames=3),
    DataConfig("shapes", size=16),
    DataConfig("shapes", size=16, frames=3),
    DataConfig("moving-digits", size=16),
    DataConfig("mnist", size=16),
]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Embedded data is never downloaded: opening a socket fails the test."""

    def refuse(*args, **kwargs):
        raise AssertionError("embedded data opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_every_embedded_data_set_keeps_the_contract(config):
    data, again = load_data(config), load_data(config)
    part, n = data.held_out, len(data.held_out)
    batch = part.batch(range(n))
    frames = () if config.frames is None else (config.frames,)
    assert batch.images.shape == (n, *frames, data.channels, config.size, config.size)
    assert batch.images.dtype == torch.float32
    assert batch.images.min() >= -1
    assert batch.images.max() <= 1
    assert set(batch.classes.tolist()) <= set(range(data.classes))
    assert len(data.class_names) == data.classes
    assert set(data.train.batch(range(len(data.train))).classes.tolist()) == set(range(data.classes))
    repeated = again.held_out.batch(range(n))
    assert torch.equal(batch.images, repeated.images)
    assert batch.captions == repeated.captions
    with pytest.raises(IndexError, match=r"0\.\."):
        part.batch([-1])


@pytest.mark.parametrize("config", CONFIGS[1:], ids=str)
def test_no_held_out_item_is_a_training_item(config):
    """The black corners around the retina are the hardest case: plain black is the same in both parts."""
    data = load_data(config)
    train, held = (
        {image.numpy().tobytes() for image in to_uint8(part.batch(range(len(part))).images)}
        for part in (data.train, data.held_out)
    )
    assert not train & held


def test_these_tests_cover_every_embedded_name():
    """Fields have no end, no captions and values beyond 1: tests/data/test_fields.py."""
    assert {config.name for config in CONFIGS} == set(EMBEDDED) - {"fields"}


@pytest.mark.parametrize("shape", [(300, 451), (512, 512), (1000, 872), (41, 300)])
@pytest.mark.parametrize("size", [32, 64, 100])
def test_cutting_a_photograph_shares_no_pixel_and_loses_none(shape, size):
    if min(shape) < size:
        return
    photograph = np.arange(np.prod(shape) * 3).reshape(*shape, 3)
    first, second = cut(photograph, size)
    assert min(first.shape[:2]) >= size
    assert min(second.shape[:2]) >= size
    assert np.array_equal(np.sort(np.concatenate([first.ravel(), second.ravel()])), photograph.ravel())


def test_a_photograph_too_short_to_be_cut_is_trained_on_only():
    photograph = np.zeros((300, 451, 3))
    first, second = cut(photograph, 256)
    assert first is photograph
    assert second is None
    data = load_data(DataConfig("photos", size=256, frames=1))
    cat = data.class_names.index("a cat")
    assert cat not in data.held_out.classes.tolist()
    assert cat in data.train.classes.tolist()


def test_a_caption_of_shapes_is_what_the_pixels_show():
    """Read colours, places and sizes back from the picture."""
    part = load_data(DataConfig("shapes", size=32)).held_out
    batch = part.batch(range(200))
    pixels = to_uint8(batch.images).permute(0, 2, 3, 1).float()
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    for image, caption, label in zip(pixels, batch.captions, batch.classes.tolist(), strict=True):
        words = caption.split()
        where, second = words[4], words[-2]
        centres, areas = [], []
        for colour in (words[2], second):
            mask = (image - torch.tensor(COLOURS[colour], dtype=torch.float32)).abs().sum(-1) < 60
            centres.append((x[mask].mean(), y[mask].mean()))
            areas.append(mask.sum())
        (x0, y0), (x1, y1) = centres
        assert {"left": x0 < x1, "right": x0 > x1, "above": y0 < y1, "below": y0 > y1}[where]
        if words[1] != words[-3] and words[3] == words[-1]:
            assert (areas[0] < areas[1]) == (words[1] == "small")
        assert label == SHAPES.index(words[3]) * len(COLOURS) + list(COLOURS).index(words[2])


def test_drawn_areas_are_those_of_geometry():
    """The sum of the antialiased cover is the area: pi r^2, 2 r^2 and 3 sqrt(3) / 4 r^2."""
    scenes, size = draw_scenes(60, np.random.default_rng(0)), 128
    picture = render(scenes, size, None).double()
    colours = torch.tensor(list(COLOURS.values()), dtype=torch.float64)
    first, second = colours[scenes.colour[:, 0]], colours[scenes.colour[:, 1]]
    grey = picture[:, :, 0, 0]
    # Each pixel is grey + a (first - grey) + b (second - grey): solve for the two covers.
    basis = torch.stack([first - grey, second - grey], dim=2)  # (N, 3, 2)
    covers = torch.linalg.lstsq(basis, (picture.flatten(2) - grey[:, :, None])).solution.sum(-1)
    per_square = torch.tensor([np.pi, 2.0, 3 * np.sqrt(3) / 4], dtype=torch.float64)[scenes.shape]
    expected = per_square * torch.as_tensor(scenes.radius * size) ** 2
    assert torch.allclose(covers, expected, rtol=0.05)


def test_scenes_keep_apart_and_inside_also_while_drifting():
    scenes = draw_scenes(5000, np.random.default_rng(1))
    gap = np.linalg.norm(scenes.centre[:, 0] - scenes.centre[:, 1], axis=-1) - scenes.radius.sum(1)
    assert gap.min() > 0
    margin = scenes.radius[..., None] + scenes.speed[:, None, None] / 2
    assert (scenes.centre - margin).min() >= 0
    assert (scenes.centre + margin).max() <= 1


@pytest.mark.parametrize("frames", [2, 16])
def test_a_moving_digit_starts_the_way_its_caption_says_and_stays_whole(frames):
    data = load_data(DataConfig("moving-digits", size=32, frames=frames))
    batch = data.held_out.batch(range(200))
    ink = (batch.images + 1)[:, :, 0]
    total = ink.sum((2, 3))
    assert torch.allclose(total, total[:, :1].expand_as(total), rtol=0.05)  # never leaves the canvas
    places = torch.arange(32.0)
    x, y = (ink.sum(2) * places).sum(-1) / total, (ink.sum(3) * places).sum(-1) / total
    for i, caption in enumerate(batch.captions):
        dx, dy = float(x[i, 1] - x[i, 0]), float(y[i, 1] - y[i, 0])
        word = caption.split()[-1]
        along = {"left": -dx, "right": dx, "up": -dy, "down": dy}[word]
        across = {"left": dy, "right": dy, "up": dx, "down": dx}[word]
        assert along > 0.8  # 16 pixels of free space, at least a sixteenth of it per frame
        assert abs(across) < 0.1


def test_a_held_out_video_shows_a_held_out_digit():
    """The classes of the two parts follow the split of the digits, so the same digit is never in both."""
    still, moving = load_data(DataConfig("digits")), load_data(DataConfig("moving-digits", size=16, frames=1))
    assert torch.equal(still.held_out.classes, moving.held_out.classes)
    assert torch.equal(still.train.classes, moving.train.classes)
    ink = (moving.held_out.batch(range(50)).images + 1).sum((1, 2, 3, 4))
    assert torch.allclose(ink, (still.held_out.batch(range(50)).images + 1).sum((1, 2, 3)), rtol=0.02)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "foto", "size": 32}, "did you mean 'photos'"),
        ({"name": "photos", "size": 16}, "at least 32"),
        ({"name": "photos", "size": 512}, "at most 256"),
        ({"name": "digits", "frames": 16}, "moving-digits"),
        ({"name": "digits", "root": "/data"}, "no root"),
        ({"name": "shapes", "size": 32, "view": "latents"}, "pixels only"),
        ({"name": "shapes", "size": 32, "view": "pixel"}, "pixels, latents"),
        ({"name": "coco", "size": 250, "view": "latents"}, "divide by 8"),
        ({"name": "shapes", "size": 32.0}, "whole number"),
    ],
)
def test_configurations_that_no_data_set_has_are_refused_in_one_line(fields, message):
    with pytest.raises(ValueError, match=message) as error:
        DataConfig(**fields)
    assert "\n" not in str(error.value)
