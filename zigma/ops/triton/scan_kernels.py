# mypy: disable-error-code="no-untyped-def,assignment"
"""Triton kernels of the selective scan: chunks of steps in parallel, tokens read through the order.

A chunk is CHUNK steps. The scan runs in three launches, forward and (from the last step to the first) backward:
what each chunk adds to a state that enters as zero; passing states from chunk to chunk, the only sequential
part; then the chunk again with its true state. A program owns BLOCK_D channels with all their states, in one
warp, so that nothing waits for another warp. A token tensor is passed as (pointer, batch stride, token stride)
with channels contiguous; an absent one is None, which Triton resolves while compiling.

A2 is A log2(e), stored (N, D), since exp2 is what the hardware computes. States are (batch, chunk, N, D).
"""

import triton
import triton.language as tl

LN2 = tl.constexpr(0.6931471805599453)


@triton.jit
def _softplus(x):
    # log(1 + e) would lose a small e; log(1 + e) e / ((1 + e) - 1) is accurate for every e.
    e = tl.exp(-tl.abs(x))
    w = 1.0 + e
    log1p = tl.where(w == 1.0, e, tl.log(w) * (e / tl.where(w == 1.0, 1.0, w - 1.0)))
    return tl.maximum(x, 0.0) + log1p


@triton.jit
def _sigmoid(x):
    e = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, e) / (1.0 + e)


