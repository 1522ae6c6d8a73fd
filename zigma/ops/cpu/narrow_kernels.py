"""The loops of the selective scan for few channels: vectors over states, where `scan_kernels` have them over channels.

Narrower than a vector, a row of channels leaves lanes idle: at width 1 fifteen of sixteen. Here a vector holds states
of one channel, and what belongs to a step and no state (softplus, gate, skip) is computed for a chunk of steps at once,
a step in each lane. Sums over states are then sums over lanes, of CHUNK steps at a time.

Names are as in `scan_kernels`, but A (D, N) and the states (batch, D, N) have states last, v is a vector of states, c a
channel of the task, whose blocks hold at most LANES channels, and there are no ranks.
"""

from zigma.ops.cpu.compile import kernel, part
from zigma.ops.cpu.math import LN2, LOG2E, ONE, exp2, load_row, scratch, sigmoid, softplus, store_row
from zigma.ops.cpu.simd import LANES, load, splat, spread, store, totals
from zigma.ops.cpu.tasks import take

CHUNK = LANES  # steps between two kept states: a step of a chunk to a lane


@part
def _load_states(x, first, own, rows, states, vectors, factor):  # type: ignore[no-untyped-def]
    """Copy x (rows, N) from `first` on, times a factor, into `own` (rows, vectors, LANES). Zeros where x is empty."""
    for c in range(rows):
        for v in range(vectors):
            row, lanes = first + c * states + v * LANES, states - v * LANES
            x_v = load_row(x, row, lanes) * factor if len(x) > 0 else splat(0.0)
            store(own, (c * vectors + v) * LANES, x_v)


@part
def _store_states(own, x, first, rows, states, vectors):  # type: ignore[no-untyped-def]
    """Undo `_load_states`, into x from `first` on."""
    for c in range(rows):
        for v in range(vectors):
            row, lanes = first + c * states + v * LANES, states - v * LANES
            store_row(x, row, load(own, (c * vectors + v) * LANES), lanes)


@part
def _load_tokens(x, x_b, x_t, order, start, steps, own, states, vectors):  # type: ignore[no-untyped-def]
    """Copy the rows of a chunk's tokens, of N values each, into `own` (vectors, CHUNK, LANES)."""
    for i in range(steps):
        row = x_b + order[start + i] * x_t
        for v in range(vectors):
            store(own, (v * CHUNK + i) * LANES, load_row(x, row + v * LANES, states - v * LANES))


@kernel
def scan_forward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, u, u_at, delta, delta_at, A, B, B_at, C, C_at, D, z, z_at, bias, plus,
    order, order_at, initial, y, starts, final,
):  # fmt: skip
    """Write y (batch, L, D), and unless they are empty the last state into `final` (batch, D, N), and the state before
    each chunk but the first into `starts`, by sequence and block."""
    _, length, width, states, block, _ = sizes
    blocks, vectors = (width + block - 1) // block, (states + LANES - 1) // LANES
    chunks = (length + CHUNK - 1) // CHUNK
    a, h = scratch(block * vectors), scratch(block * vectors)
    B_s, C_s = scratch(vectors * CHUNK), scratch(vectors * CHUNK)
    # a step in each lane
    u_s, step, x, gate, y_s = scratch(1), scratch(1), scratch(1), scratch(1), scratch(1)
    products = scratch(CHUNK)  # of C and h, in each step
    task = take(turn)
    while task < tasks:
        b, d0 = task // blocks, task % blocks * block
        channels = min(block, width - d0)
        _load_states(A, d0 * states, a, channels, states, vectors, LOG2E)
        _load_states(initial, (b * width + d0) * states, h, channels, states, vectors, ONE)
        for chunk in range(chunks):
            start, steps = b * order_at + chunk * CHUNK, min(CHUNK, length - chunk * CHUNK)
            if len(starts) > 0 and chunk > 0:
                kept = (task * (chunks - 1) + chunk - 1) * block * vectors
                for i in range(channels * vectors):
                    store(starts, (kept + i) * LANES, load(h, i * LANES))
            _load_tokens(B, b * B_at[0], B_at[1], order, start, steps, B_s, states, vectors)
            _load_tokens(C, b * C_at[0], C_at[1], order, start, steps, C_s, states, vectors)
            for c in range(channels):
                d = d0 + c
                for i in range(steps):
                    t = order[start + i]
                    u_s[i] = u[b * u_at[0] + t * u_at[1] + d]
                    step[i] = delta[b * delta_at[0] + t * delta_at[1] + d]
                    if len(z) > 0:
                        gate[i] = z[b * z_at[0] + t * z_at[1] + d]
                u_c, step_c = load(u_s, 0), load(step, 0)
                if len(bias) > 0:
                    step_c = step_c + bias[d]
                if plus:
                    step_c, _ = softplus(step_c)
                store(step, 0, step_c)
                store(x, 0, step_c * u_c)
                for v in range(vectors):
                    i_v = (c * vectors + v) * LANES
                    a_v, h_i = load(a, i_v), load(h, i_v)
                    for i in range(steps):
                        row = (v * CHUNK + i) * LANES
                        h_i = exp2(spread(step, i) * a_v) * h_i + spread(x, i) * load(B_s, row)
                        product = h_i * load(C_s, row)
                        store(products, i * LANES, load(products, i * LANES) + product if v > 0 else product)
                    store(h, i_v, h_i)
                out = totals(products, 0)
                if len(D) > 0:
                    out = out + D[d] * u_c
                if len(z) > 0:
                    gate_c = load(gate, 0)
                    out = out * (gate_c * sigmoid(gate_c))
                store(y_s, 0, out)
                for i in range(steps):
                    y[(b * length + order[start + i]) * width + d] = y_s[i]
        if len(final) > 0:
            _store_states(h, final, (b * width + d0) * states, channels, states, vectors)
        task = take(turn)


