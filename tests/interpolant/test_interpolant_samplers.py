"""Samplers on problems whose solution or law is known."""

import itertools
import math

import pytest
import torch
from scipy.stats import kstest, norm

from zigma.interpolant import PATHS, SAMPLERS, Flow, convert, sample, samplers, time_interval
from zigma.interpolant.config import InterpolantConfig, SamplingConfig
from zigma.interpolant.diffusion import sde_half_diffusion

MEAN, STD = 0.7, 0.4  # of Gaussian data
MODES = ((0.3, -1.2, 0.3), (0.7, 1.0, 0.5))  # weight, mean, standard deviation of a mixture
FORMS = ("constant", "sbdm", "sigma", "linear", "decreasing", "increasing-decreasing")


def mixture_noise(path, modes, x, t):
    """E[x_0 | x_t = x] for data of a one-dimensional Gaussian mixture: -sigma_t times the score."""
    c = PATHS[path](t.view(-1, *[1] * (x.dim() - 1)))
    variances = [c.alpha**2 * s**2 + c.sigma**2 for _, _, s in modes]
    offsets = [x - c.alpha * m for _, m, _ in modes]
    logs = [
        math.log(w) - (o**2 / v + v.log()) / 2
        for (w, _, _), o, v in zip(modes, offsets, variances, strict=True)
    ]
    share = torch.softmax(torch.stack(logs), dim=0)
    score = -sum(p * o / v for p, o, v in zip(share, offsets, variances, strict=True))
    return -c.sigma * score


def network(config, modes):
    """The perfect network for a target."""

    def model(x, t):
        noise = mixture_noise(config.path, modes, x, t)
        return convert(noise, x, t, path=config.path, given="noise", to=config.target)

    return model


def velocity_of_gaussian(config):
    # Not through the noise, whose conversion is 0 / 0 at t = 0 on the linear path.
    def model(x, t):
        c = PATHS[config.path](t.view(-1, *[1] * (x.dim() - 1)))
        variance = c.alpha**2 * STD**2 + c.sigma**2
        slope = (c.alpha * c.d_alpha * STD**2 + c.sigma * c.d_sigma) / variance
        return c.d_alpha * MEAN + slope * (x - c.alpha * MEAN)

    return model


def law(path, t):
    """Mean and standard deviation of x_t for Gaussian data."""
    c = PATHS[path](torch.tensor(t, dtype=torch.float64))
    return float(c.alpha * MEAN), float((c.alpha**2 * STD**2 + c.sigma**2).sqrt())


def slope(steps, errors):
    """Order of convergence: minus the slope of log error against log steps."""
    return -(math.log(errors[-1]) - math.log(errors[0])) / (math.log(steps[-1]) - math.log(steps[0]))


@pytest.mark.parametrize("path", ["linear", "gvp"])
@pytest.mark.parametrize(("sampler", "order"), [("euler", 1), ("heun", 2)])
def test_ode_order(path, sampler, order):
    config, noise = InterpolantConfig(path), torch.linspace(-2, 2, 9, dtype=torch.float64).unsqueeze(1)
    steps = (20, 40, 80, 160)
    errors = [
        (
            sample(config, SamplingConfig(sampler, n), velocity_of_gaussian(config), noise)
            - (MEAN + STD * noise)
        )
        .abs()
        .max()
        .item()
        for n in steps
    ]
    assert slope(steps, errors) == pytest.approx(order, abs=0.12)


def test_dopri5_keeps_its_tolerance():
    config, noise = InterpolantConfig(), torch.linspace(-2, 2, 9, dtype=torch.float64).unsqueeze(1)
    errors = []
    for tolerance in (1e-3, 1e-6, 1e-9):
        sampling = SamplingConfig("dopri5", rtol=tolerance, atol=tolerance)
        samples = sample(config, sampling, velocity_of_gaussian(config), noise)
        errors.append((samples - (MEAN + STD * noise)).abs().max().item())
        assert errors[-1] < 10 * tolerance
    assert errors[2] < errors[1] < errors[0]


def affine_law(monkeypatch, config, sampling):
    """Exact mean and standard deviation of an SDE sampler's result for Gaussian data.

    There the drift is affine, so that the result is a constant plus a sum of the normal draws, each times its
    response: run the sampler once without noise and once with each draw alone set to one.
    """
    draws = sampling.steps - (sampling.last_step != "none")
    turn = itertools.count()

    def unit(shape, **_):
        noise = torch.zeros(shape, dtype=torch.float64)
        noise[2 + next(turn)] = 1
        return noise

    monkeypatch.setattr(samplers.torch, "randn", unit)
    start = torch.zeros(2 + draws, 1, dtype=torch.float64)
    start[1] = 1  # the response to the initial noise
    end = sample(config, sampling, velocity_of_gaussian(config), start)[:, 0]
    response = end[1:] - end[0]
    # vp starts a little off the standard normal
    mean, std = law(config.path, time_interval(config, sampling)[0])
    shift = float(response[0]) * mean
    response[0] *= std
    return float(end[0] + shift), float(response.square().sum().sqrt())


