"""The excess velocity against networks whose distance from the best one is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from studies.declare.study import Run
from studies.run.carry_out import carry_out
from studies.run.conditions import Conditions
from zigma.data import DataConfig, field_covariance, load_data
from zigma.data.config import FieldConfig
from zigma.data.fields import component_covariances
from zigma.experiment.config import RunConfig
from zigma.experiment.excess import Excess, has_optimum, levels
from zigma.interpolant.config import InterpolantConfig, SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import DiTConfig, ZigMaConfig
from zigma.models.specs import MambaSpec
from zigma.optimum import (
    GaussianMixture,
    least_excess,
    least_loss,
    optimal_velocity,
    path_sight,
    time_midpoints,
)
from zigma.scans import scan_plan
from zigma.training.config import TrainingConfig

CONFIG = RunConfig(
    model=ZigMaConfig(grid=(4, 6), in_channels=1, hidden=16, depth=2, scan="zigzag-1"),
    data=DataConfig(name="fields", size=4, width=6, field=FieldConfig(lengths=(3.0,))),
    training=TrainingConfig(steps=4, batch_images=8, learning_rate=1e-3, ema_rate=0.5),
    sampling=SamplingConfig(sampler="euler", steps=2),
    evaluation=EvaluationConfig(extractors=(), n_generated=4, n_real=4, every_steps=2, n_on_the_way=40),
)
COVARIANCE = field_covariance("exponential", (4, 6), length=3.0)
MIXED = CONFIG.data.replace(field=FieldConfig(lengths=(0.3, 6.0), channels=2, channel_correlation=0.5))


class Known(nn.Module):
    """A network that answers by a formula."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer, self.nothing = answer, nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, t: Tensor) -> Any:
        return self.answer(x, t)


def excess(config: RunConfig, answer: Any) -> dict[str, float]:
    rows = Excess(config, load_data(config.data).held_out).measure(Known(answer), 1024)
    return {row["name"]: row["value"] for row in rows}


def test_the_best_network_has_none_and_zero_has_all() -> None:
    best = excess(CONFIG, lambda x, t: optimal_velocity(x, t, COVARIANCE))
    assert max(best.values()) < 1e-10
    nothing_seen = {"seen": np.zeros((24, 24), bool)}
    nothing = excess(CONFIG, lambda x, t: torch.zeros_like(x))
    assert nothing["excess_velocity"] == pytest.approx(least_excess(COVARIANCE, **nothing_seen), rel=0.03)
    times = np.linspace(0.9, 1, 9)[:-1] + 0.00625
    expected = float(np.mean(least_excess(COVARIANCE, times, **nothing_seen)))
    assert nothing["excess_velocity_t0.9_1.0"] == pytest.approx(expected, rel=0.15)
    bins = [value for name, value in nothing.items() if name != "excess_velocity"]
    assert len(bins) == 10
    assert np.mean(bins) == pytest.approx(nothing["excess_velocity"], rel=0.01)


def test_one_token_reaches_its_level_and_so_does_another_target() -> None:
    def one_token(x: Tensor, t: Tensor) -> Tensor:
        s = t.view(-1, 1, 1, 1)
        return (s - (1 - s)) / (s**2 + (1 - s) ** 2) * x

    def as_noise(x: Tensor, t: Tensor) -> Tensor:
        return x - t.view(-1, 1, 1, 1) * one_token(x, t)  # x_0 = x_t - t v

    level = {row["name"]: row["value"] for row in levels(CONFIG)}["excess_velocity_one_token"]
    assert excess(CONFIG, one_token)["excess_velocity"] == pytest.approx(level, rel=0.05)
    noise = CONFIG.replace(interpolant=InterpolantConfig(target="noise"))
    assert excess(noise, as_noise)["excess_velocity"] == pytest.approx(level, rel=0.05)


def test_the_levels_are_in_order_and_those_of_the_optimum() -> None:
    rows = {row["name"]: row["value"] for row in levels(CONFIG)}
    assert rows["optimum_loss"] == pytest.approx(
        least_loss(COVARIANCE, np.arange(0.0025, 1, 0.005)).mean(), rel=1e-3
    )
    assert 0 < rows["excess_velocity_plan"] == pytest.approx(rows["excess_velocity_one_path"])
    assert rows["excess_velocity_one_path"] < rows["excess_velocity_one_token"]
    two = {
        row["name"]: row["value"]
        for row in levels(CONFIG.replace(model=CONFIG.model.replace(scan="zigzag-2")))
    }
    assert two["excess_velocity_plan"] < 0.5 * two["excess_velocity_one_path"]
    carried = CONFIG.model.replace(mixer=MambaSpec(carry_state=True))
    rows = {row["name"]: row["value"] for row in levels(CONFIG.replace(model=carried))}
    assert rows["excess_velocity_plan"] == 0 < rows["excess_velocity_one_path"]
    both = CONFIG.model.replace(scan="bidirectional")
    assert {row["name"]: row["value"] for row in levels(CONFIG.replace(model=both))}[
        "excess_velocity_one_path"
    ] == 0


