"""Baselines are exact for data of their own law, and fitted by counting."""

import math

import pytest
import torch
from torch import Tensor, nn

from zigma.experiment.baselines import Baseline, IndependentValues, LinearGaussian, batches_of
from zigma.interpolant import interpolant_loss
from zigma.interpolant.config import InterpolantConfig
from zigma.optimum import least_loss, optimal_velocity

LINEAR = InterpolantConfig()


def correlated(n: int, side: int = 4) -> Tensor:
    """Images (n, 1, side, side) whose neighbours are alike."""
    generator = torch.Generator().manual_seed(0)
    steps = torch.randn(n, 1, side, side, generator=generator)
    return steps.cumsum(-1) / math.sqrt(side)


def losses(baseline: Baseline, images: Tensor, t: float, interpolant: InterpolantConfig = LINEAR) -> float:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    times = torch.full((len(images),), t)
    return float(interpolant_loss(interpolant, baseline, images, noise, times, None).mean())


def test_the_linear_gaussian_one_is_the_optimal_velocity_of_its_covariance() -> None:
    images = correlated(500)
    baseline = LinearGaussian(LINEAR, images)
    covariance = torch.cov(images.flatten(1).T.double(), correction=0)
    x, t = torch.randn(6, 1, 4, 4), torch.tensor([0.0, 0.2, 0.4, 0.6, 0.8, 0.95])
    shift = t.view(-1, 1, 1, 1) * baseline.mean.view(1, 1, 4, 4).float()
    expected = baseline.mean.view(1, 1, 4, 4).float() + optimal_velocity(x - shift, t, covariance.numpy())
    assert torch.allclose(baseline(x, t), expected, atol=1e-4)


def test_its_loss_is_the_least_loss() -> None:
    images = correlated(20_000)
    baseline = LinearGaussian(LINEAR, images)
    covariance = torch.cov(images.flatten(1).T.double(), correction=0).numpy()
    for t in (0.1, 0.5, 0.9):
        assert losses(baseline, images, t) == pytest.approx(float(least_loss(covariance, t)), rel=0.02)


def test_a_shrunk_covariance_allows_what_few_images_do_not_show() -> None:
    few, others = correlated(1_200).split([12, 1_188])
    own, shrunk = LinearGaussian(LINEAR, few), LinearGaussian(LINEAR, few, shrunk=True)
    assert losses(shrunk, others, 0.9) < losses(own, others, 0.9) / 2
    many = correlated(20_000)
    own, shrunk = LinearGaussian(LINEAR, many), LinearGaussian(LINEAR, many, shrunk=True)
    assert losses(shrunk, many, 0.5) == pytest.approx(losses(own, many, 0.5), rel=0.01)


def test_one_patch_sees_its_own_values_alone() -> None:
    images = correlated(2_000)
    token_of = torch.tensor([0, 0, 1, 1] * 2 + [2, 2, 3, 3] * 2)
    whole, patch = LinearGaussian(LINEAR, images), LinearGaussian(LINEAR, images, token_of)
    assert patch.name == "one patch"
    x, t = torch.randn(1, 1, 4, 4), torch.tensor([0.5])
    changed = x.clone()
    changed[0, 0, 3, 3] += 5.0
    apart = (patch(changed, t) - patch(x, t)).abs().flatten() > 1e-6
    assert apart.tolist() == [token == 3 and bool(apart[i]) for i, token in enumerate(token_of.tolist())]
    assert apart[15]
    assert losses(patch, images, 0.5) > losses(whole, images, 0.5)


def test_independent_values_are_the_best_predictor_that_sees_one_value() -> None:
    """By Bayes' rule over the two levels of a coin, against the closed form of tanh."""
    images = torch.where(
        torch.rand(4_000, 1, 1, 2, generator=torch.Generator().manual_seed(2)) < 0.5, -1.0, 1.0
    )
    baseline = IndependentValues(LINEAR, images)
    share = baseline.shares[:, 1]
    x, t = torch.tensor([[[[0.3, -0.2]]]]), torch.tensor([0.6])
    log_odds = (share / (1 - share)).log().float()
    data = torch.tanh(x.flatten() * 0.6 / 0.4**2 + log_odds / 2)
    noise = (x.flatten() - 0.6 * data) / 0.4
    assert torch.allclose(baseline(x, t).flatten(), data - noise, atol=1e-5)


def test_images_that_are_not_of_8_bits_have_few_levels() -> None:
    """Digits that were resized have tens of thousands of values: a softmax over all of them takes minutes."""
    images = torch.rand(1000, 1, 5, 5, generator=torch.Generator().manual_seed(0)) * 2 - 1
    baseline = IndependentValues(LINEAR, images)
    assert len(baseline.levels) <= 256
    assert torch.allclose(baseline.shares @ baseline.levels, images.flatten(1).double().mean(0), atol=1 / 127)


def test_samples_have_the_law() -> None:
    images = correlated(5_000).clamp(-1, 1)
    images = (images * 127.5).round() / 127.5
    for baseline in (IndependentValues(LINEAR, images), LinearGaussian(LINEAR, images)):
        drawn = torch.cat(list(batches_of(baseline, 5_000, (1, 4, 4))))
        assert drawn.shape == (5_000, 1, 4, 4)
        assert drawn.abs().max() <= 1
        assert torch.allclose(drawn.mean(0), images.mean(0), atol=0.06)
        correlation = torch.corrcoef(drawn.flatten(1).T)[0, 1]
        assert abs(float(correlation)) < 0.06 or isinstance(baseline, LinearGaussian)
        assert float(correlation) > 0.5 or isinstance(baseline, IndependentValues)


@pytest.mark.parametrize("target", ["score", "noise"])
@pytest.mark.parametrize("path", ["linear", "gvp", "vp"])
def test_every_path_and_target_is_answered(path: str, target: str) -> None:
    interpolant = InterpolantConfig.model_validate({"path": path, "target": target})
    images = correlated(2_000)

    class Zero(nn.Module):
        def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
            return torch.zeros_like(x)

    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    times = torch.full((len(images),), 0.4)
    zero = float(interpolant_loss(interpolant, Zero(), images, noise, times, None).mean())
    assert losses(LinearGaussian(interpolant, images), images, 0.4, interpolant) < 0.9 * zero


def test_the_ends_of_time_are_finite() -> None:
    images = correlated(300)
    for baseline in (LinearGaussian(LINEAR, images), IndependentValues(LINEAR, (images * 8).round() / 8)):
        x = torch.randn(2, 1, 4, 4)
        assert torch.isfinite(baseline(x, torch.tensor([0.0, 1.0]))).all()
