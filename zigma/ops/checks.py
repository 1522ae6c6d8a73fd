"""Checks of what a caller passes: one clear line for whatever does not fit."""

from functools import reduce

import torch
from torch import Tensor


def widest(*tensors: Tensor | None) -> torch.dtype:
    """Return the dtype that all inputs promote to."""
    return reduce(torch.promote_types, [x.dtype for x in tensors if x is not None])


def _require(name: str, x: Tensor | None, shape: tuple[int, ...], meaning: str, like: Tensor) -> None:
    if x is None:
        return
    if not isinstance(x, Tensor):
        raise ValueError(f"{name} must be a tensor {meaning}, not {type(x).__name__}")
    if tuple(x.shape) != shape:
        raise ValueError(f"{name} must be {meaning} = {shape}, got {tuple(x.shape)}")
    if not x.is_floating_point():
        raise ValueError(f"{name} must be floating point, got {x.dtype}")
    if x.device != like.device:
        raise ValueError(f"{name} is on {x.device}, the tokens on {like.device}; put both on one device")


def _require_dimensions(name: str, x: object, dimensions: int, meaning: str) -> None:
    if not isinstance(x, Tensor):
        raise ValueError(f"{name} must be a tensor {meaning}, not {type(x).__name__}")
    if x.ndim != dimensions:
        raise ValueError(f"{name} must be {meaning}, got {tuple(x.shape)}")


def scan_shapes(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    delta_weight: Tensor | None,
    initial_state: Tensor | None,
) -> None:
    """Raise ValueError unless the inputs of a selective scan fit each other."""
    for name, x in {"u": u, "delta": delta, "B": B, "C": C}.items():
        _require_dimensions(name, x, 3, "(batch, L, N)" if name in "BC" else "(batch, L, D)")
    _require_dimensions("A", A, 2, "(D, N)")
    batch, length, width = u.shape
    states = A.shape[1]
    _require("u", u, (batch, length, width), "(batch, L, D)", u)
    if delta_weight is None:
        _require("delta", delta, (batch, length, width), "(batch, L, D)", u)
    else:
        _require_dimensions("delta_weight", delta_weight, 2, "(D, R)")
        rank = delta_weight.shape[1]
        if rank < 1:
            raise ValueError(
                f"delta_weight must be (D, R) with R of at least 1, got {tuple(delta_weight.shape)}"
            )
        _require("delta_weight", delta_weight, (width, rank), "(D, R)", u)
        _require("delta", delta, (batch, length, rank), "(batch, L, R)", u)
    _require("A", A, (width, states), "(D, N)", u)
    _require("B", B, (batch, length, states), "(batch, L, N)", u)
    _require("C", C, (batch, length, states), "(batch, L, N)", u)
    _require("D", D, (width,), "(D,)", u)
    _require("z", z, (batch, length, width), "(batch, L, D)", u)
    _require("delta_bias", delta_bias, (width,), "(D,)", u)
    _require("initial_state", initial_state, (batch, width, states), "(batch, D, N)", u)


def conv_shapes(x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    """Raise ValueError unless the inputs of a causal convolution fit each other."""
    _require_dimensions("x", x, 3, "(batch, L, D)")
    _require_dimensions("weight", weight, 2, "(D, K)")
    if weight.shape[1] < 1:
        raise ValueError(f"weight must be (D, K) with K of at least 1, got {tuple(weight.shape)}")
    _require("x", x, tuple(x.shape), "(batch, L, D)", x)
    _require("weight", weight, (x.shape[2], weight.shape[1]), "(D, K)", x)
    _require("bias", bias, (x.shape[2],), "(D,)", x)


def norm_shapes(x: Tensor, weight: Tensor, shift: Tensor | None, scale: Tensor | None) -> None:
    """Raise ValueError unless the inputs of a norm fit each other."""
    _require_dimensions("x", x, 3, "(batch, L, D)")
    batch, _, width = x.shape
    _require("x", x, tuple(x.shape), "(batch, L, D)", x)
    _require("weight", weight, (width,), "(D,)", x)
    if (shift is None) != (scale is None):
        raise ValueError("shift and scale belong together: give both or neither")
    _require("shift", shift, (batch, width), "(batch, D)", x)
    _require("scale", scale, (batch, width), "(batch, D)", x)
