"""The metric protocol as plain data: what it refuses, and that its names survive JSON."""

import json

import pytest

from zigma.metrics.config import EvaluationConfig


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"extractors": ("inceptoin",)}, "did you mean 'inception'"),
        ({"extractors": ("digits", "digits")}, "names something twice"),
        ({"metrics": ("frechett",)}, "did you mean 'frechet'"),
        ({"metrics_on_the_way": ("fid",)}, "unknown metrics_on_the_way 'fid'"),
        ({"reference": "heldout"}, "did you mean 'held-out'"),
        ({"n_real": 1}, "n_real must be at least 2"),
        ({"n_on_the_way": 0}, "n_on_the_way must be at least 2"),
        ({"every_steps": 0}, "every_steps must be at least 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(wrong: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        EvaluationConfig(**wrong)  # type: ignore[arg-type]
    assert "\n" not in str(refused.value)


def test_a_configuration_read_from_json_is_the_same() -> None:
    config = EvaluationConfig(extractors=("inception", "dinov2"), every_steps=1000)
    again = EvaluationConfig(**json.loads(json.dumps(config.model_dump())))
    assert again == config
    assert hash(again) == hash(config)  # runs are looked up by it
