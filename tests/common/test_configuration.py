"""Configurations say in one line each what is wrong with them, in the user's words."""

from typing import Any

import numpy as np
import pytest

from zigma.common.words import Problems
from zigma.data.config import DataConfig
from zigma.experiment.config import MeasurementConfig, RunConfig, ScanConfig
from zigma.models.config import ZigMaConfig
from zigma.training.config import TrainingConfig


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"training": {"steps": 2.5}}, "training.steps must be a whole number, not 2.5"),
        ({"training": {"steps": float("nan")}}, "training.steps must be a whole number, not nan"),
        ({"training": {"steps": True}}, "training.steps must be a whole number, not True"),
        ({"training": {"steps": "7"}}, "training.steps must be a whole number, not '7'"),
        ({"training": {"steps": 0}}, "training.steps must be at least 1, not 0"),
        (
            {"training": {"learning_rate": float("nan")}},
            "training.learning_rate must be a finite number, not nan",
        ),
        ({"training": {"learning_rate": True}}, "training.learning_rate must be a number, not True"),
        ({"training": {"ema_rate": 1.0}}, "training.ema_rate must be below 1, not 1.0"),
        ({"training": 3}, "training must be several settings, not 3"),
        ({"model": {"kind": "zigma", "grid": [8, True]}}, "model.grid[1] must be a whole number, not True"),
        ({"model": {"kind": "zigma", "grid": [8]}}, "model.grid must be (height, width) or (frames, h"),
        (
            {"model": {"kind": "zigma", "temporal_position": 1}},
            "model.temporal_position must be true or false, not 1",
        ),
        ({"model": {"kind": "zigma", "scan": 8}}, "model.scan must be a word, not 8"),
        ({"model": {"kind": "zigma", "patch": 3}}, "model: patch 3 does not divide the grid 32x32"),
        ({"model": {"kind": "dit", "scan": "zigzag-8"}}, "unknown field 'model.scan'"),
        ({"model": {"kind": "dat"}}, "unknown model.kind 'dat': did you mean 'dit'?"),
        ({"data": {"size": True}}, "data.size must be a whole number, not True"),
        ({"sampling": {"last_step_size": 1.5}}, "sampling.last_step_size must be below 1, not 1.5"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        (
            {"model": {"kind": "zigma", "mixer": {"kind": "own"}}},
            "model.mixer.source is missing, and has no default",
        ),
        ({"modle": {}}, "unknown field 'modle': did you mean 'model'?"),
    ],
)
def test_what_is_wrong_is_one_line(values: dict[str, Any], says: str) -> None:
    for make in (RunConfig.model_validate, lambda fields: RunConfig(**fields)):
        with pytest.raises(Problems) as caught:
            make(values)
        assert str(caught.value).startswith(says)
        assert "\n" not in str(caught.value)
        assert "config" not in str(caught.value).lower()


def test_all_problems_are_told_at_once_where_they_are() -> None:
    with pytest.raises(Problems) as caught:
        RunConfig.model_validate(
            {
                "training": {"steps": 0, "stepz": 1},
                "model": {"kind": "zigma", "mixer": {"kind": "mamba", "state": 0}},
            }
        )
    places = [line.split()[2 if line.startswith("unknown") else 0] for line in caught.value.lines]
    assert places == ["model.mixer.state", "training.steps", "'training.stepz':"]


def test_texts_are_read_as_they_are_shown() -> None:
    assert ZigMaConfig(grid="4x8x8").grid == (4, 8, 8)  # type: ignore[arg-type]
    assert ZigMaConfig(text_width="none", position="none").text_width is None  # type: ignore[arg-type]
    assert MeasurementConfig(quantities="flops,speed").quantities == ("flops", "speed")  # type: ignore[arg-type]
    assert MeasurementConfig(quantities="flops").quantities == ("flops",)  # type: ignore[arg-type]


def test_numpy_numbers_are_numbers_of_python_afterwards() -> None:
    training = TrainingConfig(steps=np.int64(3), learning_rate=np.float32(0.5))  # type: ignore[arg-type]
    assert (type(training.steps), type(training.learning_rate)) == (int, float)


def test_values_may_stand_in_the_order_of_the_fields() -> None:
    assert DataConfig("shapes", 16, 2) == DataConfig(name="shapes", size=16, frames=2)
    assert ScanConfig("zigzag-2", (4, 4)).grid == (4, 4)
    with pytest.raises(TypeError, match="at most one value"):
        DataConfig("shapes", name="digits")


def test_replacing_checks_and_changes_nothing_else() -> None:
    training = TrainingConfig(steps=7)
    assert training.replace(batch_images=3) == TrainingConfig(steps=7, batch_images=3)
    with pytest.raises(ValueError, match="at least 1"):
        training.replace(batch_images=0)
    with pytest.raises(ValueError, match="frozen"):
        training.steps = 8  # type: ignore[misc]
