"""Transforms of torch.func: gradients, batches and directions, for the operators and for a whole network."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from scans import inputs
from torch import Tensor
from torch.func import functional_call, grad, jvp, vmap

from zigma.models import ZigMa
from zigma.ops import causal_conv1d, rms_norm, selective_scan

SCAN = {name: value.float() for name, value in inputs((2, 5, 3, 2), optional=True).items()}
ORDER = torch.tensor([4, 0, 3, 1, 2])
OPERATORS: dict[str, Callable[..., Tensor]] = {
    "scan": lambda u, backend: selective_scan(**SCAN | {"u": u}, order=ORDER, backend=backend),
    "convolution": lambda u, backend: causal_conv1d(
        u, torch.arange(6.0).view(3, 2), order=ORDER, backend=backend
    ),
    "norm": lambda u, backend: rms_norm(u, torch.ones(3), backend=backend)[0],
}


@pytest.fixture(params=OPERATORS)
def operator(request: pytest.FixtureRequest) -> Callable[..., Tensor]:
    return OPERATORS[request.param]


def test_gradients_are_autograds(operator: Callable[..., Tensor]) -> None:
    u = SCAN["u"].clone().requires_grad_()
    (expected,) = torch.autograd.grad(operator(u, None).square().sum(), u)
    transformed = grad(lambda u: operator(u, None).square().sum())(SCAN["u"])
    torch.testing.assert_close(transformed, expected, rtol=1e-4, atol=1e-5)


def test_a_batch_of_calls_is_one_after_another(operator: Callable[..., Tensor]) -> None:
    several = torch.stack([SCAN["u"], -SCAN["u"], SCAN["u"] / 2])
    expected = torch.stack([operator(u, None) for u in several])
    torch.testing.assert_close(vmap(lambda u: operator(u, None))(several), expected)


@pytest.mark.parametrize("backend", ["cpu", "torch"])
def test_a_backend_by_name_is_refused_in_one_line(operator: Callable[..., Tensor], backend: str) -> None:
    with pytest.raises(ValueError, match=rf"^scan backend '{backend}' .*torch.func's .*'reference' can.*$"):
        vmap(lambda u: operator(u, backend))(SCAN["u"][None])


def test_an_order_is_checked_there_too() -> None:
    def scan(u: Tensor) -> Tensor:
        return selective_scan(**SCAN | {"u": u}, order=[0, 1, 2, 3, 3]).sum()

    with pytest.raises(ValueError, match="order visits a token more than once"):
        grad(scan)(SCAN["u"])


def network() -> tuple[ZigMa, Tensor, Tensor]:
    torch.manual_seed(0)
    model = ZigMa(grid=(3, 4), in_channels=1, hidden=8, depth=2, scan="zigzag-2")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))  # else the last layer is all zeros
    return model, torch.randn(3, 1, 3, 4), torch.tensor([0.1, 0.5, 0.9])


def test_a_gradient_for_each_sample_of_a_network() -> None:
    model, x, t = network()
    weights = dict(model.named_parameters())

    def loss(weights: dict[str, Tensor], x: Tensor, t: Tensor) -> Any:
        return functional_call(model, weights, (x[None], t[None])).square().sum()

    of_each = vmap(grad(loss), in_dims=(None, 0, 0))(weights, x, t)
    for i in range(len(x)):
        model.zero_grad()
        model(x[i : i + 1], t[i : i + 1]).square().sum().backward()
        for name, parameter in model.named_parameters():
            torch.testing.assert_close(of_each[name][i], parameter.grad, rtol=1e-4, atol=1e-5, msg=name)


def test_a_derivative_along_a_direction() -> None:
    model, x, t = network()
    direction = torch.ones_like(x)
    _, derivative = jvp(lambda x: model(x, t), (x,), (direction,))
    with torch.no_grad():
        difference = (model(x + 1e-2 * direction, t) - model(x - 1e-2 * direction, t)) / 2e-2
    torch.testing.assert_close(derivative, difference, rtol=1e-2, atol=1e-3)
