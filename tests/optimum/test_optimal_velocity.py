"""The exact velocity: identities, all kinds of input, and mixtures."""

from typing import Any

import numpy as np
import pytest
import torch
from covariances_for_tests import exponential, singular
from torch import Tensor

from zigma.optimum import GaussianMixture, OptimalVelocity, least_loss, optimal_velocity

GRID = (3, 4)
COVARIANCE = exponential(*GRID, 2.0)


def by_formula(x: Tensor, t: Tensor, covariance: Any) -> Tensor:
    k, one = torch.as_tensor(covariance, dtype=torch.float64), torch.eye(len(covariance), dtype=torch.float64)
    rows = []
    for row, s in zip(x.double().flatten(1), t.double(), strict=True):
        inverse = torch.linalg.pinv(s**2 * k + (1 - s) ** 2 * one, hermitian=True)
        rows.append((s * k - (1 - s) * one) @ inverse @ row)
    return torch.stack(rows).reshape(x.shape)


@pytest.mark.parametrize("covariance", [COVARIANCE, singular(12, 5)])
@pytest.mark.parametrize("shape", [(5, 12), (5, 1, 3, 4), (5, 3, 2, 2), (5, 3, 1, 2, 2)])
def test_it_is_the_formula(covariance: Any, shape: tuple[int, ...]) -> None:
    t = torch.tensor([0.0, 0.2, 0.5, 0.9, 1.0])
    data = torch.from_numpy(
        np.random.default_rng(0).multivariate_normal(np.zeros(12), covariance, size=5)
    ).reshape(shape)
    noise = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    scale = t.double().reshape(-1, *[1] * (len(shape) - 1))
    x = scale * data + (1 - scale) * noise
    torch.testing.assert_close(
        optimal_velocity(x, t, covariance), by_formula(x, t, covariance), rtol=1e-6, atol=1e-6
    )


def test_at_the_ends() -> None:
    x = torch.randn(4, 12)
    torch.testing.assert_close(optimal_velocity(x, torch.zeros(4), COVARIANCE), -x)
    torch.testing.assert_close(optimal_velocity(x, 1.0, COVARIANCE), x)


def test_its_loss_is_the_least_one() -> None:
    rng, t = np.random.default_rng(0), 0.6
    data = rng.multivariate_normal(np.zeros(12), COVARIANCE, size=100_000)
    noise = rng.normal(size=data.shape)
    velocity = optimal_velocity(t * data + (1 - t) * noise, t, COVARIANCE)
    assert np.mean((velocity - (data - noise)) ** 2) == pytest.approx(least_loss(COVARIANCE, t), rel=0.01)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_tensors_come_back_as_they_came(dtype: torch.dtype) -> None:
    x = torch.randn(6, 1, 4, 3).to(dtype).transpose(2, 3)[::2]  # neither contiguous nor whole
    assert not x.is_contiguous()
    velocity = optimal_velocity(x, torch.rand(3), torch.from_numpy(COVARIANCE).float())
    assert velocity.shape == x.shape
    assert velocity.dtype == dtype
    expected = optimal_velocity(x.contiguous(), torch.rand(0).new_tensor([0.5, 0.5, 0.5]), COVARIANCE)
    assert torch.equal(optimal_velocity(x, 0.5, COVARIANCE), expected)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_arrays_come_back_as_arrays(dtype: Any) -> None:
    x = (3 * np.random.default_rng(0).normal(size=(2, 4, 1, 3))).astype(dtype).transpose(0, 2, 3, 1)
    velocity = optimal_velocity(x, np.array([0.1, 0.8]), COVARIANCE.tolist())
    assert isinstance(velocity, np.ndarray)
    assert velocity.shape == x.shape
    assert velocity.dtype == (np.float64 if dtype is np.int64 else dtype)
    expected = by_formula(torch.from_numpy(x.copy()), torch.tensor([0.1, 0.8]), COVARIANCE)
    np.testing.assert_allclose(velocity, expected.numpy(), rtol=1e-4, atol=1e-5)