@pytest.mark.parametrize(("covariance", "times"), [("exponential", 16), ("matern", 512), ("power-law", 512)])
def test_levels_of_smooth_fields_are_averaged_over_enough_times(covariance: Any, times: int) -> None:
    """Those of exponential fields are in published records: they stay what 16 times give."""
    data = DataConfig(
        name="fields", size=12, field=FieldConfig(covariances=(covariance,), lengths=(16.0,), exponent=4.0)
    )
    model = CONFIG.model.replace(grid=(12, 12))
    rows = {row["name"]: row["value"] for row in levels(CONFIG.replace(data=data, model=model))}
    matrix = field_covariance(covariance, (12, 12), length=16.0, exponent=4.0)
    sight = path_sight(scan_plan("zigzag-1", (12, 12), 1)[0].scans[0])
    least = float(np.mean(least_excess(matrix, time_midpoints(times), seen=sight)))
    rel = 1e-9 if covariance == "exponential" else 1e-4
    assert rows["excess_velocity_one_path"] == pytest.approx(least, rel=rel)


def test_channels_and_patches_have_levels_of_their_own() -> None:
    model = CONFIG.model.replace(in_channels=2, patch=2)
    apart, alike = (
        {
            row["name"]: row["value"]
            for row in levels(
                CONFIG.replace(
                    model=model,
                    data=CONFIG.data.replace(
                        field=FieldConfig(lengths=(3.0,), channels=2, channel_correlation=correlation)
                    ),
                )
            )
        }
        for correlation in (0.0, 0.9)
    )
    assert alike["optimum_loss"] < apart["optimum_loss"]
    pixels = {row["name"]: row["value"] for row in levels(CONFIG)}
    assert apart["excess_velocity_one_token"] < pixels["excess_velocity_one_token"]  # four pixels tell more
    transformer = DiTConfig(grid=(4, 6), in_channels=1, hidden=16, depth=1, heads=2, patch=2)
    names = [row["name"] for row in levels(CONFIG.replace(model=transformer))]
    assert names == ["optimum_loss", "excess_velocity_one_token"]


def test_mixtures_have_an_optimum_too() -> None:
    config = CONFIG.replace(data=MIXED, model=CONFIG.model.replace(in_channels=2))
    mixture = GaussianMixture(component_covariances(MIXED))
    assert excess(config, mixture.optimal_velocity)["excess_velocity"] < 1e-10
    rows = {row["name"]: row["value"] for row in levels(config)}
    assert set(rows) == {"optimum_loss", "excess_velocity_one_token"}
    nothing = excess(config, lambda x, t: torch.zeros_like(x))["excess_velocity"]
    assert 0 < rows["excess_velocity_one_token"] < nothing


def test_only_fields_on_the_linear_path_have_one() -> None:
    assert has_optimum(CONFIG)
    for other in (
        CONFIG.replace(interpolant=InterpolantConfig(path="gvp")),
        CONFIG.replace(data=DataConfig(name="digits")),
    ):
        assert not has_optimum(other)
        with pytest.raises(ValueError, match="for fields alone"):
            Excess(other, None)


def test_a_run_on_fields_records_it_without_an_extractor(tmp_path: Path) -> None:
    record = carry_out(Run("study", "arm", "tiny", "setting", CONFIG), Conditions(tmp_path))
    assert record["status"] == "done", record["error"]
    values = {metric["name"]: metric["value"] for metric in record["metrics"]}
    assert {
        "held_out_loss",
        "optimum_loss",
        "excess_velocity",
        "excess_velocity_t0.0_0.1",
        "excess_velocity_plan",
        "excess_velocity_one_path",
        "excess_velocity_one_token",
    } <= values.keys()
    # two estimates of one thing: the loss on held-out fields is the least one and the excess
    assert values["held_out_loss"] == pytest.approx(
        values["optimum_loss"] + values["excess_velocity"], rel=0.1
    )
    curve = record["curves"]["excess_velocity"]
    assert curve["step"] == [2, 4]
    assert curve["protocol"] == {"n_real": 40, "reference": "held-out"}
    assert (tmp_path / record["artifacts"]["samples"]).is_file()
