"""Gaussian fields: their covariances, that what is drawn has them, and that nothing is drawn twice."""

import time
from typing import Any

import numpy as np
import pytest
import torch

from zigma.data import DataConfig, field_covariance, fingerprint, load_data
from zigma.data.config import COVARIANCES, FieldConfig
from zigma.data.dataset import ENDLESS
from zigma.data.facts import data_facts
from zigma.data.fields import component_covariances


@pytest.mark.parametrize("name", COVARIANCES)
@pytest.mark.parametrize("grid", [(1, 1), (1, 9), (7, 5), (16, 16)])
@pytest.mark.parametrize("length", [0.3, 3.0, 200.0])
def test_a_covariance_is_stationary_and_positive(name: str, grid: tuple[int, int], length: float) -> None:
    matrix = field_covariance(name, grid, length=length)
    height, width = grid
    assert matrix.shape == (height * width, height * width)
    assert matrix.dtype == np.float64
    assert np.array_equal(matrix, matrix.T)
    np.testing.assert_allclose(np.diag(matrix), 1)
    assert np.linalg.eigvalsh(matrix)[0] > -1e-9
    cells = matrix.reshape(height, width, height, width)
    assert np.array_equal(cells[1:, :, 1:], cells[:-1, :, :-1])
    assert np.array_equal(cells[:, 1:, :, 1:], cells[:, :-1, :, :-1])
    neighbours = cells[0, 0].ravel()[:2]
    assert len(neighbours) < 2 or neighbours[1] < 1


def test_values_by_hand() -> None:
    row = field_covariance("exponential", (4, 5), length=8.0)[0]
    assert row[1] == pytest.approx(np.exp(-1 / 8))
    assert row[3 * 5 + 4] == pytest.approx(np.exp(-5 / 8))  # 3 rows and 4 columns: a distance of 5
    matern = field_covariance("matern", (1, 3), length=2.0)[0, 2]
    assert matern == pytest.approx((1 + 3**0.5) * np.exp(-(3**0.5)))
    smoother = [field_covariance("power-law", (8, 8), exponent=e)[0, 1] for e in (1.5, 2.0, 3.0, 4.0)]
    assert smoother == sorted(smoother)


@pytest.mark.parametrize(("length", "exponent"), [(8.0, 2.0), (32.0, 2.0), (64.0, 2.0), (64.0, 3.0)])
def test_a_power_law_is_its_formula_at_any_length(length: float, exponent: float) -> None:
    """Beside a torus so large that its size no longer matters."""
    frequency = np.fft.fftfreq(2048)
    squared = frequency[:, None] ** 2 + frequency**2 + 1 / (2 * np.pi * length) ** 2
    large = np.fft.ifft2(squared ** (-exponent / 2)).real
    ours = field_covariance("power-law", (8, 8), length=length, exponent=exponent)
    assert np.allclose(ours[0].reshape(8, 8), large[:8, :8] / large[0, 0], atol=3e-4)
    assert np.linalg.eigvalsh(ours)[0] > 0


