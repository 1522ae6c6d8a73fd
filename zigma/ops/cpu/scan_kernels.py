"""The loops of the selective scan on the CPU. Channel-last, float32, vectors over channels.

A task is one sequence, or a group of very short ones that fit one chunk together, and a block of up to `VECTORS`
vectors of neighbouring channels, whose state stays in the first cache. A step reads its token through `order`, which
therefore costs nothing. Only the states before every CHUNK steps but the first are kept; the backward pass computes
the rest again, a chunk at a time. Sums over channels and over sequences are kept apart by task and added up by the
caller in a fixed order, so no result depends on the threads.

Tensors come as their memory; `at` beside the name of one gives its strides, (of a sequence, of a token), and
without `at` it is contiguous; what belongs to channels has them last: A and states (N, D), W (R, D). An empty D,
bias, z or state is one that was not given. The steps of sequence b are in `order` from b * order_at on. b is a
sequence, s a step, t the token it reads, d the first channel of vector v of the task, n a state. Decays are written
2^(delta a), a = A log2(e). Fewer channels than lanes leave lanes idle: `narrow_kernels` are for those.

Where there are `ranks`, a tuple of R numbers, delta (batch, L, R) stands for delta W: multiplied here,
a vector at a time, since a product with so few inner features takes far longer to write and to read than to compute.
As with the taps of the convolution, R is known when a kernel is compiled. r is one of the ranks.
"""

from zigma.ops.cpu.compile import kernel, part
from zigma.ops.cpu.math import LN2, LOG2E, ONE, exp2, load_row, scratch, sigmoid, softplus, store_row
from zigma.ops.cpu.simd import LANES, load, prefetch, splat, spread, store, totals
from zigma.ops.cpu.tasks import take

CHUNK = LANES  # steps between two kept states: as many sums over channels then make a vector
VECTORS = 8  # of a task, at most
AHEAD = 4  # steps by which rows are asked for before they are read


@part
def _load_channels(x, first, own, d, width, columns, vectors, factor):  # type: ignore[no-untyped-def]
    """Copy x (columns, D) from `first` on, of a task's channels, times a factor, into `own` (vectors, columns, LANES).

    Zeros where x is empty.
    """
    for v in range(vectors):
        for n in range(columns):
            row, lanes = first + n * width + d + v * LANES, width - d - v * LANES
            x_n = load_row(x, row, lanes) * factor if len(x) > 0 else splat(0.0)
            store(own, (v * columns + n) * LANES, x_n)


@part
def _store_channels(own, x, first, d, width, columns, vectors):  # type: ignore[no-untyped-def]
    """Undo `_load_channels`, into x from `first` on."""
    for v in range(vectors):
        for n in range(columns):
            row, lanes = first + n * width + d + v * LANES, width - d - v * LANES
            store_row(x, row, load(own, (v * columns + n) * LANES), lanes)


@part
def _load_delta(delta, row, d, lanes, w, w_v, rank):  # type: ignore[no-untyped-def]
    """A vector of delta, read or multiplied."""
    if rank == 0:
        return load_row(delta, row + d, lanes)
    out = splat(0.0)
    for r in range(rank):
        out = out + load(w, (w_v + r) * LANES) * spread(delta, row + r)
    return out


