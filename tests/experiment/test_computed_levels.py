"""Floors and ceilings of a setting, by the code that measures networks."""

import pytest
from small_runs import CONFIG

from zigma.experiment import levels


def test_of_few_images_the_linear_baseline_is_still_one_to_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer images than values: their own covariance allows nothing beyond their span, at a loss of thousands."""

    def found(most: int) -> dict[str, float]:
        monkeypatch.setattr(levels, "MOST_FITTED", most)
        computed, _ = levels.compute_levels(CONFIG)
        return {
            level["name"]: metric["value"]
            for level in computed
            for metric in level["metrics"]
            if metric["name"] == "held_out_loss"
        }

    few, many = found(40), found(1_000)
    assert many["linear Gaussian"] < few["linear Gaussian"] < few["before training"] / 2
    assert many["linear Gaussian"] < many["independent pixels"]
    assert few["one patch"] < few["before training"] / 2


@pytest.mark.parametrize("reference", ["held-out", "train"])
def test_the_floor_is_of_other_images_than_the_reference(reference: str) -> None:
    """The same ones would be at a distance of 0, which no network reaches."""
    config = CONFIG.replace(evaluation=CONFIG.evaluation.replace(reference=reference))
    floor = levels.compute_levels(config)[0][0]
    values = {metric["name"]: metric["value"] for metric in floor["metrics"]}
    assert values["fd_digits"] > 0.1
