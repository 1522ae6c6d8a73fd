"""The loops of the selective scan on the CPU. Channel-last, float32, vectors over channels.

A task is one sequence and a block of up to `VECTORS` vectors of neighbouring channels, whose state stays in the first
cache. A step reads its token through `order`, which therefore costs nothing. Only the states before every CHUNK steps
are kept; the backward pass computes the rest again, a chunk at a time. Sums over channels and over sequences are kept
apart by task and added up by the caller in a fixed order, so no result depends on the threads.

Tensors come as their memory; `at` beside the name of one gives its strides, (of a sequence, of a token), and
without `at` it is contiguous. An empty D, bias or z is one that was not given. b is a sequence, s a step, t the
token it reads, d the first channel of vector v of the task, n a state. Decays are written 2^(delta a), a = A log2(e).
"""

from zigma.ops.cpu_compile import kernel, part
from zigma.ops.cpu_math import LN2, LOG2E, ONE, exp2, load_row, scratch, sigmoid, softplus, store_row
from zigma.ops.cpu_tasks import take
from zigma.ops.simd import LANES, load, prefetch, splat, spread, store, totals

CHUNK = LANES  # steps between two kept states: as many sums over channels then make a vector
VECTORS = 8  # of a task, at most
AHEAD = 4  # steps by which rows are asked for before they are read


@part
def _load_A(A, a, d, width, states, vectors):  # type: ignore[no-untyped-def]
    """Copy A (D, N) of a task's channels into `a` (vectors, N, LANES)."""
    for j in range(vectors * LANES):
        v, lane = j // LANES, j % LANES
        for n in range(states):
            inside = d + j < width
            a[(v * states + n) * LANES + lane] = A[(d + j) * states + n] * LOG2E if inside else 0.0


@part
def _load_channels(x, row, d, width, vectors):  # type: ignore[no-untyped-def]
    """Copy a task's values of x (D,) into `row`; zeros where x is empty."""
    for j in range(vectors * LANES):
        row[j] = x[d + j] if len(x) > 0 and d + j < width else 0.0


