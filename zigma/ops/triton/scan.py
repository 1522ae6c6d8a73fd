"""The selective scan on a GPU, by kernels that read tokens through the order: no gather before, no scatter after.

Inputs in float32, bfloat16, float16 or float64; the state is float32 (float64 for float64 inputs). Of the
states only those that enter each chunk of steps are kept, O(batch L D N / chunk). Results repeat bit by
bit: partial sums are added in a fixed order, nothing is added atomically, and block sizes are not tuned at run
time. On an H200, along a path at batch 16, L 1024, D 1536, N 16 in bfloat16, forward and backward take 0.56 times as
long as mamba-ssm's kernel with the gather before and the scatter after it (results/benchmarks), and eight times as
long as the hardware allows (`roofline`). Launching them takes Python longer than mamba-ssm's: a step through a CUDA
graph does not notice, a short sequence called by itself does.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from zigma.ops import reference
from zigma.ops.double_backward import differentiable_gradients, is_differentiated
from zigma.ops.reference import state_dtype
from zigma.ops.triton.rows import flat, rows, rows_if, steps


@dataclass(frozen=True)
class Blocks:
    """How the kernels cut up their work: a program has a chunk of steps and some channels with all their states.

    The default is the fastest of `python -m zigma.profiling blocks` on the GPU that results/benchmarks names.
    """

    chunk: int = 16  # steps
    tile: int = 4  # steps whose states live in registers in `chunk_gradients`; divides the chunk
    channels: int = 32  # of `chunk_states`, `pass_on` and `chunk_gradients`
    wide: int = 128  # channels of `chunk_outputs` and `chunk_adjoints`, where there is work for the whole GPU
    registers: int = 168  # at most, in `chunk_gradients`: more would leave room for fewer programs at once


BLOCKS = Blocks()
ENOUGH = 1024  # programs, about eight for each multiprocessor


def _cut(u: Tensor, A: Tensor, dtype: torch.dtype, channels: int) -> tuple[dict[str, int], dict[str, Any]]:
    """Return the sizes and the compile-time constants that the kernels share."""
    import triton
    import triton.language as tl

    states = triton.next_power_of_2(A.shape[1])
    sizes = {"width": u.shape[2], "states": A.shape[1], "blocks": triton.cdiv(u.shape[2], channels)}
    sizes["chunks"] = triton.cdiv(u.shape[1], BLOCKS.chunk)
    # beyond 32 states a warp's registers would not hold its channels' states: more warps share them
    constants = {"BLOCK_N": states, "BLOCK_D": channels, "num_warps": min(8, max(1, states // 16))}
    constants["STATE"] = tl.float64 if dtype == torch.float64 else tl.float32
    return sizes, constants


def _wide(u: Tensor, A: Tensor) -> int:
    """The channels of a program of `chunk_outputs` or `chunk_adjoints`: as many as registers and the work allow."""
    programs = u.shape[0] * -(-u.shape[1] // BLOCKS.chunk) * (u.shape[2] // BLOCKS.wide)
    return BLOCKS.wide if programs >= ENOUGH and A.shape[1] <= 16 else BLOCKS.channels


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
    initial: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return y, the last state, the state that enters each chunk, and each chunk's sum of step sizes."""
    from zigma.ops.triton import scan_kernels as kernels

    dtype = state_dtype(u, delta, A, B, C, D, z, delta_bias, initial)
    sizes, constants = _cut(u, A, dtype, BLOCKS.channels)
    wide_sizes, wide_constants = _cut(u, A, dtype, _wide(u, A))
    y, final, starts, sums = _results(u, A, dtype)
    A2, D, delta_bias, at = _base2(A, dtype), flat(D), flat(delta_bias), steps(order)
    inputs = rows(u), rows(delta), rows(B)
    programs = u.shape[0] * sizes["blocks"]
    scan = {"length": u.shape[1], "SOFTPLUS": softplus, "CHUNK": BLOCKS.chunk}
    ends = None if initial is None else initial.to(dtype).contiguous(), final
    wide_programs = u.shape[0] * wide_sizes["blocks"]
    chunks = sizes["chunks"]
    read = rows(C), rows_if(z), A2, D, delta_bias, at, starts
    with torch.cuda.device_of(u):  # Triton launches on the current device, whichever the tensors are on
        kernels.chunk_states[(programs * chunks,)](
            *inputs, A2, delta_bias, at, starts, sums, **scan, **sizes, **constants
        )
        kernels.pass_on[(programs,)](starts, sums, A2, *ends, REVERSE=False, **sizes, **constants)
        kernels.chunk_outputs[(wide_programs * chunks,)](
            *inputs, *read, y, **scan, **wide_sizes, **wide_constants
        )
    return y, final, starts, sums


