"""What a forward pass costs, in operations where a multiply-add is one: fvcore's convention and the paper's.

fvcore counts from a trace and knows neither attention's fused operator nor the selective scan: by default both
count as nothing, and that is how Table 5 of the paper counted. With handles for them, everything counts.
"""

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from zigma.ops import resolve_backend

ATTENTION = "aten::scaled_dot_product_attention"
TRIANGULAR = "aten::linalg_solve_triangular"  # of gated DeltaNet
# The scan as one operator: only backends that are one can be counted.
SCANS = ("zigma::cpu_scan", "zigma::triton_scan")
CONVOLUTIONS = ("zigma::cpu_conv", "zigma::triton_conv")


@dataclass(frozen=True)
class Flops:
    """Multiply-adds of one forward pass, batch included.

    as_the_paper counts what fvcore counts by default, everything also attention, scan and its convolution.
    """

    as_the_paper: int
    everything: int
    by_operator: dict[str, int]


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
def _countable_scan(device: torch.device) -> Iterator[None]:
    """Run scans by the backend that is a single operator, whatever the user's choice; counts do not depend on it."""
    before = os.environ.get("ZIGMA_SCAN_BACKEND")
    os.environ["ZIGMA_SCAN_BACKEND"] = resolve_backend("triton" if device.type == "cuda" else "cpu", device)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ZIGMA_SCAN_BACKEND"]
        else:
            os.environ["ZIGMA_SCAN_BACKEND"] = before


def count_flops(model: nn.Module, *inputs: Any) -> Flops:
    """Count one forward pass of `model(*inputs)` in evaluation mode.

    Raises ValueError if the scan's backend that can be counted (cpu, or triton on a GPU) is missing.
    """
    from fvcore.nn import FlopCountAnalysis

    tensors = [x for x in (*inputs, *model.parameters()) if isinstance(x, torch.Tensor)]
    training = model.training
    model.eval()
    try:
        with _countable_scan(tensors[0].device), torch.no_grad():
            analysis = FlopCountAnalysis(model, inputs).set_op_handle(**HANDLES)
            analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).tracer_warnings("none")
            counted = {name: int(count) for name, count in analysis.by_operator().items()}
    finally:
        model.train(training)
    names = {name.split("::")[-1] for name in HANDLES}
    extra = sum(count for name, count in counted.items() if name in names)
    total = sum(counted.values())
    return Flops(as_the_paper=total - extra, everything=total, by_operator=counted)