@pytest.mark.parametrize("sampler", ["sde-euler", "sde-heun"])
@pytest.mark.parametrize("path", PATHS)
def test_sde_weak_order(monkeypatch, sampler, path):
    config, steps = InterpolantConfig(path), (100, 200, 400)
    errors = []
    for n in steps:
        sampling = SamplingConfig(sampler, n, last_step="none", diffusion="constant")
        mean, std = affine_law(monkeypatch, config, sampling)
        true_mean, true_std = law(path, time_interval(config, sampling)[1])
        errors.append(abs(mean - true_mean) + abs(std - true_std))
    assert slope(steps, errors) == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("sampler", ["sde-euler", "sde-heun"])
def test_every_diffusion_form_has_the_same_law(monkeypatch, form, sampler):
    config = InterpolantConfig("vp")
    sampling = SamplingConfig(sampler, 400, diffusion=form, last_step="none")
    fitted = affine_law(monkeypatch, config, sampling)
    assert fitted == pytest.approx(law("vp", time_interval(config, sampling)[1]), abs=0.01)


@pytest.mark.parametrize("last_step", ["mean", "tweedie", "euler"])
def test_last_steps_reach_the_data(monkeypatch, last_step):
    config = InterpolantConfig()
    sampling = SamplingConfig("sde-euler", 400, last_step=last_step, last_step_size=0.04)
    mean, std = affine_law(monkeypatch, config, sampling)
    assert mean == pytest.approx(MEAN, abs=0.01)
    assert std == pytest.approx(STD, abs=0.01)


def test_sbdm_is_the_vp_diffusion():
    # beta = 0.1 + (1 - t) 19.9, and w_t / 2 = beta / 2
    assert sde_half_diffusion("vp", "sbdm", 1.0, 0.25) == pytest.approx((0.1 + 0.75 * 19.9) / 2)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("target", ["velocity", "score", "noise"])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_law_of_samples_of_a_mixture(sampler, path, target):
    config = InterpolantConfig(path, target)
    if target == "velocity" and path != "vp":  # its velocity at t = 0 from Eq. 8: E[x_1] alpha' + x sigma'
        exact = network(InterpolantConfig(path, "velocity"), MODES)
        average = sum(w * m for w, m, _ in MODES)

        def model(x, t):
            c = PATHS[path](t.view(-1, 1))
            return torch.where(t.view(-1, 1) > 0, exact(x, t), c.d_alpha * average + c.d_sigma * x)
    else:
        model = network(config, MODES)
    sampling = SamplingConfig(sampler, 150, last_step_size=0.01, rtol=1e-5)
    noise = torch.randn((4000, 1), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    samples = sample(config, sampling, model, noise, generator=torch.Generator().manual_seed(1))
    test = kstest(samples[:, 0].numpy(), lambda x: sum(w * norm.cdf(x, m, s) for w, m, s in MODES))
    assert test.statistic < 0.025  # 4,000 exact samples exceed 0.0257 once in a hundred times


@pytest.mark.parametrize("target", ["velocity", "score", "noise"])
def test_guidance_of_any_target_guides_the_velocity(target):
    config, plain = InterpolantConfig("vp", target), InterpolantConfig("vp")
    conditioned, free = ((1.0, 0.9, 0.3),), MODES

    def model(x, t, y=None):
        if y is None:
            return network(config, free)(x, t)
        both = network(config, free)(x, t), network(config, conditioned)(x, t)
        return torch.where(y.view(-1, 1) == 1, both[1], both[0])

    def guided_velocity(x, t):
        return -0.5 * network(plain, free)(x, t) + 1.5 * network(plain, conditioned)(x, t)

    noise, y = torch.randn(6, 1, dtype=torch.float64), torch.ones(6, dtype=torch.int64)
    sampling = SamplingConfig("heun", 12, guidance=1.5)
    truth = sample(plain, SamplingConfig("heun", 12), guided_velocity, noise)
    torch.testing.assert_close(sample(config, sampling, model, noise, y), truth)
    null = torch.zeros(1, dtype=torch.int64)
    torch.testing.assert_close(sample(config, sampling, model, noise, y, null_y=null), truth)


def test_guidance_needs_a_condition():
    with pytest.raises(ValueError, match="needs a condition"):
        sample(InterpolantConfig(), SamplingConfig(guidance=2), lambda x, t: x, torch.randn(2, 1))


@pytest.mark.parametrize("sampler", ["sde-euler", "sde-heun"])
def test_sde_noise_comes_from_the_generator_alone(sampler):
    config = InterpolantConfig("vp")
    noise = torch.randn(5, 1)

    def draw(seed):
        generator = torch.Generator().manual_seed(seed)
        return sample(config, SamplingConfig(sampler, 8), network(config, MODES), noise, generator=generator)

    first = draw(3)
    torch.manual_seed(0)
    assert torch.equal(first, draw(3))
    assert not torch.equal(first, draw(4))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_broken_network_is_an_error_and_never_a_sample(sampler):
    with pytest.raises(FloatingPointError):
        sample(InterpolantConfig(), SamplingConfig(sampler, 4), lambda x, t: x * math.nan, torch.randn(3, 1))


def test_one_evaluation_gives_velocity_and_score():
    calls = []

    def model(x, t):
        calls.append(t[0].item())
        return -x

    flow = Flow(InterpolantConfig(), SamplingConfig("sde-euler", 5), model)
    SAMPLERS["sde-euler"](flow, torch.randn(2, 1), None)
    assert calls == pytest.approx([0.0, 0.24, 0.48, 0.72, 0.96])