def _results(u: Tensor, A: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    batch, length, width = u.shape
    chunks, states = -(-length // BLOCKS.chunk), A.shape[1]
    y, final = u.new_empty(u.shape), u.new_empty(batch, states, width, dtype=dtype)
    starts = u.new_empty(batch, chunks, states, width, dtype=dtype)
    return y, final, starts, u.new_empty(batch, chunks, width, dtype=dtype)


@_scan.register_fake
def _(u, delta, A, B, C, D, z, delta_bias, softplus, order, initial):  # type: ignore[no-untyped-def]
    return _results(u, A, state_dtype(u, delta, A, B, C, D, z, delta_bias, initial))


@torch.library.custom_op("zigma::triton_scan_backward", mutates_args=())
def _scan_backward(
    dy: Tensor,
    dfinal: Tensor | None,
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
    initial: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return the gradients of u, delta, A, B, C, D, z, delta_bias and the initial state; an absent one's is empty."""
    from zigma.ops.triton import scan_kernels as kernels

    dtype = starts.dtype
    sizes, constants = _cut(u, A, dtype, BLOCKS.channels)
    wide_sizes, wide_constants = _cut(u, A, dtype, _wide(u, A))
    batch, length, width = u.shape
    blocks, chunks = sizes["blocks"], sizes["chunks"]

    def like(x: Tensor | None) -> Tensor:
        return u.new_empty(0) if x is None else x.new_empty(x.shape)

    du, ddelta, dz, dinitial = like(u), like(delta), like(z), like(initial)
    adjoints, step_sizes = torch.empty_like(starts), starts.new_empty(u.shape)
    dB, dC = (starts.new_empty(batch, blocks, length, A.shape[1]) for _ in range(2))
    dD, dbias = (starts.new_empty(batch, chunks, width) if x is not None else None for x in (D, delta_bias))
    A2, bias, at = _base2(A, dtype), flat(delta_bias), steps(order)
    dy_rows, u_rows, delta_rows, B_rows, C_rows = (rows(x) for x in (dy, u, delta, B, C))
    dz_if = dz if z is not None else None
    gated = dy_rows if z is None else rows(du)
    scan = {"length": length, "SOFTPLUS": softplus, "CHUNK": BLOCKS.chunk}
    ends = (flat(dfinal), None if initial is None else dinitial)
    capped = (
        {"maxnreg": BLOCKS.registers} if constants["num_warps"] == 1 and torch.version.hip is None else {}
    )
    with torch.cuda.device_of(u):
        kernels.chunk_adjoints[(batch * chunks * wide_sizes["blocks"],)](
            dy_rows, delta_rows, C_rows, rows_if(z), A2, bias, at, adjoints, step_sizes, du, dz_if, ddelta,
            **scan, **wide_sizes, **wide_constants,
        )  # fmt: skip
        kernels.pass_on[(batch * blocks,)](adjoints, sums, A2, *ends, REVERSE=True, **sizes, **constants)
        kernels.chunk_gradients[(batch * chunks * blocks,)](
            gated, u_rows, step_sizes, B_rows, C_rows, A2, flat(D), at, starts, adjoints,
            du, ddelta, dz_if, dB, dC, dD, dbias, TILE=BLOCKS.tile, **scan, **sizes, **constants, **capped,
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
        dinitial,
    )


@_scan_backward.register_fake
def _(dy, dfinal, starts, sums, u, delta, A, B, C, D, z, delta_bias, softplus, order, initial):  # type: ignore[no-untyped-def]
    inputs = (u, delta, A, B, C, D, z, delta_bias, initial)
    return tuple(u.new_empty(0) if x is None else x.new_empty(x.shape) for x in inputs)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)
    *tensors, ctx.softplus, order, initial = inputs
    ctx.save_for_backward(*output[2:], order, *tensors, initial)


def _backward(
    ctx: Any, dy: Tensor | None, dfinal: Tensor | None, _starts: None, _sums: None
) -> tuple[Tensor | None, ...]:
    starts, sums, order, *given = ctx.saved_tensors
    *tensors, initial = given
    if is_differentiated(*given, dy, dfinal):

        def plain(*inputs: Any) -> tuple[Tensor, Tensor]:
            *others, h = inputs
            h = None if h is None else h.transpose(1, 2)
            y, final = reference.BACKEND.selective_scan(*others, ctx.softplus, order, None, h, True)
            return y, final.transpose(1, 2)

        grads: Any = differentiable_gradients(plain, given, (dy, dfinal))
    else:
        u = tensors[0]
        dy = u.new_zeros(u.shape) if dy is None else dy
        grads = _scan_backward(dy, dfinal, starts, sums, *tensors, ctx.softplus, order, initial)
    *present, dinitial = (g if x is not None else None for g, x in zip(grads, given, strict=True))
    return *present, None, None, dinitial


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
    delta_weight: None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Scan in chunks on the GPU; shapes and meaning as in `zigma.ops.selective_scan`."""
    initial = None
    if initial_state is not None:  # as the kernels keep states
        wide = state_dtype(u, delta, A, B, C, D, z, delta_bias, initial_state)
        initial = initial_state.to(wide).transpose(1, 2).contiguous()
    y, final, _, _ = _scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, order, initial)
    return (y, final.transpose(1, 2).contiguous()) if return_final_state else y
