"""Gradients of gradients: the kernels' backward passes have none of their own, autograd through the reference has."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def is_differentiated(*tensors: Tensor | None) -> bool:
    """Whether the backward pass that asks is to be differentiated itself (create_graph=True) in one of `tensors`."""
    return torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in tensors)


def differentiable_gradients(
    function: Callable[..., Any], inputs: Sequence[Tensor | None], grads: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """Return the gradients of `function(*inputs)`, a tuple, in each input, themselves differentiable.

    Args:
        grads: of each of the function's results; None where nothing depends on it.
    """
    with torch.enable_grad():
        # one tensor may be several inputs, each of which has a gradient of its own
        own = [x.view_as(x) if x is not None and x.requires_grad else x for x in inputs]
        pairs = [(y, grad) for y, grad in zip(function(*own), grads, strict=True) if grad is not None]
    results, weights = zip(*((y, grad) for y, grad in pairs if y.requires_grad), strict=True)
    leaves = [x for x in own if x is not None and x.requires_grad]
    made = iter(torch.autograd.grad(results, leaves, weights, create_graph=True, materialize_grads=True))
    return [next(made) if x is not None and x.requires_grad else None for x in own]