@kernel
def scan_forward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, u, u_at, delta, delta_at, A, B, B_at, C, C_at, D, z, z_at, bias, plus, order, y, starts
):  # fmt: skip
    """Write y (batch, L, D), and unless `starts` is empty the state before each chunk into it, by task."""
    length, width, states, block = sizes
    blocks, most, chunks = (width + block - 1) // block, block // LANES, (length + CHUNK - 1) // CHUNK
    a, h = scratch(most * states), scratch(most * states)
    skip, shift = scratch(most), scratch(most)
    task = take(turn)
    while task < tasks:
        b, d0 = task // blocks, task % blocks * block
        vectors = (min(block, width - d0) + LANES - 1) // LANES
        _load_A(A, a, d0, width, states, vectors)
        _load_channels(D, skip, d0, width, vectors)
        _load_channels(bias, shift, d0, width, vectors)
        h[:] = 0.0
        for s in range(length):
            if len(starts) > 0 and s % CHUNK == 0:
                kept = (task * chunks + s // CHUNK) * most * states
                for i in range(vectors * states):
                    store(starts, (kept + i) * LANES, load(h, i * LANES))
            t, soon = order[s], order[min(s + AHEAD, length - 1)]
            u_t, delta_t = b * u_at[0] + t * u_at[1] + d0, b * delta_at[0] + t * delta_at[1] + d0
            z_t, y_t = b * z_at[0] + t * z_at[1] + d0, (b * length + t) * width + d0
            B_t, C_t = b * B_at[0] + t * B_at[1], b * C_at[0] + t * C_at[1]
            for v in range(vectors):
                d = v * LANES
                lanes = width - d0 - d
                prefetch(u, b * u_at[0] + soon * u_at[1] + d0 + d)
                prefetch(delta, b * delta_at[0] + soon * delta_at[1] + d0 + d)
                u_v, step = load_row(u, u_t + d, lanes), load_row(delta, delta_t + d, lanes) + load(shift, d)
                if plus:
                    step, _ = softplus(step)
                x, out = step * u_v, load(skip, d) * u_v
                for n in range(states):
                    i = (v * states + n) * LANES
                    h_n = exp2(step * load(a, i)) * load(h, i) + x * spread(B, B_t + n)
                    store(h, i, h_n)
                    out = out + h_n * spread(C, C_t + n)
                if len(z) > 0:
                    prefetch(z, b * z_at[0] + soon * z_at[1] + d0 + d)
                    gate = load_row(z, z_t + d, lanes)
                    out = out * (gate * sigmoid(gate))
                store_row(y, y_t + d, out, lanes)
        task = take(turn)


@kernel
def scan_backward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, u, u_at, delta, delta_at, A, B, B_at, C, C_at, D, z, z_at, bias, plus, order, starts,
    dy, dy_at, du, ddelta, dz, dA, dB, dC, dD, dbias,
):  # fmt: skip
    """Write du, ddelta, dz (batch, L, D); by sequence dA (batch, D, N), dD, dbias (batch, D); and by sequence and
    block dB, dC (batch, blocks, L, N)."""
    length, width, states, block = sizes
    blocks, most, chunks = (width + block - 1) // block, block // LANES, (length + CHUNK - 1) // CHUNK
    a, da = scratch(most * states), scratch(most * states)
    g = scratch(most * states)  # dL/dh, carried backwards
    skip, shift, dskip, dshift = scratch(most), scratch(most), scratch(most), scratch(most)
    # Of every step of a chunk and one vector of channels: delta' and its derivative, delta' u, C h + D u; dL/d(the
    # last) without and with the gate's derivative; dL/d(delta' u); and sum over states of dL/d(delta' a) a.
    step, slope, x, y = scratch(CHUNK), scratch(CHUNK), scratch(CHUNK), scratch(CHUNK)
    out, gated, into, moved = scratch(CHUNK), scratch(CHUNK), scratch(CHUNK), scratch(CHUNK)
    decay, h = scratch(CHUNK), scratch(CHUNK + 1)  # of one state, in each step and (h) before the first
    # of every state and step of a chunk: B, C, and their gradients, before and after sums over lanes
    B_s, C_s, dB_s, dC_s = scratch(states), scratch(states), scratch(states), scratch(states)
    sum_B, sum_C = scratch(CHUNK * states), scratch(CHUNK * states)
    task = take(turn)
    while task < tasks:
        b, k = task // blocks, task % blocks
        d0 = k * block
        vectors = (min(block, width - d0) + LANES - 1) // LANES
        _load_A(A, a, d0, width, states, vectors)
        _load_channels(D, skip, d0, width, vectors)
        _load_channels(bias, shift, d0, width, vectors)
        g[:], da[:], dskip[:], dshift[:] = 0.0, 0.0, 0.0, 0.0
        for chunk in range(chunks - 1, -1, -1):
            start = chunk * CHUNK
            steps = min(CHUNK, length - start)
            for i in range(steps):
                t = order[start + i]
                B_t, C_t = b * B_at[0] + t * B_at[1], b * C_at[0] + t * C_at[1]
                for n in range(states):
                    B_s[n * CHUNK + i], C_s[n * CHUNK + i] = B[B_t + n], C[C_t + n]
            sum_B[:], sum_C[:] = 0.0, 0.0
            for v in range(vectors):
                d = d0 + v * LANES
                lanes, skip_v, shift_v = width - d, load(skip, v * LANES), load(shift, v * LANES)
                for i in range(steps):
                    row, t, soon = i * LANES, order[start + i], order[max(start + i - CHUNK, 0)]
                    prefetch(u, b * u_at[0] + soon * u_at[1] + d)
                    prefetch(delta, b * delta_at[0] + soon * delta_at[1] + d)
                    prefetch(dy, b * dy_at[0] + soon * dy_at[1] + d)
                    u_i = load_row(u, b * u_at[0] + t * u_at[1] + d, lanes)
                    step_i = load_row(delta, b * delta_at[0] + t * delta_at[1] + d, lanes) + shift_v
                    if plus:
                        step_i, slope_i = softplus(step_i)
                        store(slope, row, slope_i)
                    out_i = load_row(dy, b * dy_at[0] + t * dy_at[1] + d, lanes)
                    if len(z) > 0:
                        prefetch(z, b * z_at[0] + soon * z_at[1] + d)
                        gate = load_row(z, b * z_at[0] + t * z_at[1] + d, lanes)
                        s = sigmoid(gate)
                        store(gated, row, out_i * (s + gate * s * (ONE - s)))
                        out_i = out_i * (gate * s)
                    store(step, row, step_i)
                    store(x, row, step_i * u_i)
                    store(out, row, out_i)
                    store(y, row, skip_v * u_i)
                    store(into, row, splat(0.0))
                    store(moved, row, splat(0.0))
                for n in range(states):
                    i_n = (v * states + n) * LANES
                    a_n = load(a, i_n)
                    h_i = load(starts, (task * chunks + chunk) * most * states * LANES + i_n)
                    store(h, 0, h_i)
                    for i in range(steps):
                        row = i * LANES
                        decay_i = exp2(load(step, row) * a_n)
                        h_i = decay_i * h_i + load(x, row) * spread(B_s, n * CHUNK + i)
                        store(decay, row, decay_i)
                        store(h, row + LANES, h_i)
                        if len(z) > 0:
                            store(y, row, load(y, row) + h_i * spread(C_s, n * CHUNK + i))
                    g_i, da_n = load(g, i_n), load(da, i_n)
                    for i in range(steps - 1, -1, -1):
                        row, row_n = i * LANES, (n * CHUNK + i) * LANES
                        out_i = load(out, row)
                        g_i = g_i + out_i * spread(C_s, n * CHUNK + i)
                        store(sum_C, row_n, load(sum_C, row_n) + out_i * load(h, row + LANES))
                        store(sum_B, row_n, load(sum_B, row_n) + g_i * load(x, row))
                        store(into, row, load(into, row) + g_i * spread(B_s, n * CHUNK + i))
                        g_i = g_i * load(decay, row)
                        through = g_i * load(h, row)  # dL/d(delta' A)
                        store(moved, row, load(moved, row) + through * a_n)
                        da_n = da_n + through * load(step, row)
                    store(g, i_n, g_i)
                    store(da, i_n, da_n)
                dskip_v, dshift_v = load(dskip, v * LANES), load(dshift, v * LANES)
                for i in range(steps):
                    row, t = i * LANES, order[start + i]
                    row_t = (b * length + t) * width + d
                    u_i = load_row(u, b * u_at[0] + t * u_at[1] + d, lanes)
                    into_i, out_i = load(into, row), load(out, row)
                    dstep = into_i * u_i + load(moved, row) * LN2
                    if plus:
                        dstep = dstep * load(slope, row)
                    store_row(du, row_t, into_i * load(step, row) + out_i * skip_v, lanes)
                    store_row(ddelta, row_t, dstep, lanes)
                    if len(z) > 0:
                        store_row(dz, row_t, load(gated, row) * load(y, row), lanes)
                    dskip_v, dshift_v = dskip_v + out_i * u_i, dshift_v + dstep
                store(dskip, v * LANES, dskip_v)
                store(dshift, v * LANES, dshift_v)
            for n in range(states):
                store(dB_s, n * CHUNK, totals(sum_B, n * CHUNK * LANES))
                store(dC_s, n * CHUNK, totals(sum_C, n * CHUNK * LANES))
            for i in range(steps):
                states_t = ((b * blocks + k) * length + order[start + i]) * states
                for n in range(states):
                    dB[states_t + n], dC[states_t + n] = dB_s[n * CHUNK + i], dC_s[n * CHUNK + i]
        for j in range(min(block, width - d0)):
            channel = b * width + d0 + j
            dD[channel], dbias[channel] = dskip[j], dshift[j]
            for n in range(states):
                dA[channel * states + n] = da[(j // LANES * states + n) * LANES + j % LANES]
        task = take(turn)