def test_arrays_that_torch_does_not_take_as_they_are() -> None:
    x = np.random.default_rng(0).normal(size=(2, 12))
    expected = optimal_velocity(x, 0.3, COVARIANCE)
    backwards = x[::-1, ::-1].copy()[::-1, ::-1]
    assert backwards.strides[0] < 0
    swapped = x.astype(x.dtype.newbyteorder(">"))
    frozen = x.copy()
    frozen.flags.writeable = False
    for given in (backwards, swapped, frozen, x.tolist(), x.astype(np.longdouble)):
        np.testing.assert_array_equal(optimal_velocity(given, 0.3, COVARIANCE), expected)
    assert optimal_velocity(x.astype(np.longdouble), 0.3, COVARIANCE).dtype == np.longdouble
    turned = COVARIANCE[::-1, ::-1][::-1, ::-1]
    np.testing.assert_array_equal(optimal_velocity(x, 0.3, turned), expected)


def test_channels_whole_and_separable() -> None:
    channels = singular(3, 3)
    x, t = torch.randn(4, 3, *GRID, dtype=torch.float64), torch.rand(4)
    whole = optimal_velocity(x, t, np.kron(channels, COVARIANCE))
    torch.testing.assert_close(optimal_velocity(x, t, (channels, COVARIANCE)), whole)
    assert not torch.allclose(optimal_velocity(x, t, np.kron(COVARIANCE, channels)), whole)


def test_gradients_flow_to_the_state() -> None:
    x = torch.randn(2, 12, dtype=torch.float64, requires_grad=True)
    torch.autograd.gradcheck(lambda x: optimal_velocity(x, 0.3, COVARIANCE), x)


def test_an_empty_batch() -> None:
    assert optimal_velocity(torch.zeros(0, 12), torch.zeros(0), COVARIANCE).shape == (0, 12)


