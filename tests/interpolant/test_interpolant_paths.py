"""Paths, conversions and losses against identities."""

import itertools
import math
import subprocess
import sys

import pytest
import torch
from torch.func import jvp

from zigma.interpolant import PATHS, coefficients, convert, interpolant_loss, time_interval
from zigma.interpolant.config import InterpolantConfig, SamplingConfig

TARGETS = ("velocity", "score", "noise")
WEAK = [(path, target) for path in PATHS for target in ("score", "noise")]


@pytest.mark.parametrize("path", PATHS)
def test_derivatives_are_those_of_the_coefficients(path):
    t = torch.linspace(0.01, 0.99, 23, dtype=torch.float64)
    c = PATHS[path](t)
    values, slopes = jvp(lambda t: (PATHS[path](t).alpha, PATHS[path](t).sigma), (t,), (torch.ones_like(t),))
    torch.testing.assert_close((c.alpha, c.sigma), values)
    torch.testing.assert_close((c.d_alpha, c.d_sigma), slopes)


@pytest.mark.parametrize("path", PATHS)
def test_paths_lead_from_noise_to_data(path):
    c = PATHS[path](torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(c.sigma, torch.tensor([1.0, 0.0], dtype=torch.float64), atol=3e-5, rtol=0)
    torch.testing.assert_close(c.alpha, torch.tensor([0.0, 1.0], dtype=torch.float64), atol=7e-3, rtol=0)


@pytest.mark.parametrize("path", ["gvp", "vp"])
def test_variance_is_preserved(path):
    c = PATHS[path](torch.rand(50, dtype=torch.float64))
    torch.testing.assert_close(c.alpha**2 + c.sigma**2, torch.ones(50, dtype=torch.float64))


def test_vp_sigma_near_the_data_survives_single_precision():
    t = torch.tensor([1 - 2.0**-16])
    torch.testing.assert_close(PATHS["vp"](t).sigma, PATHS["vp"](t.double()).sigma.float(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("path", PATHS)
def test_conversions_agree_with_the_expectations_they_stand_for(path):
    # With one data point x_1, E[x_1 | x] = x_1 and the three targets are known in closed form (Eqs. 8-10).
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    data = torch.randn(2, 3, dtype=torch.float64)
    t = torch.linspace(0.1, 0.9, 7, dtype=torch.float64)
    c = coefficients(path, t, like=x)
    noise = (x - c.alpha * data) / c.sigma
    truth = {
        "noise": noise,
        "score": -(x - c.alpha * data) / c.sigma**2,
        "velocity": c.d_alpha * data + c.d_sigma * noise,
    }
    for given, to in itertools.product(TARGETS, TARGETS):
        converted = convert(truth[given], x, t, path=path, given=given, to=to)
        torch.testing.assert_close(converted, truth[to])


def test_score_from_velocity_is_finite_at_the_noise_end():
    x, zero = torch.randn(3, 2), torch.zeros(3)
    score = convert(torch.randn(3, 2), x, zero, path="linear", given="velocity", to="score")
    torch.testing.assert_close(score, -x)  # the law at t = 0 is the standard normal


def exact(config, data, noise):
    """A network that knows the pair it is asked about."""

    def model(x, t):
        c = coefficients(config.path, t, like=x)
        velocity = c.d_alpha * data + c.d_sigma * noise
        return {"velocity": velocity, "score": -noise / c.sigma, "noise": noise}[config.target]

    return model


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("target", TARGETS)
def test_a_perfect_prediction_has_no_loss(path, target):
    data, noise, t = torch.randn(5, 3, 2), torch.randn(5, 3, 2), torch.rand(5)
    config = InterpolantConfig(path=path, target=target)
    loss = interpolant_loss(config, exact(config, data, noise), data, noise, t)
    torch.testing.assert_close(loss, torch.zeros(5), atol=1e-10, rtol=0)


@pytest.mark.parametrize(("path", "target"), WEAK)
def test_the_velocity_weight_makes_every_loss_the_velocity_loss(path, target):
    data, noise = torch.randn(2, 6, 4, dtype=torch.float64)
    t = torch.linspace(0.05, 0.95, 6, dtype=torch.float64)
    velocity = torch.randn(6, 4, dtype=torch.float64)

    def other(x, t):
        return convert(velocity, x, t, path=path, given="velocity", to=target)

    loss = interpolant_loss(InterpolantConfig(path, target, "velocity"), other, data, noise, t)
    plain = interpolant_loss(InterpolantConfig(path), lambda x, t: velocity, data, noise, t)
    torch.testing.assert_close(loss, plain)


@pytest.mark.parametrize("path", PATHS)
def test_the_likelihood_weight_by_its_definition(path):
    data, noise, t = torch.randn(4, 3), torch.randn(4, 3), torch.tensor([0.2, 0.4, 0.6, 0.8])
    zero = torch.zeros_like
    plain = interpolant_loss(InterpolantConfig(path, "noise"), lambda x, t: zero(x), data, noise, t)
    weighted = interpolant_loss(
        InterpolantConfig(path, "noise", "likelihood"), lambda x, t: zero(x), data, noise, t
    )
    c = PATHS[path](t)
    torch.testing.assert_close(weighted / plain, (c.d_alpha / c.alpha - c.d_sigma / c.sigma))
    torch.testing.assert_close(plain, noise.square().mean(1))


WEIGHTS = [(target, weight) for target in ("score", "noise") for weight in ("none", "velocity", "likelihood")]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("target", "weight"), [("velocity", "none"), *WEIGHTS])
def test_losses_are_finite_at_both_ends_of_time(path, target, weight):
    config = InterpolantConfig(path, target, weight)
    loss = interpolant_loss(
        config, lambda x, t: x, torch.randn(2, 4), torch.randn(2, 4), torch.tensor([0.0, 1.0])
    )
    assert loss.isfinite().all()


def test_condition_reaches_the_model_only_when_there_is_one():
    seen = []

    def model(x, t, *condition):
        seen.append(condition)
        return x

    batch = torch.randn(2, 3), torch.randn(2, 3), torch.rand(2)
    interpolant_loss(InterpolantConfig(), model, *batch)
    interpolant_loss(InterpolantConfig(), model, *batch, torch.tensor([1, 2]))
    assert seen[0] == ()
    assert seen[1][0].tolist() == [1, 2]


def test_interval_keeps_away_from_singular_ends():
    assert time_interval(InterpolantConfig()) == (0, 1)
    assert time_interval(InterpolantConfig("vp")) == (0, 1 - 1e-5)
    assert time_interval(InterpolantConfig("gvp", "noise")) == (1e-3, 1 - 1e-3)
    assert time_interval(InterpolantConfig("vp"), SamplingConfig("heun")) == (0, 1 - 1e-3)
    assert time_interval(InterpolantConfig(), SamplingConfig("sde-euler")) == (0, 0.96)
    assert time_interval(InterpolantConfig(), SamplingConfig("sde-euler", diffusion="sbdm")) == (1e-3, 0.96)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: InterpolantConfig(path="liner"), "did you mean 'linear'"),
        (lambda: InterpolantConfig(target="x"), "known: velocity, score, noise"),
        (lambda: SamplingConfig(sampler="dopri"), "did you mean 'dopri5'"),
        (lambda: SamplingConfig(steps=0), "steps must be at least 1"),
        (lambda: SamplingConfig("sde-heun", steps=1), "at least 2"),
        (lambda: SamplingConfig(guidance=math.nan), "finite"),
        (lambda: SamplingConfig(rtol=0), "rtol must be positive"),
    ],
)
def test_wrong_words_name_the_right_ones(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_bad_batches_are_refused():
    a, t = torch.randn(3, 2), torch.rand(3)
    with pytest.raises(ValueError, match="one shape"):
        interpolant_loss(InterpolantConfig(), lambda x, t: x, a, torch.randn(3, 3), t)
    with pytest.raises(ValueError, match="must have one time"):
        interpolant_loss(InterpolantConfig(), lambda x, t: x, a, a, t[:2])
    with pytest.raises(ValueError, match="returned"):
        interpolant_loss(InterpolantConfig(), lambda x, t: x[:, :1], a, a, t)
    with pytest.raises(ValueError, match=r"floating point, not torch\.uint8"):
        interpolant_loss(InterpolantConfig(), lambda x, t: x, a.to(torch.uint8), a, t)
    with pytest.raises(ValueError, match="loss_weight"):
        InterpolantConfig(loss_weight="velocity")


def test_conversions_refuse_what_does_not_fit_and_keep_the_dtype_of_the_states():
    x, t = torch.randn(3, 2).bfloat16(), torch.rand(3)
    assert convert(x.float(), x, t, path="linear", given="score", to="score").dtype == torch.bfloat16
    with pytest.raises(ValueError, match="unknown target 'eps'"):
        convert(x, x, t, path="linear", given="eps", to="eps")
    with pytest.raises(ValueError, match="unknown path 'lin'"):
        convert(x, x, t, path="lin", given="noise", to="velocity")
    with pytest.raises(ValueError, match="shape of its states"):
        convert(x[:, 0], x, t, path="linear", given="noise", to="velocity")


def test_a_last_step_that_leaves_no_time_before_it_is_refused():
    long = SamplingConfig(sampler="sde-euler", last_step_size=0.9995)
    with pytest.raises(ValueError, match=r"last_step_size must be below 0\.999"):
        time_interval(InterpolantConfig(target="noise"), long)
    assert time_interval(InterpolantConfig(), long)[1] == pytest.approx(0.0005)


def test_config_costs_no_torch():
    code = "import sys, zigma.interpolant.config, zigma.metrics.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("path", ["linear", "gvp", "vp"])
@pytest.mark.parametrize("target", ["velocity", "score", "noise"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_loss_in_few_bits_uses_the_times_it_is_given(path, target, dtype):
    """bfloat16 has nothing between 0.996 and 1: rounded there, the noise's share would be 0 and the vp loss inf."""
    config, asked = InterpolantConfig(path=path, target=target), []

    def network(x, t):
        asked.append((x.dtype, t))
        return torch.zeros_like(x)

    data, noise = torch.randn(3, 5).to(dtype), torch.randn(3, 5).to(dtype)
    t = torch.tensor([0.0, 0.9987, 1.0])
    loss = interpolant_loss(config, network, data, noise, t)
    assert loss.dtype == torch.float32
    assert loss.isfinite().all()
    exact = interpolant_loss(config, network, data.float(), noise.float(), t)
    torch.testing.assert_close(loss, exact)
    assert asked[0][0] == dtype
    assert torch.equal(asked[0][1], asked[1][1])


@pytest.mark.parametrize("t", [-0.1, 1.1, float("nan"), float("inf")])
def test_times_outside_0_to_1_are_refused(t):
    x = torch.zeros(2, 3)
    with pytest.raises(ValueError, match=r"times must lie in \[0, 1\]"):
        interpolant_loss(InterpolantConfig(), lambda x, t: x, x, x, torch.tensor([0.5, t]))
