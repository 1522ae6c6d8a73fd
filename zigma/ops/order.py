"""Scan orders as tensors: `order[i]` is the row-major index of the token visited at step i."""

import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

_known = WeakIdKeyDictionary()  # orders that were found good, each with the version it had then


def require_permutation(order: Tensor) -> None:
    """Raise ValueError unless `order` visits every token exactly once.

    An index out of range would read foreign memory in a compiled kernel; a repeated one would leave tokens
    unwritten. An order that has not changed since it was found good is not looked at again.
    """
    version = None if order.is_inference() else order._version
    if version is not None and _known.get(order) == version:
        return
    length = order.numel()
    if length and (int(order.min()) < 0 or int(order.max()) >= length):
        raise ValueError(
            f"order has an index outside 0..{length - 1}; it must be a permutation of the {length} tokens"
        )
    if length and int(torch.bincount(order, minlength=length).max()) > 1:
        raise ValueError(
            f"order visits a token more than once; it must be a permutation of the {length} tokens"
        )
    if version is not None:
        _known[order] = version


def along_order(x: Tensor, order: Tensor | None) -> Tensor:
    """Return tokens (batch, L, ...) in the order in which the scan visits them."""
    return x if order is None else x.index_select(1, order)


def back_to_place(y: Tensor, order: Tensor | None) -> Tensor:
    """Undo `along_order`: put the value of step i at token `order[i]`."""
    if order is None:
        return y
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(order.numel(), device=order.device)
    return y.index_select(1, inverse)
