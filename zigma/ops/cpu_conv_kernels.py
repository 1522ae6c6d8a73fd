"""The loops of the short causal convolution and its SiLU on the CPU: channel-last, float32, vectors over channels.

A task is one sequence and a block of up to BLOCK neighbouring channels. Names and strides are as in
`cpu_scan_kernels`; weight is (K, D), and its last tap meets the present token.
"""

from zigma.ops.cpu_compile import kernel
from zigma.ops.cpu_math import ONE, load_row, scratch, sigmoid, store_row
from zigma.ops.simd import LANES, load, splat, store

BLOCK = 256


@kernel
def conv_forward(first, last, sizes, x, x_at, weight, bias, silu, order, y):  # type: ignore[no-untyped-def]
    """Write y (batch, L, D)."""
    length, width, taps = sizes
    blocks = (width + BLOCK - 1) // BLOCK
    for task in range(first, last):
        b, d0 = task // blocks, task % blocks * BLOCK
        for s in range(length):
            y_t = (b * length + order[s]) * width
            for d in range(d0, min(d0 + BLOCK, width), LANES):
                lanes = width - d
                out = load_row(bias, d, lanes) if len(bias) > 0 else splat(0.0)
                for k in range(max(0, taps - 1 - s), taps):
                    x_t = b * x_at[0] + order[s - (taps - 1) + k] * x_at[1]
                    out = out + load_row(weight, k * width + d, lanes) * load_row(x, x_t + d, lanes)
                if silu:
                    out = out * sigmoid(out)
                store_row(y, y_t + d, out, lanes)


@kernel
def conv_backward(  # type: ignore[no-untyped-def]
    first, last, sizes, x, x_at, weight, bias, silu, order, dy, dy_at, dx, dweight, dbias
):
    """Write dx (batch, L, D), and by sequence dweight (batch, K, D) and dbias (batch, D).

    Steps are taken backwards: the gradient of a token is whole once its own step is done, `later` holding the
    gradients of the convolution's results at this step and the K - 1 after it, a ring by step modulo K.
    """
    length, width, taps = sizes
    blocks, most = (width + BLOCK - 1) // BLOCK, BLOCK // LANES
    later, sums, shift = scratch(taps * most), scratch(taps * most), scratch(most)
    for task in range(first, last):
        b, d0 = task // blocks, task % blocks * BLOCK
        end = min(d0 + BLOCK, width)
        later[:], sums[:], shift[:] = 0.0, 0.0, 0.0
        for s in range(length - 1, -1, -1):
            t = order[s]
            early = max(0, taps - 1 - s)  # taps that reach before the first step
            for d in range(d0, end, LANES):
                j, lanes = d - d0, width - d
                grad = load_row(dy, b * dy_at[0] + t * dy_at[1] + d, lanes)
                if silu:
                    out = load_row(bias, d, lanes) if len(bias) > 0 else splat(0.0)
                    for k in range(early, taps):
                        x_t = b * x_at[0] + order[s - (taps - 1) + k] * x_at[1]
                        out = out + load_row(weight, k * width + d, lanes) * load_row(x, x_t + d, lanes)
                    p = sigmoid(out)
                    grad = grad * (p + out * p * (ONE - p))
                store(later, s % taps * BLOCK + j, grad)
                store(shift, j, load(shift, j) + grad)
                for k in range(early, taps):
                    x_t = b * x_at[0] + order[s - (taps - 1) + k] * x_at[1]
                    i = k * BLOCK + j
                    store(sums, i, load(sums, i) + grad * load_row(x, x_t + d, lanes))
                dx_v = splat(0.0)
                for k in range(taps):
                    ahead = (s + taps - 1 - k) % taps * BLOCK
                    dx_v = dx_v + load_row(weight, k * width + d, lanes) * load(later, ahead + j)
                store_row(dx, (b * length + t) * width + d, dx_v, lanes)
        for d in range(d0, end):
            dbias[b * width + d] = shift[d - d0]
            for k in range(taps):
                dweight[(b * taps + k) * width + d] = sums[k * BLOCK + d - d0]
