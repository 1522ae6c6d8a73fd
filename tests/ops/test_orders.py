"""Orders: one for all sequences or one for each, of any type, checked, and never trusted again."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scans import BACKENDS, assert_close, inputs, permutation, permutations, with_gradients
from torch import Tensor

from zigma.ops import causal_conv1d, reference, selective_scan, selective_scan_reference
from zigma.scans import ScanOrder

SHAPES = [(2, 1, 3, 4), (3, 17, 37, 5), (2, 35, 130, 16)]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_an_order_for_each_sequence(backend: str, shape: tuple[int, int, int, int]) -> None:
    made, orders = inputs(shape, optional=True), permutations(*shape[:2])
    tokens = ("u", "delta", "B", "C", "z")

    def one_by_one(**given: Tensor) -> Tensor:
        parts = []
        for i, order in enumerate(orders):
            alone = {name: x[i : i + 1] if name in tokens else x for name, x in given.items()}
            parts.append(selective_scan_reference(**alone, delta_softplus=True, order=order))
        return torch.cat(parts)

    truth = with_gradients(one_by_one, made, torch.float64)
    options = {"delta_softplus": True, "order": orders, "backend": backend}
    assert_close(with_gradients(selective_scan, made, torch.float32, **options), truth)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("length", "taps"), [(1, 4), (19, 4), (7, 1)])
def test_a_convolution_along_an_order_for_each_sequence(backend: str, length: int, taps: int) -> None:
    generator = torch.Generator().manual_seed(length)
    shapes = {"x": (3, length, 37), "weight": (37, taps), "bias": (37,)}
    made = {n: torch.randn(*s, generator=generator, dtype=torch.float64) for n, s in shapes.items()}
    orders = permutations(3, length)

    def one_by_one(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        parts = zip(x.split(1), orders, strict=True)
        return torch.cat([reference.causal_conv1d(part, weight, bias, True, order) for part, order in parts])

    truth = with_gradients(one_by_one, made, torch.float64)
    options = {"silu": True, "order": orders, "backend": backend}
    assert_close(with_gradients(causal_conv1d, made, torch.float32, **options), truth)


@pytest.mark.parametrize("backend", BACKENDS)
def test_arrays_lists_and_scan_orders(backend: str) -> None:
    made = {name: x.float() for name, x in inputs((2, 6, 4, 2), optional=True).items()}
    order = permutation(6)
    expected = selective_scan(**made, order=order, backend=backend)
    array = order.numpy()
    for given in (array, array.astype(np.uint8), order.int(), array.tolist(), SimpleNamespace(order=array)):
        assert torch.equal(selective_scan(**made, order=given, backend=backend), expected)
        assert torch.equal(
            causal_conv1d(made["u"], made["A"], order=given, backend=backend),
            causal_conv1d(made["u"], made["A"], order=order, backend=backend),
        )


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ([0, 1, 2, 3, 3], "more than once"),
        ([0, 1, 2, 3, -1], "outside 0..4"),
        ([0, 1, 2, 3, 5], "outside 0..4"),
        ([[0, 1, 2, 3, 4], [0, 1, 2, 3, 3]], "more than once"),
        ([[0, 1, 2, 3, 4], [0, 1, 2, 9, 3]], "outside 0..4"),
        ([[0, 1, 2, 3, 4]], r"shape \(5,\) or \(2, 5\), got \(1, 5\)"),
        ([[0, 1, 2, 3, 4]] * 3, r"got \(3, 5\)"),
        (range(4), r"got \(4,\)"),
        (2, r"got \(\)"),
        ([0.0, 1, 2, 3, 4], "int64 .* got float64"),
        (torch.zeros(5), "int64 .* got torch.float32"),
        (torch.zeros(5, dtype=torch.bool), "int64 .* got torch.bool"),
        ([[0, 1], [2]], "unequal length"),
        (["a", "b"], "int64 .* got <U1"),
        ("zigzag", "int64 .* got <U6"),
    ],
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_is_no_order_is_refused(order: Any, says: str, backend: str) -> None:
    made = {name: x.float() for name, x in inputs((2, 5, 4, 2), optional=False).items()}
    for call in (
        lambda: selective_scan(**made, order=order, backend=backend),
        lambda: causal_conv1d(made["u"], made["A"], order=order, backend=backend),
    ):
        with pytest.raises(ValueError, match=says) as caught:
            call()
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_order_is_looked_at_each_time(backend: str) -> None:
    """Memory that is shared with NumPy changes without a trace."""
    made = {name: value.float() for name, value in inputs((1, 5, 4, 2), optional=False).items()}
    memory = np.arange(5)
    order = torch.from_numpy(memory)
    for _ in range(2):
        selective_scan(**made, order=order, backend=backend)
    for index, says in ((10**9, "outside 0"), (-(10**9), "outside 0"), (1, "more than once")):
        memory[0] = index
        for scan in (selective_scan, torch.inference_mode()(selective_scan)):
            with pytest.raises(ValueError, match=says):
                scan(**made, order=order, backend=backend)
        with pytest.raises(ValueError, match=says):
            causal_conv1d(made["u"], made["A"], order=order, backend=backend)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_order_that_changes_before_the_backward_pass(backend: str) -> None:
    made = {name: x.float().requires_grad_() for name, x in inputs((1, 20, 4, 2), optional=False).items()}

    def gradients(change: bool) -> tuple[Tensor, ...]:
        memory = np.arange(20)
        order = torch.from_numpy(memory)
        y = selective_scan(**made, order=order, delta_softplus=True, backend=backend)
        y = causal_conv1d(y, made["A"], order=order, backend=backend)
        if change:
            memory[:] = 10**9
        return torch.autograd.grad(y.square().sum(), list(made.values()))

    assert all(torch.equal(a, b) for a, b in zip(gradients(True), gradients(False), strict=True))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_compiled_scan_looks_at_its_order_too(backend: str) -> None:
    made = {name: x.float() for name, x in inputs((2, 6, 4, 2), optional=False).items()}

    def scan(order: Tensor) -> Tensor:
        return selective_scan(**made, order=order, backend=backend)

    compiled = torch.compile(scan, backend="aot_eager", fullgraph=True)
    for order in (permutation(6), permutations(2, 6)):
        torch.testing.assert_close(compiled(order), scan(order))
    for wrong, says in (([0, 1, 2, 3, 4, 4], "more than once"), ([0, 1, 2, 3, 4, 6], "outside")):
        with pytest.raises(ValueError, match=says):
            compiled(torch.tensor(wrong))


def test_an_order_of_several_segments_is_refused_as_its_states_would_leak() -> None:
    made = {name: x.float() for name, x in inputs((1, 6, 4, 2), optional=False).items()}
    whole = ScanOrder(np.arange(6)[::-1], (2, 3))
    apart = ScanOrder(np.arange(6), (2, 3), segments=2)
    for call in (
        lambda order: selective_scan(**made, order=order),
        lambda order: causal_conv1d(made["u"], made["A"], order=order),
    ):
        assert torch.equal(call(whole), call(whole.order))
        with pytest.raises(ValueError, match=r"order has 2 segments.*order\.order"):
            call(apart)