@triton.jit
def _place(blocks, chunks, BLOCK: tl.constexpr):
    """The batch entry, chunk and columns of a program; neighbours share a chunk's rows."""
    pid = tl.program_id(0)
    cols = (pid % blocks) * BLOCK + tl.arange(0, BLOCK)
    return (pid // blocks // chunks).to(tl.int64), (pid // blocks) % chunks, cols


@triton.jit
def _token(order, batch, step, length):
    """The token of a step: in 64 bits, since its offset may pass 2^31, and never one outside the sequence."""
    token = step + tl.zeros((), tl.int64)
    if order is not None:
        token = tl.load(order[0] + batch * order[1] + step, mask=step < length, other=0)
        token = tl.minimum(tl.maximum(token, 0), length - 1)
    return token


@triton.jit
def _inside(index, size, step, length):
    # as vectors: the interpreter takes no vector mask joined with a scalar one
    return (index < size) & (step + tl.zeros_like(index) < length)


@triton.jit
def _row(x, batch, token, cols, mask, STATE: tl.constexpr):
    return tl.load(x[0] + batch * x[1] + token * x[2] + cols, mask=mask, other=0.0).to(STATE)


@triton.jit
def _vector(x, cols, size, STATE: tl.constexpr):
    return tl.load(x + cols, mask=cols < size, other=0.0).to(STATE)


@triton.jit
def _step_size(delta, bias, batch, token, cols, mask, SOFTPLUS: tl.constexpr, STATE: tl.constexpr):
    """delta before and after bias and softplus; zero outside, where a step must leave the state as it is."""
    raw = _row(delta, batch, token, cols, mask, STATE) + bias
    step_size = raw
    if SOFTPLUS:
        step_size = _softplus(raw)
    return raw, tl.where(mask, step_size, 0.0)


@triton.jit
def _gated(dy, z, batch, token, cols, mask, STATE: tl.constexpr):
    """The gradient of y before the gate."""
    dy_t = _row(dy, batch, token, cols, mask, STATE)
    if z is not None:
        z_t = _row(z, batch, token, cols, mask, STATE)
        dy_t = dy_t * z_t * _sigmoid(z_t)
    return dy_t


@triton.jit
def _state_tile(batch, chunk, chunks, rows, cols, states, width):
    """Offsets and mask of one chunk's (N, D) tile in a tensor of states."""
    offsets = ((batch * chunks + chunk) * states + rows)[:, None] * width + cols[None, :]
    return offsets, (rows < states)[:, None] & (cols < width)[None, :]


@triton.jit
def _decays(A2, rows, cols, states, width, STATE: tl.constexpr):
    mask = (rows < states)[:, None] & (cols < width)[None, :]
    return tl.load(A2 + rows[:, None] * width + cols[None, :], mask=mask, other=0.0).to(STATE)


@triton.jit
def chunk_states(
    u, delta, B, A2, delta_bias, order, ends, sums, length, width, states, chunks, blocks,
    SOFTPLUS: tl.constexpr, CHUNK: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    STATE: tl.constexpr,
):  # fmt: skip
    """Write each chunk's last state, from a first one of zero, and the sum of its step sizes."""
    batch, chunk, cols = _place(blocks, chunks, BLOCK_D)
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    bias = tl.zeros((BLOCK_D,), STATE)
    if delta_bias is not None:
        bias = _vector(delta_bias, cols, width, STATE)
    state = tl.zeros((BLOCK_N, BLOCK_D), STATE)
    total = tl.zeros((BLOCK_D,), STATE)
    for i in tl.range(0, CHUNK, loop_unroll_factor=8):
        step = chunk * CHUNK + i
        mask = _inside(cols, width, step, length)
        token = _token(order, batch, step, length)
        _, step_size = _step_size(delta, bias, batch, token, cols, mask, SOFTPLUS, STATE)
        added = step_size * _row(u, batch, token, cols, mask, STATE)
        B_t = _row(B, batch, token, rows, _inside(rows, states, step, length), STATE)
        state = tl.exp2(decay * step_size[None, :]) * state + B_t[:, None] * added[None, :]
        total += step_size
    offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
    tl.store(ends + offsets, state, mask=inside)
    tl.store(sums + (batch * chunks + chunk) * width + cols, total, mask=cols < width)


@triton.jit
def pass_on(
    ends, sums, A2, first, last, width, states, chunks, blocks, REVERSE: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr, STATE: tl.constexpr,
):  # fmt: skip
    """Replace what each chunk adds by the state that enters it; REVERSE passes from the last chunk back.

    `first` enters the first chunk (None: zero), and what leaves the last one goes to `last`, unless that is None.
    """
    batch, _, cols = _place(blocks, 1, BLOCK_D)
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    entering = tl.zeros((BLOCK_N, BLOCK_D), STATE)
    own, own_inside = _state_tile(batch, 0, 1, rows, cols, states, width)
    if first is not None:
        entering = tl.load(first + own, mask=own_inside, other=0.0)
    for i in tl.range(0, chunks, num_stages=4):
        chunk = i
        if REVERSE:
            chunk = chunks - 1 - i
        offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
        added = tl.load(ends + offsets, mask=inside, other=0.0)
        total = tl.load(sums + (batch * chunks + chunk) * width + cols, mask=cols < width, other=0.0)
        tl.store(ends + offsets, entering, mask=inside)
        entering = tl.exp2(decay * total[None, :]) * entering + added
    if last is not None:
        tl.store(last + own, entering, mask=own_inside)


@triton.jit
def chunk_outputs(
    u, delta, B, C, z, A2, D, delta_bias, order, starts, y, length, width, states, chunks, blocks,
    SOFTPLUS: tl.constexpr, CHUNK: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    STATE: tl.constexpr,
):  # fmt: skip
    """Scan each chunk from the state that enters it and write y at each token's place."""
    batch, chunk, cols = _place(blocks, chunks, BLOCK_D)
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    bias = tl.zeros((BLOCK_D,), STATE)
    if delta_bias is not None:
        bias = _vector(delta_bias, cols, width, STATE)
    skip = tl.zeros((BLOCK_D,), STATE)
    if D is not None:
        skip = _vector(D, cols, width, STATE)
    offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
    state = tl.load(starts + offsets, mask=inside, other=0.0)
    for i in tl.range(0, CHUNK, loop_unroll_factor=8):
        step = chunk * CHUNK + i
        mask = _inside(cols, width, step, length)
        in_state = _inside(rows, states, step, length)
        token = _token(order, batch, step, length)
        _, step_size = _step_size(delta, bias, batch, token, cols, mask, SOFTPLUS, STATE)
        u_t = _row(u, batch, token, cols, mask, STATE)
        B_t = _row(B, batch, token, rows, in_state, STATE)
        C_t = _row(C, batch, token, rows, in_state, STATE)
        added = step_size * u_t
        state = tl.exp2(decay * step_size[None, :]) * state + B_t[:, None] * added[None, :]
        y_t = tl.sum(C_t[:, None] * state, 0) + skip * u_t
        if z is not None:
            z_t = _row(z, batch, token, cols, mask, STATE)
            y_t = y_t * z_t * _sigmoid(z_t)
        tl.store(y + (batch * length + token) * width + cols, y_t, mask=mask)


@triton.jit
def chunk_adjoints(
    dy, delta, C, z, A2, delta_bias, order, adjoints, length, width, states, chunks, blocks,
    SOFTPLUS: tl.constexpr, CHUNK: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    STATE: tl.constexpr,
):  # fmt: skip
    """Write what each chunk passes back to the one before it when nothing comes from the one after it.

    With g_t = dL/dh_t, the adjoint exp(delta_t A) g_t is what step t passes back to step t - 1.
    """
    batch, chunk, cols = _place(blocks, chunks, BLOCK_D)
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    bias = tl.zeros((BLOCK_D,), STATE)
    if delta_bias is not None:
        bias = _vector(delta_bias, cols, width, STATE)
    adjoint = tl.zeros((BLOCK_N, BLOCK_D), STATE)
    for i in tl.range(0, CHUNK, loop_unroll_factor=8):
        step = chunk * CHUNK + CHUNK - 1 - i
        mask = _inside(cols, width, step, length)
        token = _token(order, batch, step, length)
        _, step_size = _step_size(delta, bias, batch, token, cols, mask, SOFTPLUS, STATE)
        dy_t = _gated(dy, z, batch, token, cols, mask, STATE)
        C_t = _row(C, batch, token, rows, _inside(rows, states, step, length), STATE)
        adjoint = tl.exp2(decay * step_size[None, :]) * (adjoint + C_t[:, None] * dy_t[None, :])
    offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
    tl.store(adjoints + offsets, adjoint, mask=inside)


@triton.jit
def chunk_gradients(
    dy, u, delta, B, C, z, A2, D, delta_bias, order, starts, adjoints,
    du, ddelta, dz, dB, dC, dD, dbias, length, width, states, chunks, blocks,
    SOFTPLUS: tl.constexpr, CHUNK: tl.constexpr, TILE: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr, STATE: tl.constexpr,
):  # fmt: skip
    """Every gradient of one chunk, from the state that enters it and the adjoint that comes back to it.

    States are recomputed TILE steps at a time, last tile first, and stay in registers. Sums over programs are
    left to the caller, as partial sums in a fixed place, so that results repeat bit by bit: dB and dC by
    channel block, dD and dbias by chunk, and dA in the place of the adjoint that this program alone reads.
    """
    batch, chunk, cols = _place(blocks, chunks, BLOCK_D)
    block = tl.program_id(0) % blocks
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    bias = tl.zeros((BLOCK_D,), STATE)
    if delta_bias is not None:
        bias = _vector(delta_bias, cols, width, STATE)
    skip = tl.zeros((BLOCK_D,), STATE)
    if D is not None:
        skip = _vector(D, cols, width, STATE)
    offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
    adjoint = tl.load(adjoints + offsets, mask=inside, other=0.0)
    dA = tl.zeros((BLOCK_N, BLOCK_D), STATE)
    dD_sum = tl.zeros((BLOCK_D,), STATE)
    dbias_sum = tl.zeros((BLOCK_D,), STATE)
    for tile in tl.range(0, CHUNK // TILE):
        first = chunk * CHUNK + CHUNK - (tile + 1) * TILE
        # read for each tile: kept in registers, it would push states of the tile out of them
        state = tl.load(starts + offsets, mask=inside, other=0.0)
        for i in tl.range(0, CHUNK - (tile + 1) * TILE):
            step = chunk * CHUNK + i
            mask = _inside(cols, width, step, length)
            token = _token(order, batch, step, length)
            _, step_size = _step_size(delta, bias, batch, token, cols, mask, SOFTPLUS, STATE)
            added = step_size * _row(u, batch, token, cols, mask, STATE)
            B_t = _row(B, batch, token, rows, _inside(rows, states, step, length), STATE)
            state = tl.exp2(decay * step_size[None, :]) * state + B_t[:, None] * added[None, :]
        before = (state,)
        for i in tl.static_range(TILE):
            step = first + i
            mask = _inside(cols, width, step, length)
            token = _token(order, batch, step, length)
            _, step_size = _step_size(delta, bias, batch, token, cols, mask, SOFTPLUS, STATE)
            added = step_size * _row(u, batch, token, cols, mask, STATE)
            B_t = _row(B, batch, token, rows, _inside(rows, states, step, length), STATE)
            state = tl.exp2(decay * step_size[None, :]) * state + B_t[:, None] * added[None, :]
            before = before + (state,)  # noqa: RUF005 (Triton does not unpack)
        for i in tl.static_range(TILE):
            step = first + TILE - 1 - i
            mask = _inside(cols, width, step, length)
            in_state = _inside(rows, states, step, length)
            token = _token(order, batch, step, length)
            raw, step_size = _step_size(delta, bias, batch, token, cols, mask, SOFTPLUS, STATE)
            u_t = _row(u, batch, token, cols, mask, STATE)
            B_t = _row(B, batch, token, rows, in_state, STATE)
            C_t = _row(C, batch, token, rows, in_state, STATE)
            dy_t = _row(dy, batch, token, cols, mask, STATE)
            here = (batch * length + token) * width + cols
            if z is not None:
                z_t = _row(z, batch, token, cols, mask, STATE)
                gate = _sigmoid(z_t)
                y_t = tl.sum(C_t[:, None] * before[TILE - i], 0) + skip * u_t
                tl.store(dz + here, dy_t * y_t * gate * (1.0 + z_t * (1.0 - gate)), mask=mask)
                dy_t = dy_t * z_t * gate
            adjoint += C_t[:, None] * dy_t[None, :]  # now dL/dh_t
            dC_t = tl.sum(before[TILE - i] * dy_t[None, :], 1)
            dB_t = tl.sum(adjoint * (step_size * u_t)[None, :], 1)
            place = ((batch * blocks + block) * length + token) * states + rows
            tl.store(dC + place, dC_t, mask=in_state)
            tl.store(dB + place, dB_t, mask=in_state)
            into_input = tl.sum(adjoint * B_t[:, None], 0)  # dL/d(delta_t u_t)
            adjoint = adjoint * tl.exp2(decay * step_size[None, :])
            exponent = adjoint * before[TILE - 1 - i]  # dL/d(delta_t A)
            dA += exponent * step_size[None, :]
            dstep = into_input * u_t + LN2 * tl.sum(exponent * decay, 0)
            if SOFTPLUS:
                dstep = dstep * _sigmoid(raw)
            dstep = tl.where(mask, dstep, 0.0)
            tl.store(du + here, into_input * step_size + skip * dy_t, mask=mask)
            tl.store(ddelta + here, dstep, mask=mask)
            dbias_sum += dstep
            dD_sum += dy_t * u_t
    tl.store(adjoints + offsets, dA, mask=inside)
    summed = (batch * chunks + chunk) * width + cols
    if D is not None:
        tl.store(dD + summed, dD_sum, mask=cols < width)
    if delta_bias is not None:
        tl.store(dbias + summed, dbias_sum, mask=cols < width)
