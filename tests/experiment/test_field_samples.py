"""Samples of fields against the covariance that is known, by brute force and by fields that are wrong."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import scipy.linalg
import torch

from studies.declare.study import Run
from studies.run.carry_out import carry_out
from studies.run.conditions import Conditions
from zigma.data import DataConfig, field_covariance, load_data
from zigma.data.config import FieldConfig
from zigma.experiment.config import RunConfig
from zigma.experiment.field_samples import FieldSamples, can_judge
from zigma.interpolant.config import InterpolantConfig, SamplingConfig
from zigma.metrics import frechet_distance_to_gaussian
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.training.config import TrainingConfig

FIELD = FieldConfig(lengths=(3.0,), channels=2, channel_correlation=0.5)
CONFIG = RunConfig(
    model=ZigMaConfig(grid=(4, 6), in_channels=2, hidden=16, depth=2, scan="zigzag-1"),
    data=DataConfig(name="fields", size=4, width=6, field=FIELD),
    training=TrainingConfig(steps=2, batch_images=4, learning_rate=1e-3, ema_rate=0.5),
    sampling=SamplingConfig(sampler="euler", steps=2),
    evaluation=EvaluationConfig(extractors=(), n_generated=12, n_real=4),
)
COVARIANCE = np.kron([[1, 0.5], [0.5, 1]], field_covariance("exponential", (4, 6), length=3.0))


def judged(samples: torch.Tensor, config: RunConfig = CONFIG) -> dict[str, float]:
    judge = FieldSamples(config, load_data(config.data).train)
    seen = judge.watching(lambda x: (x * 0).to(torch.uint8))
    for batch in samples.split(50):
        assert seen(batch).dtype == torch.uint8  # what it gives on is what becomes pixels
    return {row["name"]: row["value"] for row in judge.measure()}


def drawn(covariance: npt.NDArray[Any], n: int, seed: int = 0) -> torch.Tensor:
    root = np.linalg.cholesky(covariance)
    values = np.random.default_rng(seed).standard_normal((n, len(root))) @ root.T
    return torch.from_numpy(values).float().view(n, 2, 4, 6)


@pytest.mark.filterwarnings("ignore:Matrix is singular")
@pytest.mark.parametrize("n", [2, 9, 300])
def test_the_distance_is_the_formula(n: int) -> None:
    x = np.random.default_rng(n).normal(0.3, 1.5, (n, 7))
    root = np.tril(np.random.default_rng(1).normal(size=(7, 7)))
    mean, sigma, true = x.mean(0), np.cov(x.T), root @ root.T
    shared = np.trace(scipy.linalg.sqrtm(sigma @ true).real)
    expected = mean @ mean + np.trace(sigma) + np.trace(true) - 2 * shared
    assert frechet_distance_to_gaussian(generated=x, root=root) == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="7 values must be square"):
        frechet_distance_to_gaussian(generated=x, root=root[:6])
    for wrong in (1j * root, np.nan * root, 1e200 + root):
        with pytest.raises(ValueError, match="of finite real numbers"):
            frechet_distance_to_gaussian(generated=x, root=wrong)


def test_the_error_is_that_of_the_averaged_matrix() -> None:
    samples = drawn(COVARIANCE, 12)
    values = samples.double().flatten(1).numpy()
    products = values.T @ values / len(values)
    channel, row, column = (index.ravel() for index in np.indices((2, 4, 6)))
    apart: dict[tuple[int, ...], list[tuple[int, int]]] = {}  # pairs of values by channels and distance
    for i in range(48):
        for j in range(48):
            key = (channel[i], channel[j], row[i] - row[j], column[i] - column[j])
            apart.setdefault(key, []).append((i, j))
    averaged = np.empty_like(products)
    for pairs in apart.values():
        i, j = np.array(pairs).T
        averaged[i, j] = products[i, j].mean()
    expected = np.linalg.norm(averaged - COVARIANCE) / np.linalg.norm(COVARIANCE)
    assert judged(samples)["samples_covariance_error"] == pytest.approx(expected, rel=1e-5)


def test_true_fields_reach_the_floor_and_wrong_ones_do_not() -> None:
    true = judged(drawn(COVARIANCE, 400))
    assert true["samples_frechet"] == pytest.approx(true["samples_frechet_floor"], rel=0.15)
    assert true["samples_covariance_error"] < 2.5 * true["samples_covariance_error_floor"]
    shorter = np.kron([[1, 0.5], [0.5, 1]], field_covariance("exponential", (4, 6), length=1.0))
    apart = np.kron(np.eye(2), field_covariance("exponential", (4, 6), length=3.0))
    for wrong in (shorter, apart, 0.6 * COVARIANCE):
        values = judged(drawn(wrong, 400))
        assert values["samples_frechet"] > 1.5 * true["samples_frechet"]
        assert values["samples_covariance_error"] > 3 * true["samples_covariance_error_floor"]
    mirrored = drawn(COVARIANCE, 400)
    assert judged(mirrored.flip(-1))["samples_covariance_error"] == pytest.approx(
        judged(mirrored)["samples_covariance_error"], rel=1e-4
    )


def test_a_mixture_is_judged_by_its_mean_covariance() -> None:
    mixed = CONFIG.replace(data=CONFIG.data.replace(field=FieldConfig(lengths=(0.3, 6.0))))
    fields = load_data(mixed.data).train.batch(range(1000)).images
    values = judged(fields, mixed)
    assert values["samples_frechet"] == pytest.approx(values["samples_frechet_floor"], rel=0.3)
    one = load_data(mixed.data.replace(field=FieldConfig(lengths=(0.3,)))).train.batch(range(1000)).images
    assert judged(one, mixed)["samples_frechet"] > 3 * values["samples_frechet_floor"]


def test_only_fields_of_a_moderate_size_are_judged() -> None:
    assert can_judge(CONFIG)
    assert can_judge(CONFIG.replace(interpolant=InterpolantConfig(path="gvp")))
    assert not can_judge(CONFIG.replace(data=DataConfig(name="digits")))
    assert not can_judge(CONFIG.replace(data=CONFIG.data.replace(size=128, width=128)))


def test_a_run_records_it_with_its_protocol(tmp_path: Path) -> None:
    record = carry_out(Run("study", "arm", "tiny", "setting", CONFIG), Conditions(tmp_path))
    assert record["status"] == "done", record["error"]
    rows: dict[str, dict[str, Any]] = {row["name"]: row for row in record["metrics"]}
    assert rows["samples_frechet"] | {"value": 0} == {
        "name": "samples_frechet",
        "value": 0,
        "n_generated": 12,
        "reference": "exact",
    }
    for name in ("samples_frechet", "samples_covariance_error"):
        floor = rows[f"{name}_floor"]
        assert floor["n_real"] == 12
        assert floor["settings"]["sets"] == 16
        assert 0 < floor["value"] < rows[name]["value"]  # two steps of training are no training
