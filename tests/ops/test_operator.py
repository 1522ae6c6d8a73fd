"""Operators, seen by torch and called directly."""

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from zigma.ops.operator import Operator


def _double(x: Tensor) -> Tensor:
    return 2 * x


def _gradients(ctx: Any, grad: Tensor) -> Tensor:
    (x,) = ctx.saved_tensors
    return 2 * grad + 0 * x


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


double = Operator("zigma::double_for_a_test", _double, torch.empty_like)
double.differentiate(_gradients, _save)


class Noted(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.append(function.name())
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("seen", [True, False])
def test_both_ways_give_the_same(seen: bool) -> None:
    x = torch.randn(5, requires_grad=True)
    noted = Noted()
    if seen:
        with noted:
            y = double(x)
    else:
        y = double(x)
    assert torch.equal(y, 2 * x)
    (grad,) = torch.autograd.grad(y.sum(), x)
    assert grad.tolist() == [2.0] * 5
    assert noted.names == (["zigma::double_for_a_test"] if seen else [])


def test_a_compiler_sees_the_operator_whole() -> None:
    seen = []

    def backend(graph: torch.fx.GraphModule, inputs: Any) -> Any:
        seen.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return graph.forward

    torch.compile(lambda x: double(x), backend=backend, fullgraph=True)(torch.randn(3))
    assert any("double_for_a_test" in name for name in seen)
