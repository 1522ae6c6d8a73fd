"""Compiled loops of the scan and of the short convolution on the CPU. Channel-last, float32.

A task is one sequence and a block of neighbouring channels: the state of a block, (N, BLOCK), stays in the first
cache, and the innermost loops run over channels, which lie side by side, so that the compiler makes vectors of
them. A step reads its token through `order`, which therefore costs nothing. Only the states at the start of every
CHUNK steps are kept; the backward pass computes the rest again, a chunk at a time. Sums over channels and over
sequences are kept apart by task and added up by the caller in a fixed order, so no result depends on the threads.

Rows of `order` are token indices; t is a token, s a step. `tasks` is [first, last).
"""

import numpy as np
from numba import njit

BLOCK = 32  # channels of a scan's task
CONV_BLOCK = 512  # channels of a convolution's task
CHUNK = 16  # steps between two kept states

# re-association lets sums over channels be vectors; NaN and infinity keep their meaning
_jit = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "arcp", "nsz"})

LOG2E = np.float32(1.4426950408889634)
# 2^f on [-1/2, 1/2]; the constant term is exactly 1, since a bias near decay 1 adds up over a long sequence
E1, E2, E3, E4, E5 = (
    np.float32(c) for c in (0.6931471435, 0.2402235134, 0.0555050021, 0.0096662454, 0.0013333539)
)
LOWEST, HIGHEST = np.float32(-126.0), np.float32(127.0)
HALF, ONE, ZERO = np.float32(0.5), np.float32(1.0), np.float32(0.0)


@_jit
def _exp2(x, power):  # type: ignore[no-untyped-def]
    """Set x <- 2^x for rows (n, BLOCK); `power` is scratch of the same shape. NaN stays NaN."""
    bits = power.view(np.int32)
    for n in range(len(x)):
        for j in range(BLOCK):
            v = LOWEST if x[n, j] < LOWEST else (HIGHEST if x[n, j] > HIGHEST else x[n, j])
            bits[n, j] = (np.int32(np.floor(v + HALF)) + np.int32(127)) << np.int32(23)
    for n in range(len(x)):
        for j in range(BLOCK):
            v = LOWEST if x[n, j] < LOWEST else (HIGHEST if x[n, j] > HIGHEST else x[n, j])
            f = v - np.floor(v + HALF)
            x[n, j] = (ONE + f * (E1 + f * (E2 + f * (E3 + f * (E4 + f * E5))))) * power[n, j]


@_jit
def _rows(n):  # type: ignore[no-untyped-def]
    return np.zeros((n, BLOCK), np.float32)


