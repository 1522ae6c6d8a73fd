"""The selective scan by the CPU's kernels, float32 state.

Everything around the recurrence (bias, softplus, skip, gate) is part of its kernels. Nothing is gathered, scattered
or transposed: `order` and the strides of rows are read inside the loops.

What it costs. At the usual (batch, L, D, N) of (16, 256, 128, 16) one processor (Zen 4) takes 0.35 ns for each element
of the state and step, 1.4 ns with the backward pass. Other shapes, as multiples of these two, and what they took when
vectors were over channels only and every task was one sequence:

    one channel (D = 1)         3.9 and 5.5     was 16 and 23      softplus, gate and sums for one channel at a time
    D = 4                       2.5 and 2.7     was 4.0 and 5.6
    D = 8, N = 16               2.3 and 2.3     was 2.1 and 3.1
    L = 1, many sequences       1.2 and 1.4     was 1.4 and 5.2
    L = 2                       1.1 and 1.2     was 1.2 and 1.9
    N = 1                       6 and 10        unchanged          softplus, gate and memory are paid for each token and
    N = 2                       2.4 and 4.6     unchanged          channel, and have but N states to be divided by
    D = 4, N = 8                5.0 and 5.1     was 5.7 and 7.5    neither channels nor states fill a vector

A call takes about 0.1 ms, and 0.5 ms with the backward pass, whatever its size.
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.ops import reference
from zigma.ops.cpu import narrow_kernels
from zigma.ops.cpu import scan_kernels as kernels
from zigma.ops.cpu.run import in_parallel, memory, rows, steps
from zigma.ops.cpu.scan_kernels import CHUNK, VECTORS
from zigma.ops.cpu.simd import LANES
from zigma.ops.double_backward import differentiable_gradients, is_differentiated
from zigma.ops.operator import Operator

OF_STATES = 1.9  # times the cost of a vector of channels, measured: that of a vector of states


class _Layout(NamedTuple):
    """How a scan is cut into tasks: by shapes alone, since sums over channels and sequences are added up by task."""

    narrow: bool  # vectors hold states, not channels
    block: int  # channels of a task
    blocks: int
    group: int  # sequences of a task
    groups: int
    vectors: int  # that the states of one sequence and block fill

    @property
    def tasks(self) -> int:
        return self.groups * self.blocks


def _is_narrow(width: int, states: int) -> bool:
    """Whether vectors of states need less time than vectors of channels."""
    return OF_STATES * width * -(-states // LANES) < -(-width // LANES) * states


def _layout(u: Tensor, A: Tensor) -> _Layout:
    batch, length, width = u.shape
    states = A.shape[1]
    if _is_narrow(width, states):
        block = max(1, min(LANES, width, batch * width // 8))
        return _Layout(True, block, -(-width // block), 1, batch, block * -(-states // LANES))
    vectors = -(-width // LANES)
    vectors = max(1, min(VECTORS, vectors, batch * vectors // 8))
    blocks = -(-width // (LANES * vectors))
    group = max(1, min(CHUNK // length, batch * blocks // 8))
    return _Layout(False, LANES * vectors, blocks, group, -(-batch // group), vectors * states)


def _rank(weight: Tensor | None) -> int:
    return 0 if weight is None else weight.shape[1]


def _sizes(u: Tensor, A: Tensor, layout: _Layout) -> tuple[int, ...]:
    return *u.shape, A.shape[1], layout.block, layout.group


def _kept(u: Tensor, layout: _Layout, keep: bool) -> Tensor:
    """Room for the states before every chunk but the first, by sequence and block."""
    chunks = -(-u.shape[1] // (narrow_kernels.CHUNK if layout.narrow else CHUNK))
    return u.new_empty(len(u) * layout.blocks if keep else 0, chunks - 1, layout.vectors, LANES)


def _turned(x: Tensor | None, layout: _Layout) -> Tensor | None:
    """A or a state (..., D, N), with the axis last that vectors are over."""
    return x if x is None or layout.narrow else x.transpose(-1, -2)


def _memories(
    layout: _Layout, u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None,
) -> tuple[Any, ...]:  # fmt: skip
    tokens = (
        *rows(u),
        *rows(delta),
        memory(_turned(A, layout)),
        *rows(B),
        *rows(C),
        memory(D),
        *rows(z),
        memory(bias),
    )
    W = None if weight is None else weight.t()
    return tokens if layout.narrow else (*tokens, memory(W), tuple(range(_rank(weight))))


def _compute(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None, plus: bool, order: Tensor | None, initial: Tensor | None,
    keep: bool, last: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return y and, if they are asked for, the states that the backward pass starts from, and the last state."""
    layout = _layout(u, A)
    y, starts = u.new_empty(u.shape), _kept(u, layout, keep)
    final = u.new_empty(len(u) if last else 0, *(A if layout.narrow else A.t()).shape)
    in_parallel(
        narrow_kernels.scan_forward if layout.narrow else kernels.scan_forward, layout.tasks,
        u.numel() * A.shape[1], _sizes(u, A, layout), *_memories(layout, u, delta, A, B, C, D, z, bias, weight), plus,
        *steps(order, u.shape[1]), memory(_turned(initial, layout)), memory(y), memory(starts), memory(final),
    )  # fmt: skip
    return y, starts, final if layout.narrow else final.transpose(1, 2).contiguous()


