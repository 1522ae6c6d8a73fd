"""The embedded digits: what they hold, how they are split, and what it costs to name them."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from zigma.data import DataConfig, fingerprint, load_data, to_uint8


@pytest.fixture(scope="module")
def digits():
    return load_data(DataConfig())


def test_the_digits_are_those_of_scikit_learn_in_the_documented_order(digits):
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(1797)
    seen = torch.cat([digits.train.batch(range(1297)).images, digits.held_out.batch(range(500)).images])
    assert torch.equal((seen.reshape(1797, 64) + 1) * 8, torch.tensor(pixels[order], dtype=torch.float32))
    assert torch.equal(digits.held_out.batch(range(500)).classes, torch.tensor(classes[order[1297:]]))
    assert (len(digits.train), len(digits.held_out), digits.classes, digits.channels) == (1297, 500, 10, 1)


def test_pixels_span_exactly_minus_one_to_one(digits):
    images = digits.train.batch(range(1297)).images
    assert images.dtype == torch.float32
    assert (images.min(), images.max()) == (-1, 1)


def test_no_held_out_picture_is_a_training_picture(digits):
    train = {row.numpy().tobytes() for row in digits.train.batch(range(1297)).images}
    held_out = {row.numpy().tobytes() for row in digits.held_out.batch(range(500)).images}
    assert not train & held_out


def test_a_batch_keeps_the_asked_order_and_its_captions_say_the_class(digits):
    batch = digits.train.batch([5, 3, 5])
    assert torch.equal(batch.images[0], batch.images[2])
    assert not torch.equal(batch.images[0], batch.images[1])
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    assert batch.captions == [f"the digit {names[c]}" for c in batch.classes.tolist()]


def test_an_index_beyond_the_end_is_refused(digits):
    with pytest.raises(IndexError):
        digits.held_out.batch([500])


@pytest.mark.parametrize("size", [4, 16, 13])
def test_resizing_keeps_the_range_and_nearly_the_mean(digits, size):
    resized = load_data(DataConfig(size=size)).train.batch(range(64)).images
    assert resized.shape == (64, 1, size, size)
    assert resized.abs().max() <= 1
    native = digits.train.batch(range(64)).images
    assert torch.allclose(resized.mean((1, 2, 3)), native.mean((1, 2, 3)), atol=0.08)


def test_halving_averages_antialiased():
    """Antialiased bilinear halving weighs all neighbours; point sampling would drop every other pixel."""
    from zigma.data.embedded.images import resize

    checkerboard = torch.tensor([[1.0, -1.0] * 4, [-1.0, 1.0] * 4] * 4)[None, None]
    assert resize(checkerboard, 4).abs().max() < 0.05


def test_to_uint8_is_the_nearest_of_256_levels_and_clamps():
    levels = torch.arange(256)
    assert torch.equal(to_uint8(levels / 127.5 - 1), levels.to(torch.uint8))
    assert to_uint8(torch.tensor([-3.0, 3.0])).tolist() == [0, 255]


def test_fingerprint_tells_configurations_apart(digits):
    assert digits.fingerprint == fingerprint(DataConfig())
    assert fingerprint(DataConfig(size=16)) != fingerprint(DataConfig())


def test_names_and_fingerprints_import_neither_torch_nor_scikit_learn():
    code = (
        "import sys; from zigma.data import DataConfig, data_names, fingerprint;"
        "data_names(); fingerprint(DataConfig());"
        "sys.exit(' '.join({'torch', 'sklearn', 'numpy'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "digit"}, "did you mean 'digits'"),
        ({"size": 0}, "size must be at least 1"),
        ({"frames": 0}, "frames must be"),
    ],
)
def test_bad_configurations_are_refused_in_one_line(fields, message):
    with pytest.raises(ValueError, match=message) as error:
        DataConfig(**fields)
    assert "\n" not in str(error.value)
