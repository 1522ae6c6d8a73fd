"""How tensors reach the Triton kernels."""

from torch import Tensor

Rows = tuple[Tensor, int, int]


def rows(x: Tensor) -> Rows:
    """Tokens (batch, L, channels) with the strides of a sequence and of a token; channels lie together."""
    if x.stride(2) != 1:
        x = x.contiguous()
    return x, x.stride(0), x.stride(1)


def rows_if(x: Tensor | None) -> Rows | None:
    return None if x is None else rows(x)


def flat(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.contiguous()


def steps(order: Tensor | None) -> tuple[Tensor, int] | None:
    """An order (L,) or (batch, L), and how far the steps of the next sequence lie from those of the one before."""
    if order is None:
        return None
    order = order.contiguous()
    return order, order.stride(0) if order.ndim == 2 else 0
