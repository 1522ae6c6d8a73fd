"""Tensors as they come: strided, expanded, empty, narrow, under autocast, differentiated twice."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from scans import BACKENDS, assert_close, inputs, permutation, with_gradients
from torch import Tensor

from zigma.ops import causal_conv1d, rms_norm, selective_scan, selective_scan_reference

OPERATORS = ("scan", "convolution", "norm")


def call_of(
    operator: str, batch: int, length: int, width: int
) -> tuple[Callable[..., Any], dict[str, Tensor]]:
    """An operator and inputs in float64; its modulated result, where there are two."""
    made = inputs((batch, length, width, 3), optional=True)
    order = permutation(length)
    if operator == "scan":
        return lambda backend, **x: selective_scan(
            **x, delta_softplus=True, order=order, backend=backend
        ), made
    if operator == "convolution":
        names = {"x": "u", "weight": "A", "bias": "D"}
        given = {name: made[other] for name, other in names.items()}
        return lambda backend, **x: causal_conv1d(**x, silu=True, order=order, backend=backend), given
    given = {"x": made["u"], "weight": made["D"], "shift": made["u"].sum(1), "scale": made["delta"].sum(1)}
    return lambda backend, **x: torch.stack(rms_norm(**x, backend=backend)), given


def laid_out(x: Tensor, how: str) -> Tensor:
    """The same values, otherwise in memory."""
    if how == "spread":
        wide = x.new_full([2 * size + 1 for size in x.shape], float("nan"))
        inner = wide[tuple(slice(1, None, 2) for _ in x.shape)]
        return inner.copy_(x)
    if how == "transposed":
        return x.permute(*reversed(range(x.ndim))).contiguous().permute(*reversed(range(x.ndim)))
    if how == "from the end":
        wide = torch.cat([torch.full_like(x, float("nan")), x], -1)
        return wide[..., x.shape[-1] :]
    raise ValueError(how)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("how", ["spread", "transposed", "from the end"])
@pytest.mark.parametrize("shape", [(2, 5, 20), (2, 5, 1), (1, 1, 1), (3, 1, 17), (1, 6, 2)])
def test_any_layout(backend: str, operator: str, how: str, shape: tuple[int, int, int]) -> None:
    function, made = call_of(operator, *shape)
    narrow = {name: x.float() for name, x in made.items()}
    expected = with_gradients(lambda **x: function(backend, **x), narrow, torch.float32)
    leaves = {name: laid_out(x, how).requires_grad_() for name, x in narrow.items()}
    y = function(backend, **leaves)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).bfloat16().float()
    grads = torch.autograd.grad(y, list(leaves.values()), laid_out(weights, how))
    assert_close(dict(zip(("y", *leaves), (y, *grads), strict=True)), expected, 1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("width", [1, 20])
def test_expanded_inputs(backend: str, operator: str, axis: int, width: int) -> None:
    function, made = call_of(operator, 3, 4, width)
    one = {name: x.float().narrow(axis, 0, 1) for name, x in made.items()}
    expanded = {name: x.expand(made[name].shape).requires_grad_() for name, x in one.items()}
    copied = {name: x.detach().clone() for name, x in expanded.items()}
    truth = with_gradients(lambda **x: function("reference", **x), copied, torch.float64)
    y = function(backend, **expanded)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).bfloat16().float()
    grads = torch.autograd.grad((y * weights).sum(), list(expanded.values()))
    for name, value in zip(("y", *expanded), (y, *grads), strict=True):
        torch.testing.assert_close(value.double(), truth[name], rtol=1e-4, atol=1e-4)
    # what comes back may be expanded as well, as after a sum
    grads = torch.autograd.grad(function(backend, **expanded).sum(), list(expanded.values()))
    assert all(torch.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("shape", [(0, 5, 4), (2, 0, 4), (0, 0, 0), (2, 5, 0)])
def test_nothing_in_nothing_out(backend: str, operator: str, shape: tuple[int, int, int]) -> None:
    function, made = call_of(operator, *shape)
    results = with_gradients(lambda **x: function(backend, **x), made, torch.float32)
    assert results["y"].numel() == 0
    assert results["y"].shape[-3:] == shape
    for name, value in made.items():
        assert results[name].shape == value.shape
        assert (results[name] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("whole", [False, True])
def test_autocast_changes_nothing(backend: str, operator: str, whole: bool) -> None:
    """Of a state and of sums over many tokens, 8 bits would be left."""
    function, made = call_of(operator, 2, 33, 20)
    narrow = {name: x.float() for name, x in made.items()}

    def call(autocast: bool) -> list[Tensor]:
        leaves = {name: x.clone().requires_grad_() for name, x in narrow.items()}
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y = function(backend, **leaves)
            if whole:
                y.sum().backward()
        if not whole:
            y.sum().backward()
        return [y, *(x.grad for x in leaves.values() if x.grad is not None)]

    assert all(torch.equal(a, b) for a, b in zip(call(True), call(False), strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("linear", [False, True])
def test_gradients_of_gradients(backend: str, operator: str, linear: bool) -> None:
    """Also where the gradient that comes in depends on nothing, as that of a sum."""
    function, made = call_of(operator, 2, 5, 4)

    def penalty(backend: str, dtype: torch.dtype) -> tuple[Tensor, ...]:
        leaves = {name: x.to(dtype).requires_grad_() for name, x in made.items()}
        y = function(backend, **leaves)
        loss = y.sum() if linear else y.square().sum()
        grads = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
        weighted = sum((i * grad.square().sum() for i, grad in enumerate(grads, 1)), start=loss)
        return torch.autograd.grad(weighted, list(leaves.values()))

    truth = penalty("reference", torch.float64)
    for name, grad, right in zip(made, penalty(backend, torch.float32), truth, strict=True):
        assert (grad.double() - right).norm() <= 1e-4 * right.norm(), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_of_gradients_where_one_tensor_is_several_inputs(backend: str) -> None:
    def penalty(backend: str, dtype: torch.dtype) -> Tensor:
        x = torch.linspace(0.1, 1, 24, dtype=dtype).reshape(1, 6, 4).requires_grad_()
        A = -torch.rand(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(dtype)
        state = torch.ones(1, 4, 4, dtype=dtype, requires_grad=True)
        y, final = selective_scan(
            x, x, A, x, x, z=x, initial_state=state, return_final_state=True, backend=backend
        )
        grads = torch.autograd.grad(y.sum() + final.sum(), (x, state), create_graph=True)
        return torch.autograd.grad(sum(grad.square().sum() for grad in grads), x)[0]

    truth = penalty("reference", torch.float64)
    assert (penalty(backend, torch.float32).double() - truth).norm() <= 1e-4 * truth.norm()


def test_the_chunked_scan_can_be_differentiated_as_often_as_one_likes() -> None:
    made = inputs((1, 18, 2, 2), optional=False)
    made = {name: x.requires_grad_() for name, x in made.items()}

    def scan(*x: Tensor) -> Tensor:
        y: Tensor = selective_scan(*x, delta_softplus=True, backend="torch")
        return y

    assert torch.autograd.gradgradcheck(scan, tuple(made.values()))


def test_complex_inputs_are_refused() -> None:
    made = {name: x.float() for name, x in inputs((1, 3, 4, 2), optional=False).items()}
    with pytest.raises(ValueError, match="u must be floating point"):
        selective_scan_reference(**(made | {"u": made["u"].to(torch.complex64)}))


def test_a_rank_or_taps_of_nothing_are_refused() -> None:
    """Kernels read memory that was not theirs: for them a rank of 0 means no weight."""
    u, A = torch.randn(1, 4, 2), -torch.ones(2, 3)
    B = C = torch.randn(1, 4, 3)
    with pytest.raises(ValueError, match="R of at least 1"):
        selective_scan(u, torch.randn(1, 4, 0), A, B, C, delta_weight=torch.randn(2, 0))
    with pytest.raises(ValueError, match="K of at least 1"):
        causal_conv1d(u, torch.randn(2, 0))
