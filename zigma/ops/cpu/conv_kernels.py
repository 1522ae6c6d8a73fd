"""The loops of the short causal convolution and its SiLU on the CPU: channel-last, float32, vectors over channels.

A task is one sequence and a block of up to BLOCK neighbouring channels. Names and strides are as in
`scan_kernels`; weight is (K, D), and its last tap meets the present token. `taps` is a tuple of K numbers: its
length is known when a kernel is compiled, so that loops over taps unroll.
"""

import numpy as np

from zigma.ops.cpu.compile import kernel, part
from zigma.ops.cpu.math import ONE, load_row, scratch, sigmoid, store_row
from zigma.ops.cpu.simd import LANES, load, splat, store
from zigma.ops.cpu.tasks import take

BLOCK = 256


@part
def _find_rows(rows, taps, s, b, x_at, order, order_at):  # type: ignore[no-untyped-def]
    """Note where the tokens lie that the taps of step s meet; returns how many reach before the first step."""
    early = max(0, len(taps) - 1 - s)
    for k in range(early, len(taps)):
        rows[k] = b * x_at[0] + order[b * order_at + s - (len(taps) - 1) + k] * x_at[1]
    return early


@kernel
def conv_forward(turn, tasks, sizes, x, x_at, weight, taps, bias, silu, order, order_at, y):  # type: ignore[no-untyped-def]
    """Write y (batch, L, D)."""
    length, width = sizes
    blocks = (width + BLOCK - 1) // BLOCK
    rows = np.empty(len(taps), np.int64)
    task = take(turn)
    while task < tasks:
        b, d0 = task // blocks, task % blocks * BLOCK
        for s in range(length):
            early = _find_rows(rows, taps, s, b, x_at, order, order_at)
            y_t = (b * length + order[b * order_at + s]) * width
            for d in range(d0, min(d0 + BLOCK, width), LANES):
                lanes = width - d
                out = load_row(bias, d, lanes) if len(bias) > 0 else splat(0.0)
                for k in range(len(taps)):
                    if k >= early:
                        out = out + load_row(weight, k * width + d, lanes) * load_row(x, rows[k] + d, lanes)
                if silu:
                    out = out * sigmoid(out)
                store_row(y, y_t + d, out, lanes)
        task = take(turn)


@kernel
def conv_backward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, x, x_at, weight, taps, bias, silu, order, order_at, dy, dy_at, dx, dweight, dbias
):
    """Write dx (batch, L, D), and by sequence dweight (batch, K, D) and dbias (batch, D).

    Steps are taken backwards: the gradient of a token is whole once its own step is done. `held` has for every
    vector of channels K sums for dweight, and the gradients of the convolution's results at this step and the K - 1
    after it, a ring by step modulo K. They lie together, since memory that lies 4 KiB apart seems one to a processor.
    """
    length, width = sizes
    blocks, most, K = (width + BLOCK - 1) // BLOCK, BLOCK // LANES, len(taps)
    held, shift = scratch(2 * K * most), scratch(most)
    rows, ring = np.empty(K, np.int64), np.empty(K, np.int64)
    task = take(turn)
    while task < tasks:
        b, d0 = task // blocks, task % blocks * BLOCK
        end = min(d0 + BLOCK, width)
        held[:], shift[:] = 0.0, 0.0
        for s in range(length - 1, -1, -1):
            early = _find_rows(rows, taps, s, b, x_at, order, order_at)
            for k in range(K):  # the step whose tap k meets this token
                ring[k] = (K + (s + K - 1 - k) % K) * LANES
            t = order[b * order_at + s]
            dy_t, dx_t = b * dy_at[0] + t * dy_at[1], (b * length + t) * width
            for d in range(d0, end, LANES):
                j, lanes, sums = d - d0, width - d, (d - d0) * 2 * K
                grad = load_row(dy, dy_t + d, lanes)
                if silu:
                    out = load_row(bias, d, lanes) if len(bias) > 0 else splat(0.0)
                    for k in range(K):
                        if k >= early:
                            out = out + load_row(weight, k * width + d, lanes) * load_row(
                                x, rows[k] + d, lanes
                            )
                    p = sigmoid(out)
                    grad = grad * (p + out * p * (ONE - p))
                store(held, sums + ring[K - 1], grad)
                store(shift, j, load(shift, j) + grad)
                dx_d = splat(0.0)
                for k in range(K):
                    if k >= early:
                        i = sums + k * LANES
                        store(held, i, load(held, i) + grad * load_row(x, rows[k] + d, lanes))
                    dx_d = dx_d + load_row(weight, k * width + d, lanes) * load(held, sums + ring[k])
                store_row(dx, dx_t + d, dx_d, lanes)
        for d in range(d0, end):
            j, lane = (d - d0) // LANES, (d - d0) % LANES
            dbias[b * width + d] = shift[d - d0]
            for k in range(K):
                dweight[(b * K + k) * width + d] = held[(j * 2 * K + k) * LANES + lane]
        task = take(turn)
