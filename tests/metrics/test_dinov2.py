"""DINOv2 from a file, its positions at other sizes, and FDD beside dgm-eval's."""

import sys
import types

import numpy as np
import pytest
import torch
from made_images import noise_images
from PIL import Image
from torch import nn

from zigma.metrics import (
    Features,
    evaluate_features,
    evaluate_images,
    load_extractor,
)
from zigma.metrics.extractors.dinov2 import DINOv2, dinov2_features, dinov2_from_state_dict


@pytest.fixture
def small_dinov2():
    torch.manual_seed(0)
    network = DINOv2(width=128, depth=2, positions=9 * 9, patch=14)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.05)
    return network


def test_dinov2_from_a_file(small_dinov2, tmp_path):
    path = tmp_path / "dinov2.pth"
    torch.save(small_dinov2.state_dict(), path)
    extractor = load_extractor("dinov2", weights=path)
    images = noise_images(2, 3, 30, 20)
    features = extractor(images)
    assert features.shape == (2, 128)
    # dgm-eval's transform, one image at a time: Pillow's bicubic, then ImageNet's mean and deviation.
    pixels = Image.fromarray(images[0].permute(1, 2, 0).numpy()).resize((224, 224), Image.Resampling.BICUBIC)
    normal = (np.asarray(pixels) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        alone = extractor.network(torch.from_numpy(normal).float().permute(2, 0, 1).unsqueeze(0))
    torch.testing.assert_close(features[:1], alone, rtol=1e-3, atol=1e-4)
    rows = evaluate_images(images, images, extractor=extractor, reference="x")
    assert [row["name"] for row in rows] == ["fdd", "kid_dinov2"]


def test_fdd_is_dgm_evals_where_that_is_installed(monkeypatch):
    torch.manual_seed(0)
    sides = [Features(torch.randn(30, 4) + k, "dinov2", "a", "b", "x") for k in (0, 1)]
    own = evaluate_features(*sides, metrics=["frechet"])[0]
    assert own["settings"] == {"routine": "torch-fidelity"}
    fd = types.ModuleType("dgm_eval.metrics.fd")
    fd.compute_efficient_FD_with_reps = lambda real, generated: float((real.mean() - generated.mean()) * 100)
    monkeypatch.setitem(sys.modules, "dgm_eval", types.ModuleType("dgm_eval"))
    monkeypatch.setitem(sys.modules, "dgm_eval.metrics", types.ModuleType("dgm_eval.metrics"))
    monkeypatch.setitem(sys.modules, "dgm_eval.metrics.fd", fd)
    theirs = evaluate_features(*sides, metrics=["frechet"])[0]
    assert theirs["settings"] == {"routine": "dgm-eval"}
    assert theirs["value"] == pytest.approx(100, abs=50)
    assert own["value"] == pytest.approx(4, abs=2)


def test_dinov2_needs_no_interpolation_at_its_own_size(small_dinov2):
    grid = small_dinov2._positions(9, 9)
    torch.testing.assert_close(grid.flatten(2).transpose(1, 2), small_dinov2.pos_embed[:, 1:])
    assert small_dinov2._positions(4, 16).shape[-2:] == (4, 16)


def test_dinov2_stretches_its_positions_as_published(small_dinov2):
    # Row i of h reads the learned rows at (i + 0.5) * 9 / (h + 0.1) - 0.5, by cubic convolution with a = -0.75.
    def weight(distance):
        d = abs(distance)
        near, far = 1.25 * d**3 - 2.25 * d**2 + 1, -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)
        return near if d <= 1 else far if d < 2 else 0.0

    ramp = torch.arange(9.0)
    with torch.no_grad():
        small_dinov2.pos_embed[:, 1:] = ramp.repeat_interleave(9).view(1, -1, 1)
        rows = small_dinov2._positions(4, 9)[0, 0, 1:3, 4]
    places = [(i + 0.5) * 9 / 4.1 - 0.5 for i in (1, 2)]
    truth = [sum(weight(place - row) * row for row in range(9)) for place in places]
    torch.testing.assert_close(rows, torch.tensor(truth))


def test_dinov2_with_registers_is_refused(small_dinov2):
    state = small_dinov2.state_dict() | {"register_tokens": torch.zeros(1, 4, 128)}
    with pytest.raises(ValueError, match="without registers"):
        dinov2_from_state_dict(state)


@pytest.mark.parametrize(("width", "positions"), [(100, 81), (128, 15)])
def test_dinov2_of_odd_sizes_is_refused_before_the_first_image(width, positions):
    state = DINOv2(width=width, depth=1, positions=positions, patch=14).state_dict()
    with pytest.raises(ValueError, match=f"a width of {width} and {positions} positions"):
        dinov2_from_state_dict(state)
    with pytest.raises(ValueError, match="without registers"):
        dinov2_from_state_dict(state | {"cls_token": torch.tensor(0.0)})


def test_dinov2_features_take_grey_images(small_dinov2):
    grey = noise_images(1, 1, 14, 14)
    with torch.no_grad():
        features = (
            dinov2_features(small_dinov2, grey),
            dinov2_features(small_dinov2, grey.expand(-1, 3, -1, -1)),
        )
    assert torch.equal(*features)
