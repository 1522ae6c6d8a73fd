"""What a forward pass costs, in operations where a multiply-add is one: fvcore's convention and the paper's.

fvcore counts from a trace and knows neither attention's fused operator nor the selective scan: by default both
count as nothing, and that is how Table 5 of the paper counted. With handles for them, everything counts.
"""

import math
import string
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from zigma.ops import resolve_backend
from zigma.ops.backends import only_backend
from zigma.profiling.evaluation import evaluating

ATTENTION = "aten::scaled_dot_product_attention"
EINSUM = "aten::einsum"
TRIANGULAR = "aten::linalg_solve_triangular"  # of gated DeltaNet
# The scan as one operator: only backends that are one can be counted.
SCANS = ("zigma::cpu_scan", "zigma::triton_scan")
CONVOLUTIONS = ("zigma::cpu_conv", "zigma::triton_conv")
# What costs no more than a few operations a value, beside what torch itself marks as such.
PER_VALUE = {
    "argsort", "clone", "cumsum", "diag_embed", "empty_like", "expand_as", "flip", "index_select",
    "log_sigmoid", "log_softmax", "mT", "movedim", "pad", "repeat", "repeat_interleave", "rsub", "scatter",
    "scatter_", "softmax", "sort", "swapaxes", "tensor_split", "tril", "triu", "unflatten", "cpu_norm",
    "checked_order",
}  # fmt: skip


@dataclass(frozen=True)
class Flops:
    """Multiply-adds of one forward pass, batch included.

    as_the_paper counts what fvcore counts by default, everything also attention, scan and its convolution.
    uncounted are the operators that count as nothing though they may cost much, and how often each is called: a
    recurrent layer of torch, a Fourier transform, anybody's kernel. What costs a few operations a value is left out.
    """

    as_the_paper: int
    everything: int
    by_operator: dict[str, int]
    uncounted: dict[str, int]


def attention_flops(inputs: list[Any], _outputs: list[Any]) -> float:
    """Q K^T and the weighted sum of V: 2 ... L M d, for q (..., L, d) and k (..., M, d)."""
    q, k, v = (_shape(x) for x in inputs[:3])
    return math.prod(q[:-1]) * k[-2] * (q[-1] + v[-1])


def scan_flops(inputs: list[Any], _outputs: list[Any]) -> float:
    """Four per state and step (delta A, its exponential times h plus input, (delta u) B, C h); three per channel.

    The three are delta u, D u and the gate. Exponentials themselves count as nothing, as in fvcore.
    """
    batch, length, width = _shape(inputs[0])
    states = _shape(inputs[3])[2]  # B is (batch, L, N); A is stored transposed by some backends
    return batch * length * width * (4 * states + 3)


def convolution_flops(inputs: list[Any], _outputs: list[Any]) -> float:
    """K per token and channel."""
    batch, length, _ = _shape(inputs[0])
    return batch * length * math.prod(_shape(inputs[1]))


def triangular_flops(inputs: list[Any], _outputs: list[Any]) -> float:
    """C (C - 1) / 2 for each column solved: systems (..., C, C) with a diagonal of ones, right sides (..., C, W)."""
    *batch, rows, columns = _shape(inputs[1])
    return math.prod(batch) * rows * (rows - 1) / 2 * columns


def einsum_flops(inputs: list[Any], _outputs: list[Any]) -> float:
    """Half of the products and sums along NumPy's best path, as fvcore has it, which reads them off in four digits."""
    shapes = [_shape(x) for x in inputs[1].node().inputs()]
    terms, result = _axes(inputs[0].toIValue().replace(" ", ""), shapes)
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for axis, size in zip(term, shape, strict=True):
            sizes[axis] = max(sizes.get(axis, 1), size)
    operands = [np.broadcast_to(0.0, shape) for shape in shapes]  # of no memory
    path = np.einsum_path(f"{','.join(terms)}->{result}", *operands, optimize="optimal")[0]
    total, left = 0, [set(term) for term in terms]
    for step in path[1:]:
        taken = [left.pop(i) for i in sorted(step, reverse=True)]
        involved = set().union(*taken)
        kept = involved & set(result).union(*left)
        total += math.prod(sizes[axis] for axis in involved) * (max(1, len(taken) - 1) + (kept != involved))
        left.append(kept)
    return total // 2


def _axes(equation: str, shapes: list[list[int]]) -> tuple[list[str], str]:
    """A letter for each axis of every operand and of the result, those that an ellipsis stands for included."""
    left, arrow, result = equation.partition("->")
    free = [letter for letter in string.ascii_letters if letter not in equation]
    widest, terms = 0, []
    for term, shape in zip(left.split(","), shapes, strict=True):
        hidden = len(shape) - len(term.replace("...", "")) if "..." in term else 0
        widest = max(widest, hidden)
        terms.append(term.replace("...", "".join(free[:hidden][::-1])))
    if not arrow:
        named = left.replace(",", "").replace(".", "")
        result = "..." + "".join(sorted(axis for axis in set(named) if named.count(axis) == 1))
    return terms, result.replace("...", "".join(free[:widest][::-1]))


def _costs_little(operator: str) -> bool:
    """Whether an operator costs no more than a few operations a value: it maps, sums, copies or moves them."""
    space, _, name = operator.partition("::")
    if space in ("aten", "zigma") and name in PER_VALUE:
        return True
    packet = getattr(getattr(torch.ops, space), name, None)
    overloads = [getattr(packet, each) for each in packet.overloads()] if packet else []
    marks = {tag.name for overload in overloads for tag in overload.tags}
    return bool(marks & {"pointwise", "reduction"})


def _shape(value: Any) -> list[int]:
    sizes: list[int] = value.type().sizes()
    return sizes


HANDLES = {
    ATTENTION: attention_flops,
    TRIANGULAR: triangular_flops,
    **dict.fromkeys(SCANS, scan_flops),
    **dict.fromkeys(CONVOLUTIONS, convolution_flops),
}


@contextmanager
def _countable(device: torch.device) -> Iterator[None]:
    """Run scans by the backend that is a single operator, whatever the user's choice, on which counts do not depend,
    and torch's attention without the operator in which it hides whole layers."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with only_backend(resolve_backend("triton" if device.type == "cuda" else "cpu", device)):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def count_flops(model: nn.Module, *inputs: Any) -> Flops:
    """Count one forward pass of `model(*inputs)` in evaluation mode.

    Raises ValueError if the scan's backend that can be counted (cpu, or triton on a GPU) is missing, and where neither
    inputs nor model hold a tensor.
    """
    from fvcore.nn import FlopCountAnalysis

    tensors = [x for x in (*inputs, *model.parameters()) if isinstance(x, torch.Tensor)]
    if not tensors:
        raise ValueError("operations are counted on a tensor: give the model an input that is one")
    with _countable(tensors[0].device), evaluating(model), torch.no_grad():
        analysis = FlopCountAnalysis(model, inputs).set_op_handle(**HANDLES, **{EINSUM: einsum_flops})
        analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
        counted = {name: int(count) for name, count in analysis.by_operator().items()}
        passed_over = analysis.unsupported_ops()
    names = {name.split("::")[-1] for name in HANDLES}
    extra = sum(count for name, count in counted.items() if name in names)
    total = sum(counted.values())
    uncounted = {name: calls for name, calls in passed_over.items() if not _costs_little(name)}
    return Flops(total - extra, total, counted, uncounted)