@pytest.mark.parametrize(
    ("x", "t", "covariance", "message"),
    [
        (torch.zeros(2, 11), 0.5, COVARIANCE, "with 12 values a sample"),
        (torch.zeros(12), 0.5, COVARIANCE, "x_t must be"),
        (torch.zeros(2, 12), [0.5, 0.5, 0.5], COVARIANCE, "each of the 2 samples"),
        (torch.zeros(2, 12), -0.1, COVARIANCE, "not -0.1"),
        (torch.zeros(2, 12), float("nan"), COVARIANCE, "not nan"),
        (torch.zeros(2, 12), 0.5, -COVARIANCE, "positive semi-definite"),
        (torch.zeros(2, 12), 0.5, np.triu(COVARIANCE), "symmetric"),
        (torch.zeros(2, 12), 0.5, (COVARIANCE,), "pair"),
        (torch.zeros(2, 12), 0.5, (-np.eye(2), np.eye(6)), "covariance of channels must be positive"),
        (torch.zeros(2, 12, dtype=torch.complex64), 0.5, COVARIANCE, "real numbers"),
        (np.zeros((2, 12), complex), 0.5, COVARIANCE, "real numbers, not complex128"),
        (np.full((2, 12), None), 0.5, COVARIANCE, "real numbers, not object"),
        ("zeros", 0.5, COVARIANCE, "real numbers, not <U5"),
        ([[0.0] * 12, [0.0]], 0.5, COVARIANCE, "rows of different lengths"),
    ],
)
def test_faults_are_told_in_a_line(x: Any, t: Any, covariance: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        optimal_velocity(x, t, covariance)
    assert "\n" not in str(caught.value)


MIXTURE = GaussianMixture(
    [exponential(1, 3, 2.0), 0.1 * np.eye(3), (np.array([[2.0]]), singular(3, 1))],
    means=[[0, 0, 0], [2, -1, 0.5], [0, 0, 0]],
    weights=[1, 2, 1],
)


def test_a_mixture_of_one_is_the_gaussian() -> None:
    x, t = torch.randn(4, 12), torch.tensor([0.0, 0.3, 0.8, 1.0])
    alone = GaussianMixture([COVARIANCE])
    torch.testing.assert_close(alone.optimal_velocity(x, t), optimal_velocity(x, t, COVARIANCE))
    times = np.array([0.0, 0.3, 1.0])
    value, error = alone.least_loss(times, samples=8)
    np.testing.assert_allclose(value, least_loss(COVARIANCE, times), rtol=1e-10)
    np.testing.assert_allclose(error, 0, atol=1e-10)


@pytest.mark.parametrize("t", [0.3, 0.7])
def test_a_mixtures_velocity_is_the_mean_of_the_draws_that_led_there(t: float) -> None:
    """Importance weights: x_1 drawn from the mixture, weighted by the density of the noise that x_t then implies."""
    data = MIXTURE.sample(400_000, torch.Generator().manual_seed(0))
    for x in torch.tensor([[0.5, -0.2, 0.1], [1.0, -0.5, 0.3]], dtype=torch.float64):
        noise = (x - t * data) / (1 - t)
        weights = (-0.5 * noise.square().sum(1)).softmax(0)
        expected = (weights[:, None] * (data - noise)).sum(0)
        velocity = MIXTURE.optimal_velocity(x[None], t)[0]
        torch.testing.assert_close(velocity, expected, rtol=0.03, atol=0.03)
        data_mean = MIXTURE.expected_data(x[None], t)[0]
        torch.testing.assert_close(data_mean, (weights[:, None] * data).sum(0), rtol=0.03, atol=0.03)


def test_a_mixtures_least_loss_is_its_velocitys() -> None:
    generator = torch.Generator().manual_seed(5)
    data = MIXTURE.sample(100_000, generator)
    noise = torch.randn(data.shape, generator=generator, dtype=torch.float64)
    for t in (0.4, 0.9):
        value, error = MIXTURE.least_loss(t, samples=20_000)
        reached = (MIXTURE.optimal_velocity(t * data + (1 - t) * noise, t) - (data - noise)).square().mean()
        assert isinstance(value, float)
        assert float(reached) == pytest.approx(value, abs=5 * error + 0.01)
        again = MIXTURE.least_loss(t, samples=20_000, seed=1).value
        assert abs(again - value) < 5 * 2**0.5 * error
        assert 0 < error < 0.01


def test_a_mixture_beats_the_gaussian_of_the_same_covariance() -> None:
    covariance = np.cov(MIXTURE.sample(100_000, torch.Generator().manual_seed(0)).numpy().T)
    assert MIXTURE.least_loss(0.6).value < least_loss(covariance, 0.6) - 0.05


def test_a_mixture_is_finite_at_the_ends_though_a_component_is_singular() -> None:
    x = MIXTURE.sample(64, torch.Generator().manual_seed(0))
    torch.testing.assert_close(MIXTURE.optimal_velocity(x, 1.0), x)
    mean = torch.tensor([2, -1, 0.5], dtype=torch.float64) / 2
    torch.testing.assert_close(MIXTURE.optimal_velocity(x, 0.0), mean - x)
    assert MIXTURE.least_loss(1.0) == pytest.approx((1.0, 0.0))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"covariances": []}, "at least one component"),
        ({"covariances": [np.eye(2), np.eye(3)]}, "covariances of one size"),
        ({"covariances": [np.eye(2)], "means": [[1.0]]}, r"shape \(1, 2\), not \(1, 1\)"),
        ({"covariances": [np.eye(2)], "weights": [0.0]}, "1 positive numbers"),
        ({"covariances": [np.eye(2)], "means": [[1j, 0]]}, "means must hold real numbers, not complex128"),
        ({"covariances": [np.eye(2)], "weights": [1j]}, "weights must hold real numbers, not complex128"),
    ],
)
def test_mixtures_that_are_none(words: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GaussianMixture(**words)


@pytest.mark.parametrize("samples", [1, 2.5, True])
def test_a_standard_error_needs_samples(samples: Any) -> None:
    with pytest.raises(ValueError, match="at least 2 samples"):
        MIXTURE.least_loss(0.5, samples=samples)


def test_prepared_once_it_gives_the_same() -> None:
    x, t = torch.randn(3, 12), torch.rand(3)
    assert torch.equal(OptimalVelocity(COVARIANCE)(x, t), optimal_velocity(x, t, COVARIANCE))
