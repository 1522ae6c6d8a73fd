"""Scan orders as tensors: `order[i]` is the row-major index of the token visited at step i.

An order is int64, (L,) for all sequences of a batch or (batch, L) with one for each.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from zigma.ops.operator import Operator, outside_transforms, transformed, watched

# Orders on an accelerator that were checked, each with the version it had: looking again would take longer than a
# short scan. There kernels keep every index within bounds themselves, so that no memory depends on this.
_checked = WeakIdKeyDictionary()


def checked_order(order: Any, tokens: Tensor) -> Tensor | None:
    """Return what a caller gave as order of tokens (batch, L, D), checked, as kernels take it.

    On a CPU it is a copy: memory that is shared with a NumPy array may change at any time without a trace, also
    between a forward pass and its backward pass, and an index out of range would read and write foreign memory.

    Args:
        order: integers (L,) or (batch, L) as a tensor, an array or a list; anything that has such an `.order`; None.

    Raises:
        ValueError: in one line, if it has another shape or type, several segments, lies on another device, or does
            not visit every token exactly once. Under torch.compile the values are checked when the compiled code
            runs; on CUDA too they are checked later, without waiting for them: a wrong order is a failed assertion
            of the device. Under torch.func's transforms the values of an order that is itself transformed are not
            checked.
    """
    if order is None:
        return None
    tensor = _as_tensor(order, tokens.device)
    batch, length, _ = tokens.shape
    if tuple(tensor.shape) not in ((length,), (batch, length)):
        raise ValueError(
            f"order must be int64 of shape ({length},) or ({batch}, {length}), got {tuple(tensor.shape)}"
        )
    if tensor.device != tokens.device:
        raise ValueError(
            f"order is on {tensor.device}, the tokens on {tokens.device}; put both on one device"
        )
    if transformed() and tensor.device.type == "cpu":
        return _checked_outside(tensor)
    if tensor.device.type == "cpu" or watched():
        checked: Tensor = _check(tensor)
        return checked
    if tensor.is_inference() or _checked.get(tensor) != tensor._version:
        _require_permutations_on_device(tensor)
        if not tensor.is_inference():
            _checked[tensor] = tensor._version
    return tensor.to(torch.int64)


def _as_tensor(order: Any, device: torch.device) -> Tensor:
    if getattr(order, "segments", 1) > 1:
        raise ValueError(
            f"order has {order.segments} segments, each with a state of its own: give every segment as a sequence "
            "of the batch, or `order.order` for one path through all tokens"
        )
    order = getattr(order, "order", order)
    if not isinstance(order, Tensor):
        try:
            array = np.asarray(order)
        except ValueError:
            raise ValueError(
                "order must be int64 of shape (L,) or (batch, L), got lists of unequal length"
            ) from None
        if array.dtype.kind not in "iu":
            raise ValueError(f"order must be int64 of shape (L,) or (batch, L), got {array.dtype}")
        with outside_transforms():  # which would wrap it, and hide its values
            order = torch.tensor(array.astype(np.int64), device=device)
    if order.is_floating_point() or order.is_complex() or order.dtype == torch.bool:
        raise ValueError(f"order must be int64 of shape (L,) or (batch, L), got {order.dtype}")
    return order


def _checked_outside(order: Tensor) -> Tensor:
    """A copy of an order under torch.func's transforms; its values can only be read where none has wrapped it."""
    if torch._C._functorch.is_functorch_wrapped_tensor(order):
        return order.to(torch.int64, copy=True)
    with outside_transforms():
        return _check_order(order)


def _check_order(order: Tensor) -> Tensor:
    copy = order.to(torch.int64, copy=True, memory_format=torch.contiguous_format)
    if copy.device.type == "cpu":
        _require_permutations(copy.numpy())
    else:
        _require_permutations_on_device(copy)
    return copy


# An operator, so that a compiled graph has the check in it.
_check = Operator(
    "zigma::checked_order", _check_order, lambda order: order.new_empty(order.shape, dtype=torch.int64)
)


def _require_permutations(orders: np.ndarray) -> None:
    length = orders.shape[-1]
    if orders.size == 0:
        return
    if orders.min() < 0 or orders.max() >= length:
        raise ValueError(
            f"order has an index outside 0..{length - 1}; it must be a permutation of the {length} tokens"
        )
    visited = np.zeros(orders.shape, np.bool_)
    if orders.ndim == 1:
        visited[orders] = True
    else:
        np.put_along_axis(visited, orders, True, axis=1)
    if not visited.all():
        raise ValueError(
            f"order visits a token more than once; it must be a permutation of the {length} tokens"
        )


def _require_permutations_on_device(orders: Tensor) -> None:
    right = (orders.sort(-1).values == torch.arange(orders.shape[-1], device=orders.device)).all()
    if orders.device.type == "cuda":
        torch._assert_async(right, "order must be a permutation of the tokens")
    elif not right:
        raise ValueError(f"order must be a permutation of the {orders.shape[-1]} tokens")


def along_order(x: Tensor, order: Tensor | None) -> Tensor:
    """Return tokens (batch, L, channels) in the order in which the scan visits them."""
    if order is None:
        return x
    if order.ndim == 1:
        return x.index_select(1, order)
    return x.gather(1, order[:, :, None].expand(-1, -1, x.shape[2]))


def back_to_place(y: Tensor, order: Tensor | None) -> Tensor:
    """Undo `along_order`: put the value of step i at token `order[i]`."""
    if order is None:
        return y
    steps = torch.arange(order.shape[-1], device=order.device).expand_as(order)
    return along_order(y, torch.empty_like(order).scatter_(-1, order, steps))