@kernel
def scan_backward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, u, u_at, delta, delta_at, A, B, B_at, C, C_at, D, z, z_at, bias, plus,
    order, order_at, initial, starts, dy, dy_at, dfinal, du, ddelta, dz, dA, dB, dC, dD, dbias, dinitial,
):  # fmt: skip
    """Write du, ddelta, dz (batch, L, D); by sequence dA (batch, D, N), dD, dbias (batch, D), and unless it is empty
    dinitial (batch, D, N); and by sequence and block dB, dC (batch, blocks, L, N)."""
    _, length, width, states, block, _ = sizes
    blocks, vectors = (width + block - 1) // block, (states + LANES - 1) // LANES
    chunks = (length + CHUNK - 1) // CHUNK
    a, da, g = scratch(block * vectors), scratch(block * vectors), scratch(block * vectors)  # g: dL/dh
    B_s, C_s = scratch(vectors * CHUNK), scratch(vectors * CHUNK)
    dB_s, dC_s = scratch(vectors * CHUNK), scratch(vectors * CHUNK)
    # a step in each lane: the inputs; delta', delta' u, dL/d(C h + D u); what is written
    u_s, gate, step, x, out = scratch(1), scratch(1), scratch(1), scratch(1), scratch(1)
    du_s, ddelta_s, dz_s = scratch(1), scratch(1), scratch(1)
    # of one channel and vector, in each step and (h) before the first
    decay, h = scratch(CHUNK), scratch(CHUNK + 1)
    # in each step, to be added up over lanes: C h, dL/d(delta' u), dL/d(delta' a) a
    products, into, moved = scratch(CHUNK), scratch(CHUNK), scratch(CHUNK)
    dskip, dshift = scratch(LANES), scratch(LANES)  # of every channel, not yet added up over lanes
    sums = scratch(1)
    task = take(turn)
    while task < tasks:
        b, d0 = task // blocks, task % blocks * block
        channels = min(block, width - d0)
        _load_states(A, d0 * states, a, channels, states, vectors, LOG2E)
        _load_states(dfinal, (b * width + d0) * states, g, channels, states, vectors, ONE)
        da[:], dskip[:], dshift[:] = 0.0, 0.0, 0.0
        for chunk in range(chunks - 1, -1, -1):
            start, steps = b * order_at + chunk * CHUNK, min(CHUNK, length - chunk * CHUNK)
            _load_tokens(B, b * B_at[0], B_at[1], order, start, steps, B_s, states, vectors)
            _load_tokens(C, b * C_at[0], C_at[1], order, start, steps, C_s, states, vectors)
            dB_s[:], dC_s[:] = 0.0, 0.0
            if steps < CHUNK:  # lanes after the last step count as zero
                u_s[:], step[:], gate[:], out[:] = 0.0, 0.0, 0.0, 0.0
                products[:], into[:], moved[:] = 0.0, 0.0, 0.0
            for c in range(channels):
                d = d0 + c
                for i in range(steps):
                    t = order[start + i]
                    u_s[i] = u[b * u_at[0] + t * u_at[1] + d]
                    step[i] = delta[b * delta_at[0] + t * delta_at[1] + d]
                    out[i] = dy[b * dy_at[0] + t * dy_at[1] + d]
                    if len(z) > 0:
                        gate[i] = z[b * z_at[0] + t * z_at[1] + d]
                u_c, step_c, out_c = load(u_s, 0), load(step, 0), load(out, 0)
                slope, gated = splat(1.0), splat(0.0)
                if len(bias) > 0:
                    step_c = step_c + bias[d]
                if plus:
                    step_c, slope = softplus(step_c)
                if len(z) > 0:
                    gate_c = load(gate, 0)
                    s = sigmoid(gate_c)
                    gated = out_c * (s + gate_c * s * (ONE - s))
                    out_c = out_c * (gate_c * s)
                store(step, 0, step_c)
                store(x, 0, step_c * u_c)
                store(out, 0, out_c)
                for v in range(vectors):
                    i_v = (c * vectors + v) * LANES
                    a_v, h_i = load(a, i_v), splat(0.0)
                    if chunk > 0:
                        h_i = load(starts, (task * (chunks - 1) + chunk - 1) * block * vectors * LANES + i_v)
                    elif len(initial) > 0:
                        h_i = load_row(initial, (b * width + d) * states + v * LANES, states - v * LANES)
                    store(h, 0, h_i)
                    for i in range(steps):
                        row, row_v = i * LANES, (v * CHUNK + i) * LANES
                        decay_i = exp2(spread(step, i) * a_v)
                        h_i = decay_i * h_i + spread(x, i) * load(B_s, row_v)
                        store(decay, row, decay_i)
                        store(h, row + LANES, h_i)
                        if len(z) > 0:
                            product = h_i * load(C_s, row_v)
                            store(products, row, load(products, row) + product if v > 0 else product)
                    g_i, da_v = load(g, i_v), load(da, i_v)
                    for i in range(steps - 1, -1, -1):
                        row, row_v = i * LANES, (v * CHUNK + i) * LANES
                        out_i = spread(out, i)
                        g_i = g_i + out_i * load(C_s, row_v)
                        store(dC_s, row_v, load(dC_s, row_v) + out_i * load(h, row + LANES))
                        store(dB_s, row_v, load(dB_s, row_v) + g_i * spread(x, i))
                        into_i = g_i * load(B_s, row_v)
                        store(into, row, load(into, row) + into_i if v > 0 else into_i)
                        g_i = g_i * load(decay, row)
                        through = g_i * load(h, row)  # dL/d(delta' A)
                        moved_i = through * a_v
                        store(moved, row, load(moved, row) + moved_i if v > 0 else moved_i)
                        da_v = da_v + through * spread(step, i)
                    store(g, i_v, g_i)
                    store(da, i_v, da_v)
                into_c = totals(into, 0)
                dstep, du_c, y = into_c * u_c + totals(moved, 0) * LN2, into_c * step_c, splat(0.0)
                if plus:
                    dstep = dstep * slope
                if len(z) > 0:
                    y = totals(products, 0)
                if len(D) > 0:
                    du_c, y = du_c + out_c * D[d], y + D[d] * u_c
                store(du_s, 0, du_c)
                store(ddelta_s, 0, dstep)
                store(dz_s, 0, gated * y)
                for i in range(steps):
                    row_t = (b * length + order[start + i]) * width + d
                    du[row_t], ddelta[row_t] = du_s[i], ddelta_s[i]
                    if len(z) > 0:
                        dz[row_t] = dz_s[i]
                store(dskip, c * LANES, load(dskip, c * LANES) + out_c * u_c)
                store(dshift, c * LANES, load(dshift, c * LANES) + dstep)
            for i in range(steps):
                row_t = (task * length + order[start + i]) * states
                for v in range(vectors):
                    row, lanes = row_t + v * LANES, states - v * LANES
                    store_row(dB, row, load(dB_s, (v * CHUNK + i) * LANES), lanes)
                    store_row(dC, row, load(dC_s, (v * CHUNK + i) * LANES), lanes)
        _store_states(da, dA, (b * width + d0) * states, channels, states, vectors)
        store(sums, 0, totals(dskip, 0))
        for c in range(channels):
            dD[b * width + d0 + c] = sums[c]
        store(sums, 0, totals(dshift, 0))
        for c in range(channels):
            dbias[b * width + d0 + c] = sums[c]
        if len(dinitial) > 0:
            _store_states(g, dinitial, (b * width + d0) * states, channels, states, vectors)
        task = take(turn)
