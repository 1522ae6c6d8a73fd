"""The selective scan on a GPU, by kernels that read tokens through the order: no gather before, no scatter after.

Inputs in float32, bfloat16, float16 or float64; the state is float32 (float64 for float64 inputs). Of the
states only those that enter each chunk of CHUNK steps are kept, O(batch L D N / CHUNK). Results repeat bit by
bit: partial sums are added in a fixed order, nothing is added atomically, and block sizes are not tuned at run
time. Written for an H100, but its speed has not been measured on any GPU: it is tested under Triton's
interpreter (TRITON_INTERPRET=1, on a CPU) and compiled for the H100 without running there.
"""

import math
from typing import Any

import torch
from torch import Tensor

CHUNK = 32
TILE = 8  # states of one tile live in registers during the backward
CHANNELS = 32  # a warp's channels


def _rows(x: Tensor | None) -> tuple[Tensor, int, int] | None:
    if x is None:
        return None
    if x.stride(2) != 1:
        x = x.contiguous()
    return x, x.stride(0), x.stride(1)


def _flat(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.contiguous()


def _state_dtype(*tensors: Tensor | None) -> torch.dtype:
    wide = any(x is not None and x.dtype == torch.float64 for x in tensors)
    return torch.float64 if wide else torch.float32


def _sizes(u: Tensor, A: Tensor, dtype: torch.dtype) -> tuple[dict[str, int], dict[str, Any]]:
    """Return the sizes and the compile-time constants that the kernels share."""
    import triton
    import triton.language as tl

    states = triton.next_power_of_2(A.shape[1])
    # beyond 32 states a warp's registers would not hold its channels' states: more warps share them
    sizes = {"width": u.shape[2], "states": A.shape[1], "blocks": triton.cdiv(u.shape[2], CHANNELS)}
    sizes["chunks"] = triton.cdiv(u.shape[1], CHUNK)
    constants = {"BLOCK_N": states, "BLOCK_D": CHANNELS, "num_warps": min(8, max(1, states // 16))}
    constants["STATE"] = tl.float64 if dtype == torch.float64 else tl.float32
    return sizes, constants


def _base2(A: Tensor, dtype: torch.dtype) -> Tensor:
    return (A.to(dtype) * math.log2(math.e)).t().contiguous()


@torch.library.custom_op("zigma::triton_scan", mutates_args=())
def _scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
    order: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return y, the state that enters each chunk, and each chunk's sum of step sizes."""
    from zigma.ops.triton import scan_kernels as kernels

    dtype = _state_dtype(u, delta, A, B, C, D, z, delta_bias)
    sizes, constants = _sizes(u, A, dtype)
    batch, length, width = u.shape
    starts = u.new_empty(batch, sizes["chunks"], A.shape[1], width, dtype=dtype)
    sums = u.new_empty(batch, sizes["chunks"], width, dtype=dtype)
    y = torch.empty(u.shape, dtype=u.dtype, device=u.device)
    if y.numel() == 0:
        return y, starts, sums
    A2, D, delta_bias, order = _base2(A, dtype), _flat(D), _flat(delta_bias), _flat(order)
    inputs = _rows(u), _rows(delta), _rows(B)
    grid = (batch * sizes["chunks"] * sizes["blocks"],)
    scan = {"length": length, "SOFTPLUS": softplus, "CHUNK": CHUNK, **sizes, **constants}
    kernels.chunk_states[grid](*inputs, A2, delta_bias, order, starts, sums, **scan)
    kernels.pass_on[(batch * sizes["blocks"],)](starts, sums, A2, REVERSE=False, **sizes, **constants)
    kernels.chunk_outputs[grid](*inputs, _rows(C), _rows(z), A2, D, delta_bias, order, starts, y, **scan)
    return y, starts, sums


@_scan.register_fake
def _(u, delta, A, B, C, D, z, delta_bias, softplus, order):  # type: ignore[no-untyped-def]
    dtype, chunks = _state_dtype(u, delta, A, B, C, D, z, delta_bias), -(-u.shape[1] // CHUNK)
    starts = u.new_empty(u.shape[0], chunks, A.shape[1], u.shape[2], dtype=dtype)
    return u.new_empty(u.shape), starts, u.new_empty(u.shape[0], chunks, u.shape[2], dtype=dtype)


@torch.library.custom_op("zigma::triton_scan_backward", mutates_args=())
def _scan_backward(
    dy: Tensor,
    starts: Tensor,
    sums: Tensor,
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None,
    z: Tensor | None,
    delta_bias: Tensor | None,
    softplus: bool,
    order: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, delta, A, B, C, D, z and delta_bias; an absent input's is empty."""
    from zigma.ops.triton import scan_kernels as kernels

    dtype = starts.dtype
    sizes, constants = _sizes(u, A, dtype)
    batch, length, width = u.shape
    blocks, chunks = sizes["blocks"], sizes["chunks"]

    def like(x: Tensor | None) -> Tensor:
        return u.new_empty(0) if x is None else torch.empty(x.shape, dtype=x.dtype, device=x.device)

    du, ddelta, dz = like(u), like(delta), like(z)
    adjoints = torch.empty_like(starts)
    dB, dC = (starts.new_empty(batch, blocks, length, A.shape[1]) for _ in range(2))
    dD, dbias = (starts.new_empty(batch, chunks, width) if x is not None else None for x in (D, delta_bias))
    if du.numel():
        A2, flat_D, bias, order = _base2(A, dtype), _flat(D), _flat(delta_bias), _flat(order)
        rows = _rows(u), _rows(delta), _rows(B), _rows(C), _rows(z)
        grid = (batch * chunks * blocks,)
        scan = {"length": length, "SOFTPLUS": softplus, "CHUNK": CHUNK, **sizes, **constants}
        kernels.chunk_adjoints[grid](_rows(dy), rows[1], rows[3], rows[4], A2, bias, order, adjoints, **scan)
        kernels.pass_on[(batch * blocks,)](adjoints, sums, A2, REVERSE=True, **sizes, **constants)
        kernels.chunk_gradients[grid](
            _rows(dy), *rows, A2, flat_D, bias, order, starts, adjoints,
            du, ddelta, dz if z is not None else None, dB, dC, dD, dbias, TILE=TILE, **scan,
        )  # fmt: skip
    dA = adjoints.sum((0, 1)).t().contiguous()
    return (
        du,
        ddelta,
        dA.to(A.dtype),
        dB.sum(1).to(B.dtype),
        dC.sum(1).to(C.dtype),
        u.new_empty(0) if D is None or dD is None else dD.sum((0, 1)).to(D.dtype),
        dz,
        u.new_empty(0) if delta_bias is None or dbias is None else dbias.sum((0, 1)).to(delta_bias.dtype),
    )


@_scan_backward.register_fake
def _(dy, starts, sums, u, delta, A, B, C, D, z, delta_bias, softplus, order):  # type: ignore[no-untyped-def]
    inputs = (u, delta, A, B, C, D, z, delta_bias)
    return tuple(u.new_empty(0) if x is None else x.new_empty(x.shape) for x in inputs)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor, Tensor]) -> None:
    *tensors, softplus, order = inputs
    ctx.softplus = softplus
    ctx.save_for_backward(*output[1:], *tensors, order)


def _backward(ctx: Any, dy: Tensor, _starts: Tensor, _sums: Tensor) -> tuple[Tensor | None, ...]:
    starts, sums, *tensors, order = ctx.saved_tensors
    grads = _scan_backward(dy, starts, sums, *tensors, ctx.softplus, order)
    present = (g if x is not None else None for g, x in zip(grads, tensors, strict=True))
    return *present, None, None


_scan.register_autograd(_backward, setup_context=_save)


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    order: Tensor | None = None,
) -> Tensor:
    """Scan in chunks on the GPU; shapes and meaning as in `zigma.ops.selective_scan`."""
    y: Tensor = _scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, order)[0]
    return y