@_jit
def scan_forward(first, last, u, delta, A, B, C, order, y, starts):  # type: ignore[no-untyped-def]
    """Write y (batch, L, D), and the state before every CHUNK steps into `starts` (batch, chunks, N, D)."""
    length, width = u.shape[1], u.shape[2]
    states, blocks = A.shape[0], (width + BLOCK - 1) // BLOCK
    # what belongs to a block is copied into rows of fixed length, filled up with zeros, and no row is ever sliced
    # off in the innermost loops: numba counts references to slices
    a, h, decay, scratch = _rows(states), _rows(states), _rows(states), _rows(states)
    step, x, sums = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    for task in range(first, last):
        b, d = task // blocks, task % blocks * BLOCK
        w = min(BLOCK, width - d)
        a[:], h[:], step[:], x[:] = ZERO, ZERO, ZERO, ZERO
        a[:, :w] = A[:, d : d + w]
        for s in range(length):
            if s % CHUNK == 0:
                starts[b, s // CHUNK, :, d : d + w] = h[:, :w]
            t = order[s]
            for j in range(w):
                step[j] = delta[b, t, d + j]
                x[j] = delta[b, t, d + j] * u[b, t, d + j]
            for n in range(states):
                for j in range(BLOCK):
                    decay[n, j] = step[j] * a[n, j]
            _exp2(decay, scratch)
            sums[:] = ZERO
            for n in range(states):
                B_n, C_n = B[b, t, n], C[b, t, n]
                for j in range(BLOCK):
                    h[n, j] = decay[n, j] * h[n, j] + x[j] * B_n
                    sums[j] += h[n, j] * C_n
            for j in range(w):
                y[b, t, d + j] = sums[j]


@_jit
def scan_backward(first, last, u, delta, A, B, C, order, starts, dy, du, ddelta, dA, dB, dC):  # type: ignore[no-untyped-def]
    """Write du, ddelta (batch, L, D), and by task dA (batch, N, D), dB and dC (batch, blocks, L, N)."""
    length, width = u.shape[1], u.shape[2]
    states, blocks = A.shape[0], (width + BLOCK - 1) // BLOCK
    chunks = (length + CHUNK - 1) // CHUNK
    a, g, da, scratch = _rows(states), _rows(states), _rows(states), _rows(CHUNK * states)
    h = _rows((CHUNK + 1) * states)  # row i * N + n is state n before step i of the chunk
    decay = _rows(CHUNK * states)
    step, x = _rows(CHUNK), _rows(CHUNK)
    out, into, moved = np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32), np.zeros(BLOCK, np.float32)
    for task in range(first, last):
        b, k = task // blocks, task % blocks
        d = k * BLOCK
        w = min(BLOCK, width - d)
        a[:], g[:], da[:], h[:], decay[:] = ZERO, ZERO, ZERO, ZERO, ZERO  # g is dL/dh, carried backwards
        step[:], x[:], out[:] = ZERO, ZERO, ZERO
        a[:, :w] = A[:, d : d + w]
        for chunk in range(chunks - 1, -1, -1):
            start, steps = chunk * CHUNK, min(CHUNK, length - chunk * CHUNK)
            for i in range(steps):
                t = order[start + i]
                for j in range(w):
                    step[i, j] = delta[b, t, d + j]
                    x[i, j] = delta[b, t, d + j] * u[b, t, d + j]
                for n in range(states):
                    for j in range(BLOCK):
                        decay[i * states + n, j] = step[i, j] * a[n, j]
            _exp2(decay, scratch)
            h[:states, :w] = starts[b, chunk, :, d : d + w]
            for i in range(steps):
                t = order[start + i]
                for n in range(states):
                    B_n, row = B[b, t, n], i * states + n
                    for j in range(BLOCK):
                        h[row + states, j] = decay[row, j] * h[row, j] + x[i, j] * B_n
            for i in range(steps - 1, -1, -1):
                t = order[start + i]
                for j in range(w):
                    out[j] = dy[b, t, d + j]
                into[:] = ZERO  # dL/d(delta u), the sum over n of g B
                moved[:] = ZERO  # dL/d(delta) through the decay
                for n in range(states):
                    B_n, C_n, row = B[b, t, n], C[b, t, n], i * states + n
                    sum_B, sum_C = ZERO, ZERO
                    for j in range(BLOCK):
                        g_j = g[n, j] + out[j] * C_n
                        sum_C += out[j] * h[row + states, j]
                        sum_B += g_j * x[i, j]
                        into[j] += g_j * B_n
                        g_j *= decay[row, j]
                        through = g_j * h[row, j]  # dL/d(delta A)
                        moved[j] += through * a[n, j]
                        da[n, j] += through * step[i, j]
                        g[n, j] = g_j
                    dB[b, k, t, n] = sum_B
                    dC[b, k, t, n] = sum_C
                for j in range(w):
                    du[b, t, d + j] = into[j] * delta[b, t, d + j]
                    # A is in units of log2(e): the decay is 2^(delta A), whose derivative carries ln(2)
                    ddelta[b, t, d + j] = into[j] * u[b, t, d + j] + moved[j] / LOG2E
        dA[b, :, d : d + w] = da[:, :w]


@_jit
def conv_forward(first, last, x, weight, bias, order, y):  # type: ignore[no-untyped-def]
    """Write y (batch, L, D): K taps along the order, weight (K, D), the last tap the present."""
    length, width, taps = x.shape[1], x.shape[2], weight.shape[0]
    blocks = (width + CONV_BLOCK - 1) // CONV_BLOCK
    for task in range(first, last):
        b, start = task // blocks, task % blocks * CONV_BLOCK
        end = min(start + CONV_BLOCK, width)
        for s in range(length):
            t = order[s]
            for d in range(start, end):
                y[b, t, d] = bias[d]
            for k in range(max(0, taps - 1 - s), taps):
                source = order[s - (taps - 1) + k]
                for d in range(start, end):
                    y[b, t, d] += weight[k, d] * x[b, source, d]


@_jit
def conv_backward(first, last, x, weight, order, dy, dx, dweight):  # type: ignore[no-untyped-def]
    """Write dx (batch, L, D), and by sequence dweight (batch, K, D)."""
    length, width, taps = x.shape[1], x.shape[2], weight.shape[0]
    blocks = (width + CONV_BLOCK - 1) // CONV_BLOCK
    for task in range(first, last):
        b, start = task // blocks, task % blocks * CONV_BLOCK
        end = min(start + CONV_BLOCK, width)
        dweight[b, :, start:end] = ZERO
        dx[b, :, start:end] = ZERO
        for s in range(length):
            t = order[s]
            for k in range(max(0, taps - 1 - s), taps):
                source = order[s - (taps - 1) + k]
                for d in range(start, end):
                    dx[b, source, d] += dy[b, t, d] * weight[k, d]
                    dweight[b, k, d] += dy[b, t, d] * x[b, source, d]