def _fake(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None, plus: bool, order: Tensor | None, initial: Tensor | None,
    keep: bool, last: bool,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    return u.new_empty(u.shape), _kept(u, _layout(u, A), keep), u.new_empty(len(u) if last else 0, *A.shape)


def _over_blocks(x: Tensor) -> Tensor:
    """The sum of x (batch, blocks, ...) over blocks of channels."""
    return x[:, 0] if x.shape[1] == 1 else x.sum(1)


def _compute_backward(
    u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Tensor | None, z: Tensor | None,
    bias: Tensor | None, weight: Tensor | None, plus: bool, order: Tensor | None, initial: Tensor | None,
    starts: Tensor, dy: Tensor, dfinal: Tensor | None,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    """Return the gradients of u, delta, A, B, C, D, z, bias, weight and initial.

    Where they were not given, those of z, weight and initial are empty, and those of D and bias mean nothing.
    """
    batch, length, width = u.shape
    layout, states, rank = _layout(u, A), A.shape[1], _rank(weight)
    blocks, groups = layout.blocks, layout.groups
    du, dz = u.new_empty(u.shape), u.new_empty(u.shape if z is not None else 0)
    dA = u.new_empty(groups, *(A if layout.narrow else A.t()).shape)
    dweight = u.new_empty(groups, rank, width)
    dD, dbias = u.new_empty(groups, width), u.new_empty(groups, width)
    dB, dC = u.new_empty(batch, blocks, length, states), u.new_empty(batch, blocks, length, states)
    ddelta = u.new_empty(u.shape if weight is None else (batch, blocks, length, rank))
    dinitial = u.new_empty(0 if initial is None else (batch, *dA.shape[1:]))
    tokens = _memories(layout, u, delta, A, B, C, D, z, bias, weight)
    of_rank = () if layout.narrow else (dweight,)
    in_parallel(
        narrow_kernels.scan_backward if layout.narrow else kernels.scan_backward, layout.tasks, u.numel() * states,
        _sizes(u, A, layout), *tokens, plus, *steps(order, length), memory(_turned(initial, layout)), memory(starts),
        *rows(dy), memory(_turned(dfinal, layout)),
        *(memory(x) for x in (du, ddelta, *of_rank, dz, dA, dB, dC, dD, dbias, dinitial)),
    )  # fmt: skip
    dA, dweight, dB, dC = dA.sum(0), dweight.sum(0).t().contiguous(), _over_blocks(dB), _over_blocks(dC)
    if not layout.narrow:
        dA, dinitial = (
            dA.t().contiguous(),
            dinitial if initial is None else dinitial.transpose(1, 2).contiguous(),
        )
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
        y, final = reference.BACKEND.selective_scan(*others, plus, order, weight, initial, True)
        return y, final

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
    # so few channels that its product is small
    if delta_weight is not None and _is_narrow(u.shape[2], A.shape[1]):
        delta, delta_weight = F.linear(delta.float(), delta_weight.float()), None
    given = (u, delta, A, B, C, D, z, delta_bias, delta_weight, initial_state)
    keep = torch.is_grad_enabled() and any(x is not None and x.requires_grad for x in given)
    y, _, final = _scan(
        u.float(), delta.float(), A.float(), B.float(), C.float(), _wide(D), _wide(z), _wide(delta_bias),
        _wide(delta_weight), delta_softplus, order, _wide(initial_state), keep, return_final_state,
    )  # fmt: skip
    y = y.to(u.dtype)
    return (y, final) if return_final_state else y
