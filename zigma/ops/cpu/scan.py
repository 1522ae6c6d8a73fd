"""The selective scan by the CPU's kernels, float32 state.

Everything around the recurrence (bias, softplus, skip, gate) is part of its kernels. Nothing is gathered, scattered
or transposed: `order` and the strides of rows are read inside the loops.
"""

from typing import Any

import torch
from torch import Tensor

from zigma.ops import reference
from zigma.ops.cpu import scan_kernels as kernels
from zigma.ops.cpu.run import in_parallel, memory, rows, steps
from zigma.ops.cpu.scan_kernels import CHUNK, VECTORS
from zigma.ops.cpu.simd import LANES
from zigma.ops.double_backward import differentiable_gradients, is_differentiated
from zigma.ops.operator import Operator


def _block(batch: int, width: int) -> int:
    """Channels of a task: by shapes alone, since sums over channels are added up by task."""
    vectors = -(-width // LANES)
    return LANES * max(1, min(VECTORS, vectors, batch * vectors // 8))


def _blocks(u: Tensor) -> int:
    return -(-u.shape[2] // _block(u.shape[0], u.shape[2]))


def _rank(weight: Tensor | None) -> int:
    return 0 if weight is None else weight.shape[1]


def _sizes(u: Tensor, A: Tensor) -> tuple[int, int, int, int]:
    return u.shape[1], u.shape[2], A.shape[1], _block(u.shape[0], u.shape[2])


def _kept(u: Tensor, A: Tensor, keep: bool) -> Tensor:
    """Room for the states before every chunk (tasks, chunks, vectors, N, LANES)."""
    block = _block(u.shape[0], u.shape[2])
    chunks, states = -(-u.shape[1] // CHUNK), A.shape[1]
    return u.new_empty(len(u) * _blocks(u) if keep else 0, chunks, block // LANES, states, LANES)


def _memories(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None,
) -> tuple[Any, ...]:  # fmt: skip
    W = None if weight is None else weight.t()
    tokens = *rows(u), *rows(delta), memory(A.t()), *rows(B), *rows(C)
    return *tokens, memory(D), *rows(z), memory(bias), memory(W), tuple(range(_rank(weight)))


def _compute(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None, plus: bool, order: Tensor | None, initial: Tensor | None,
    keep: bool, last: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return y and, if they are asked for, the states that the backward pass starts from, and the last state."""
    y, starts, final = _fake(u, delta, A, B, C, D, z, bias, weight, plus, order, initial, keep, last)
    tokens = _memories(u, delta, A, B, C, D, z, bias, weight)
    in_parallel(
        kernels.scan_forward, len(u) * _blocks(u), u.numel() * A.shape[1], _sizes(u, A), *tokens, plus,
        *steps(order, u.shape[1]), memory(initial), memory(y), memory(starts), memory(final),
    )  # fmt: skip
    return y, starts, final


def _fake(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None, plus: bool, order: Tensor | None, initial: Tensor | None,
    keep: bool, last: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    return u.new_empty(u.shape), _kept(u, A, keep), u.new_empty(len(u) if last else 0, *A.t().shape)


def _over_blocks(x: Tensor) -> Tensor:
    """The sum of x (batch, blocks, ...) over blocks of channels."""
    return x[:, 0] if x.shape[1] == 1 else x.sum(1)


def _compute_backward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None, plus: bool, order: Tensor | None, initial: Tensor | None,
    starts: Tensor, dy: Tensor, dfinal: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the gradients of u, delta, A, B, C, D, z, bias, weight and initial; empty where those were not given."""
    batch, length, width = u.shape
    states, rank, blocks = A.shape[1], _rank(weight), _blocks(u)
    du, dz = u.new_empty(u.shape), u.new_empty(u.shape if z is not None else 0)
    dA, dweight = u.new_empty(batch, states, width), u.new_empty(batch, rank, width)
    dD, dbias = u.new_empty(batch, width), u.new_empty(batch, width)
    dB, dC = u.new_empty(batch, blocks, length, states), u.new_empty(batch, blocks, length, states)
    ddelta = u.new_empty(u.shape if weight is None else (batch, blocks, length, rank))
    dinitial = u.new_empty(0 if initial is None else initial.shape)
    tokens = _memories(u, delta, A, B, C, D, z, bias, weight)
    grads = (memory(x) for x in (du, ddelta, dweight, dz, dA, dB, dC, dD, dbias, dinitial))
    in_parallel(
        kernels.scan_backward, batch * blocks, u.numel() * states, _sizes(u, A), *tokens, plus,
        *steps(order, length), memory(starts), *rows(dy), memory(dfinal), *grads,
    )  # fmt: skip
    dA, dweight = (x.sum(0).t().contiguous() for x in (dA, dweight))
    dB, dC = _over_blocks(dB), _over_blocks(dC)
    ddelta = ddelta if weight is None else _over_blocks(ddelta)
    return du, ddelta, dA, dB, dC, dD.sum(0), dz, dbias.sum(0), dweight, dinitial


def _fake_backward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None, plus: bool, order: Tensor | None, initial: Tensor | None,
    starts: Tensor, dy: Tensor, dfinal: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    du, ddelta, dB, dC = (u.new_empty(x.shape) for x in (u, delta, B, C))
    dD, dbias = u.new_empty(u.shape[2]), u.new_empty(u.shape[2])
    dz, dweight = u.new_empty(u.shape if z is not None else 0), u.new_empty(u.shape[2], _rank(weight))
    dinitial = u.new_empty(0 if initial is None else initial.shape)
    return du, ddelta, A.new_empty(A.shape), dB, dC, dD, dz, dbias, dweight, dinitial


_scan_backward = Operator("zigma::cpu_scan_backward", _compute_backward, _fake_backward)


def _save(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    ctx.set_materialize_grads(False)  # else a gradient of the kept states, all zeros, is made each time
    u, delta, A, B, C, D, z, bias, weight, ctx.plus, order, initial, _, _ = inputs
    ctx.save_for_backward(u, delta, A, B, C, D, z, bias, weight, initial, order, output[1])


def _gradients(
    ctx: Any, dy: Tensor | None, _: Tensor | None, dfinal: Tensor | None
) -> tuple[Tensor | None, ...]:
    *given, order, starts = ctx.saved_tensors
    if is_differentiated(*given, dy, dfinal):
        grads: Any = differentiable_gradients(_reference(ctx.plus, order), given, (dy, dfinal))
    else:
        dy = given[0].new_zeros(given[0].shape) if dy is None else dy
        initial = given.pop()
        grads = _scan_backward(*given, ctx.plus, order, initial, starts, dy, dfinal)
        given.append(initial)
    *grads, dinitial = (grad if x is not None else None for grad, x in zip(grads, given, strict=True))
    return *grads, None, None, dinitial, None, None


def _reference(plus: bool, order: Tensor | None) -> Any:
    """The reference, as `_compute` takes its inputs."""

    def scan(*inputs: Any) -> tuple[Tensor, Tensor]:
        *others, weight, initial = inputs
        initial = None if initial is None else initial.transpose(1, 2)
        y, final = reference.BACKEND.selective_scan(*others, plus, order, weight, initial, True)
        return y, final.transpose(1, 2)

    return scan


_scan = Operator("zigma::cpu_scan", _compute, _fake)
_scan.differentiate(_gradients, _save)


def _wide(x: Tensor | None) -> Tensor | None:
    return None if x is None else x.float()


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
    delta_weight: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
) -> Tensor | tuple[Tensor, Tensor]:
    """Scan with the compiled kernels; shapes and meaning as in `zigma.ops.selective_scan`."""
    given = (u, delta, A, B, C, D, z, delta_bias, delta_weight, initial_state)
    keep = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in given)
    initial = None if initial_state is None else initial_state.float().transpose(1, 2).contiguous()
    y, _, final = _scan(
        u.float(), delta.float(), A.float(), B.float(), C.float(), _wide(D), _wide(z), _wide(delta_bias),
        _wide(delta_weight), delta_softplus, order, initial, keep, return_final_state,
    )  # fmt: skip
    y = y.to(u.dtype)
    return (y, final.transpose(1, 2).contiguous()) if return_final_state else y