@kernel
def scan_forward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, u, u_at, delta, delta_at, A, B, B_at, C, C_at, D, z, z_at, bias, W, ranks, plus,
    order, order_at, initial, y, starts, final,
):  # fmt: skip
    """Write y (batch, L, D), and unless they are empty the last state into `final` (batch, N, D), and the state before
    each chunk but the first into `starts`, by sequence and block."""
    batch, length, width, states, block, group = sizes
    rank = len(ranks)
    blocks, most, chunks = (width + block - 1) // block, block // LANES, (length + CHUNK - 1) // CHUNK
    a, w, h = scratch(most * states), scratch(most * rank), scratch(most * states)
    skip, shift = scratch(most), scratch(most)
    task = take(turn)
    while task < tasks:
        k = task % blocks
        d0, first = k * block, task // blocks * group
        vectors = (min(block, width - d0) + LANES - 1) // LANES
        _load_channels(A, 0, a, d0, width, states, vectors, LOG2E)
        _load_channels(W, 0, w, d0, width, rank, vectors, ONE)
        _load_channels(D, 0, skip, d0, width, 1, vectors, ONE)
        _load_channels(bias, 0, shift, d0, width, 1, vectors, ONE)
        for b in range(first, min(first + group, batch)):
            _load_channels(initial, b * width * states, h, d0, width, states, vectors, ONE)
            steps = b * order_at
            for s in range(length):
                if len(starts) > 0 and s > 0 and s % CHUNK == 0:
                    kept = ((b * blocks + k) * (chunks - 1) + s // CHUNK - 1) * most * states
                    for i in range(vectors * states):
                        store(starts, (kept + i) * LANES, load(h, i * LANES))
                t, soon = order[steps + s], order[steps + min(s + AHEAD, length - 1)]
                u_t, delta_t = b * u_at[0] + t * u_at[1] + d0, b * delta_at[0] + t * delta_at[1]
                z_t, y_t = b * z_at[0] + t * z_at[1] + d0, (b * length + t) * width + d0
                B_t, C_t = b * B_at[0] + t * B_at[1], b * C_at[0] + t * C_at[1]
                for v in range(vectors):
                    d = v * LANES
                    lanes = width - d0 - d
                    prefetch(u, b * u_at[0] + soon * u_at[1] + d0 + d)
                    if rank == 0:
                        prefetch(delta, b * delta_at[0] + soon * delta_at[1] + d0 + d)
                    u_v = load_row(u, u_t + d, lanes)
                    step = _load_delta(delta, delta_t, d0 + d, lanes, w, v * rank, rank) + load(shift, d)
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
            if len(final) > 0:
                _store_channels(h, final, b * width * states, d0, width, states, vectors)
        task = take(turn)


@kernel
def scan_backward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, u, u_at, delta, delta_at, A, B, B_at, C, C_at, D, z, z_at, bias, W, ranks, plus,
    order, order_at, initial, starts, dy, dy_at, dfinal, du, ddelta, dW, dz, dA, dB, dC, dD, dbias, dinitial,
):  # fmt: skip
    """Write du, ddelta, dz (batch, L, D); by group of sequences dA (groups, N, D), dW (groups, R, D), dD, dbias
    (groups, D); by sequence, unless it is empty, dinitial (batch, N, D); and by sequence and block dB, dC (batch,
    blocks, L, N), and ddelta (batch, blocks, L, R) where there are ranks."""
    batch, length, width, states, block, group = sizes
    rank = len(ranks)
    blocks, most, chunks = (width + block - 1) // block, block // LANES, (length + CHUNK - 1) // CHUNK
    a, da, w, dw = scratch(most * states), scratch(most * states), scratch(most * rank), scratch(most * rank)
    g = scratch(group * most * states)  # dL/dh, carried backwards
    skip, shift, dskip, dshift = scratch(most), scratch(most), scratch(most), scratch(most)
    # Of every row of a tile (the steps of a chunk of each sequence of the group, at most CHUNK) and one vector of
    # channels: delta' and its derivative, delta' u, C h + D u; dL/d(the last) without and with the gate's derivative;
    # dL/d(delta' u); and sum over states of dL/d(delta' a) a.
    step, slope, x, y = scratch(CHUNK), scratch(CHUNK), scratch(CHUNK), scratch(CHUNK)
    out, gated, into, moved = scratch(CHUNK), scratch(CHUNK), scratch(CHUNK), scratch(CHUNK)
    # of one state and sequence, in each step and (h) before the first
    decay, h = scratch(CHUNK), scratch(CHUNK + 1)
    # of every state and row of a tile: B, C, and their gradients, before and after sums over lanes
    B_s, C_s, dB_s, dC_s = scratch(states), scratch(states), scratch(states), scratch(states)
    sum_B, sum_C = scratch(CHUNK * states), scratch(CHUNK * states)
    ddelta_s, sum_delta = scratch(rank), scratch(CHUNK * rank)  # likewise, of every r
    task = take(turn)
    while task < tasks:
        k = task % blocks
        d0, first = k * block, task // blocks * group
        sequences = min(group, batch - first)
        vectors = (min(block, width - d0) + LANES - 1) // LANES
        _load_channels(A, 0, a, d0, width, states, vectors, LOG2E)
        _load_channels(W, 0, w, d0, width, rank, vectors, ONE)
        _load_channels(D, 0, skip, d0, width, 1, vectors, ONE)
        _load_channels(bias, 0, shift, d0, width, 1, vectors, ONE)
        for q in range(sequences):
            own = g[q * most * states * LANES :]
            _load_channels(dfinal, (first + q) * width * states, own, d0, width, states, vectors, ONE)
        da[:], dw[:], dskip[:], dshift[:] = 0.0, 0.0, 0.0, 0.0
        for chunk in range(chunks - 1, -1, -1):
            steps = min(CHUNK, length - chunk * CHUNK)
            for q in range(sequences):
                b = first + q
                start = b * order_at + chunk * CHUNK  # in `order`
                for i in range(steps):
                    t = order[start + i]
                    B_t, C_t = b * B_at[0] + t * B_at[1], b * C_at[0] + t * C_at[1]
                    for n in range(states):
                        i_n = n * CHUNK + q * steps + i
                        B_s[i_n], C_s[i_n] = B[B_t + n], C[C_t + n]
            sum_B[:], sum_C[:], sum_delta[:] = 0.0, 0.0, 0.0
            for v in range(vectors):
                d = d0 + v * LANES
                lanes, skip_v, shift_v = width - d, load(skip, v * LANES), load(shift, v * LANES)
                for q in range(sequences):
                    b = first + q
                    start = b * order_at + chunk * CHUNK
                    for i in range(steps):
                        row = (q * steps + i) * LANES
                        t, soon = order[start + i], order[max(start + i - CHUNK, b * order_at)]
                        prefetch(u, b * u_at[0] + soon * u_at[1] + d)
                        if rank == 0:
                            prefetch(delta, b * delta_at[0] + soon * delta_at[1] + d)
                        prefetch(dy, b * dy_at[0] + soon * dy_at[1] + d)
                        u_i = load_row(u, b * u_at[0] + t * u_at[1] + d, lanes)
                        delta_t = b * delta_at[0] + t * delta_at[1]
                        step_i = _load_delta(delta, delta_t, d, lanes, w, v * rank, rank) + shift_v
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
                    a_n, da_n = load(a, i_n), load(da, i_n)
                    for q in range(sequences):
                        b, row_q, g_n = first + q, q * steps, q * most * states * LANES + i_n
                        h_i = splat(0.0)
                        if chunk > 0:
                            kept = ((b * blocks + k) * (chunks - 1) + chunk - 1) * most * states
                            h_i = load(starts, kept * LANES + i_n)
                        elif len(initial) > 0:
                            h_i = load_row(initial, (b * states + n) * width + d, lanes)
                        store(h, 0, h_i)
                        for i in range(steps):
                            row = (row_q + i) * LANES
                            decay_i = exp2(load(step, row) * a_n)
                            h_i = decay_i * h_i + load(x, row) * spread(B_s, n * CHUNK + row_q + i)
                            store(decay, i * LANES, decay_i)
                            store(h, i * LANES + LANES, h_i)
                            if len(z) > 0:
                                store(y, row, load(y, row) + h_i * spread(C_s, n * CHUNK + row_q + i))
                        g_i = load(g, g_n)
                        for i in range(steps - 1, -1, -1):
                            row, i_s = (row_q + i) * LANES, n * CHUNK + row_q + i
                            row_n = i_s * LANES
                            out_i = load(out, row)
                            g_i = g_i + out_i * spread(C_s, i_s)
                            store(sum_C, row_n, load(sum_C, row_n) + out_i * load(h, i * LANES + LANES))
                            store(sum_B, row_n, load(sum_B, row_n) + g_i * load(x, row))
                            store(into, row, load(into, row) + g_i * spread(B_s, i_s))
                            g_i = g_i * load(decay, i * LANES)
                            through = g_i * load(h, i * LANES)  # dL/d(delta' A)
                            store(moved, row, load(moved, row) + through * a_n)
                            da_n = da_n + through * load(step, row)
                        store(g, g_n, g_i)
                    store(da, i_n, da_n)
                dskip_v, dshift_v = load(dskip, v * LANES), load(dshift, v * LANES)
                for q in range(sequences):
                    b = first + q
                    start = b * order_at + chunk * CHUNK
                    for i in range(steps):
                        i_q = q * steps + i
                        row, t = i_q * LANES, order[start + i]
                        row_t = (b * length + t) * width + d
                        u_i = load_row(u, b * u_at[0] + t * u_at[1] + d, lanes)
                        into_i, out_i = load(into, row), load(out, row)
                        dstep = into_i * u_i + load(moved, row) * LN2
                        if plus:
                            dstep = dstep * load(slope, row)
                        store_row(du, row_t, into_i * load(step, row) + out_i * skip_v, lanes)
                        if rank == 0:
                            store_row(ddelta, row_t, dstep, lanes)
                        for r in range(rank):
                            i_r, row_r = (v * rank + r) * LANES, (r * CHUNK + i_q) * LANES
                            delta_r = spread(delta, b * delta_at[0] + t * delta_at[1] + r)
                            store(dw, i_r, load(dw, i_r) + dstep * delta_r)
                            store(sum_delta, row_r, load(sum_delta, row_r) + dstep * load(w, i_r))
                        if len(z) > 0:
                            store_row(dz, row_t, load(gated, row) * load(y, row), lanes)
                        dskip_v, dshift_v = dskip_v + out_i * u_i, dshift_v + dstep
                store(dskip, v * LANES, dskip_v)
                store(dshift, v * LANES, dshift_v)
            for n in range(states):
                store(dB_s, n * CHUNK, totals(sum_B, n * CHUNK * LANES))
                store(dC_s, n * CHUNK, totals(sum_C, n * CHUNK * LANES))
            for r in range(rank):
                store(ddelta_s, r * CHUNK, totals(sum_delta, r * CHUNK * LANES))
            for q in range(sequences):
                b = first + q
                start = b * order_at + chunk * CHUNK
                for i in range(steps):
                    row, i_q = (b * blocks + k) * length + order[start + i], q * steps + i
                    for n in range(states):
                        dB[row * states + n] = dB_s[n * CHUNK + i_q]
                        dC[row * states + n] = dC_s[n * CHUNK + i_q]
                    for r in range(rank):
                        ddelta[row * rank + r] = ddelta_s[r * CHUNK + i_q]
        kept_sums = task // blocks
        _store_channels(da, dA, kept_sums * width * states, d0, width, states, vectors)
        _store_channels(dw, dW, kept_sums * width * rank, d0, width, rank, vectors)
        _store_channels(dskip, dD, kept_sums * width, d0, width, 1, vectors)
        _store_channels(dshift, dbias, kept_sums * width, d0, width, 1, vectors)
        if len(dinitial) > 0:
            for q in range(sequences):
                own = g[q * most * states * LANES :]
                _store_channels(own, dinitial, (first + q) * width * states, d0, width, states, vectors)
        task = take(turn)
