"""Classes and captions: told, withheld, and guided by."""

from pathlib import Path

import pytest
from small_runs import CONFIG, MODEL, done, failed, values

from zigma.interpolant.config import SamplingConfig

GUIDED = CONFIG.replace(
    model=MODEL.replace(classes=11),
    training=CONFIG.training.replace(condition_dropout=0.5, learning_rate=0.03),  # to learn what it is told
    sampling=SamplingConfig("euler", steps=2, guidance=2.0),
)


def test_guidance_acts_on_classes_and_captions(tmp_path: Path) -> None:
    captioned = GUIDED.replace(model=MODEL.replace(text_width=8, text_tokens=4))
    for config in (GUIDED, captioned):
        without = config.replace(sampling=config.sampling.replace(guidance=1.0))
        one, other = done(config, tmp_path), done(without, tmp_path)
        assert one["curves"] == other["curves"]  # guidance is of sampling alone
        assert values(one)["fd_digits"] != values(other)["fd_digits"]


def test_withholding_conditions_changes_the_training(tmp_path: Path) -> None:
    told = GUIDED.replace(training=GUIDED.training.replace(condition_dropout=0.0), sampling=CONFIG.sampling)
    withheld = told.replace(training=GUIDED.training)
    assert done(told, tmp_path)["curves"] != done(withheld, tmp_path)["curves"]


def test_a_null_class_that_is_a_class_of_the_data_is_refused(tmp_path: Path) -> None:
    config = GUIDED.replace(model=MODEL.replace(classes=10))
    assert "10 classes, and one that stands for none: it should be 11" in failed(config, tmp_path)
    config = CONFIG.replace(model=MODEL.replace(classes=9))
    assert "it should be 10" in failed(config, tmp_path)


def test_guidance_of_a_network_that_was_never_left_untold_is_refused() -> None:
    with pytest.raises(ValueError, match="condition_dropout should be above 0"):
        CONFIG.replace(model=MODEL.replace(classes=10), sampling=GUIDED.sampling)
    with pytest.raises(ValueError, match="withholds what the network is never told"):
        CONFIG.replace(training=GUIDED.training)
