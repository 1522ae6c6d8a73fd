"""What a network is told, and that it is sometimes not told."""

import pytest
import torch

from zigma.data import DataConfig, load_data
from zigma.models.config import ZigMaConfig
from zigma.training import condition, null_condition
from zigma.training.conditioning import withhold

CLASSES = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=1, classes=11)
CAPTIONS = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=1, text_width=6, text_tokens=4)
DRAWS = torch.tensor([0.05, 0.5, 0.0999, 0.1])


@pytest.mark.parametrize("model", [CLASSES, CAPTIONS])
def test_exactly_the_images_whose_draw_is_below_the_rate_are_not_told(model: ZigMaConfig) -> None:
    y = condition(load_data(DataConfig()).train.batch([0, 1, 2, 3]), model)
    null = null_condition(model)
    assert y is not None
    assert null is not None
    told = withhold(y, 0.1, DRAWS, model)
    assert told.dtype == y.dtype
    for row, dropped in enumerate([True, False, True, False]):
        assert torch.equal(told[row], null.to(y).expand_as(y)[row] if dropped else y[row])
        assert not torch.equal(null.to(y).expand_as(y)[row], y[row])
    assert withhold(y, 0.0, DRAWS, model) is y


def test_a_class_in_the_null_classs_place_is_refused() -> None:
    with pytest.raises(ValueError, match=r"model\.classes should be one more"):
        withhold(torch.tensor([3, 10]), 0.1, torch.tensor([0.9, 0.9]), CLASSES)


def test_the_null_caption_is_the_empty_captions_embedding() -> None:
    from zigma.data import encode_captions

    null = null_condition(CAPTIONS)
    assert null is not None
    assert torch.equal(null.expand(1, 4, 6), encode_captions([""], width=6, tokens=4))


def test_an_untold_network_has_no_null() -> None:
    assert null_condition(ZigMaConfig()) is None