def test_the_power_law_has_its_spectrum() -> None:
    """Along a row, what an exponent of 2 in the plane leaves: power falling as 1 / f."""
    side = 256
    along = field_covariance("power-law", (1, side), length=1000.0)[0]
    torus = np.concatenate([along, along[-2:0:-1]])
    power = np.fft.rfft(torus).real
    slope = np.polyfit(np.log(np.arange(8, 64)), np.log(power[8:64]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.1)


@pytest.mark.parametrize(
    ("grid", "length", "message"),
    [
        (5, 8.0, "whole sides"),
        ((4,), 8.0, "whole sides"),
        ((4.0, 4), 8.0, "whole sides"),
        ((True, 4), 8.0, "whole sides"),
        ((4, 4), "8", "length must be a positive number"),
        ((4, 4), None, "length must be a positive number"),
        ((4, 4), True, "length must be a positive number"),
        ((4, 4), float("nan"), "length must be a positive number"),
    ],
)
def test_a_grid_or_length_that_is_none_is_refused(grid: Any, length: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        field_covariance("matern", grid, length=length)


@pytest.mark.parametrize("name", COVARIANCES)
def test_what_is_drawn_has_the_covariance(name: str) -> None:
    field = FieldConfig(covariances=(name,), lengths=(2.0,), channels=2, channel_correlation=0.5)
    config = DataConfig(name="fields", size=3, width=4, field=field)
    images = load_data(config).train.batch(range(40_000)).images
    assert images.shape == (40_000, 2, 3, 4)
    assert images.dtype == torch.float32
    sampled = np.cov(images.flatten(1).numpy().T)
    ((channels, cells),) = component_covariances(config)
    np.testing.assert_allclose(sampled, np.kron(channels, cells), atol=0.03)
    assert abs(float(images.mean())) < 0.01


def test_a_mixture_draws_its_components_equally_often() -> None:
    field = FieldConfig(covariances=("exponential", "matern"), lengths=(0.2, 5.0))
    data = load_data(DataConfig(name="fields", size=4, field=field))
    batch = data.train.batch(range(10_000))
    assert data.classes == 2
    assert data.class_names == ("exponential of length 0.2", "matern of length 5")
    assert batch.classes is not None
    assert abs(float(batch.classes.double().mean()) - 0.5) < 0.02
    for number, (_, cells) in enumerate(
        component_covariances(DataConfig(name="fields", size=4, field=field))
    ):
        own = batch.images[batch.classes == number].flatten(1).numpy()
        np.testing.assert_allclose(np.cov(own.T), cells, atol=0.08)


def test_an_item_depends_on_its_index_alone_and_parts_differ() -> None:
    config = DataConfig(name="fields", size=8)
    data, again = load_data(config), load_data(config)
    indices = [5, ENDLESS - 1, 0, 2**40]
    batch = data.train.batch(indices)
    for row, index in enumerate(indices):
        torch.testing.assert_close(again.train.batch([index]).images[0], batch.images[row])
    apart = torch.cat([batch.images, data.held_out.batch([0, 5]).images]).flatten(1)
    assert (torch.corrcoef(apart) - torch.eye(6)).abs().max() < 0.9
    assert len(data.train) == ENDLESS
    for bad in ([-1], [ENDLESS]):
        with pytest.raises(IndexError, match=r"0\.\."):
            data.train.batch(bad)


def test_drawing_a_batch_costs_little() -> None:
    split = load_data(DataConfig(name="fields", size=32)).train
    split.batch(range(32))
    best = 1.0
    for start in range(0, 320, 32):
        began = time.process_time()
        split.batch(range(start, start + 32))
        best = min(best, time.process_time() - began)
    assert best < 0.02  # seconds; 3 ms on an idle core


def test_facts_and_identity() -> None:
    config = DataConfig(name="fields", size=8, field=FieldConfig(channels=3, lengths=(2.0, 4.0)))
    facts = data_facts(config)
    data = load_data(config)
    assert (facts.channels, facts.classes, facts.held_out) == (
        data.channels,
        data.classes,
        len(data.held_out),
    )
    assert facts.train is None
    assert data.fingerprint == fingerprint(config)
    other = config.replace(field=FieldConfig(channels=3, lengths=(2.0, 5.0)))
    assert fingerprint(other) != fingerprint(config)
    assert "field" not in DataConfig().model_dump()  # so that no older run has another identity
    assert "width" not in DataConfig().model_dump()
    assert DataConfig(name="fields") == DataConfig(name="fields", width=8, field=FieldConfig())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"name": "digits", "field": FieldConfig()}, "digits are no Gaussian fields"),
        ({"name": "shapes", "size": 16, "width": 24}, "shapes come square"),
        ({"name": "fields", "frames": 4}, "fields are images and have no video"),
        ({"name": "fields", "root": "x"}, "takes no root"),
        ({"name": "fields", "field": {"lengths": [-1.0]}}, r"lengths\[0\] must be positive"),
        ({"name": "fields", "field": {"lengths": []}}, "at least 1 long"),
        ({"name": "fields", "field": {"covariances": ["gaussian"]}}, "exponential"),
        (
            {"name": "fields", "field": {"covariances": ["matern"] * 2, "lengths": [1, 2, 3]}},
            "2 covariances and 3 lengths make no pairs",
        ),
    ],
)
def test_configurations_that_fit_nothing(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataConfig(**words)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("exponentiel", (4, 4), {}), "did you mean 'exponential'"),
        (("matern", (4,), {}), "grid .height, width."),
        (("matern", (4, 2.5), {}), "whole sides"),
        (("matern", (True, 4), {}), "whole sides"),
        (("matern", (4, 4), {"length": 0}), "length must be a positive number"),
        (("matern", (4, 4), {"length": float("nan")}), "length must be a positive number"),
        (("power-law", (4, 4), {"exponent": -1}), "exponent must be a positive number"),
    ],
)
def test_covariances_that_are_none(arguments: Any, message: str) -> None:
    name, grid, words = arguments
    with pytest.raises(ValueError, match=message):
        field_covariance(name, grid, **words)
