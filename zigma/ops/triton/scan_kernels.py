# mypy: disable-error-code="no-untyped-def,assignment"
"""Triton kernels of the selective scan: chunks of steps in parallel, tokens read through the order.

A chunk is CHUNK steps. The scan runs in three launches, forward and (from the last step to the first) backward:
what each chunk adds to a state that enters as zero; passing states from chunk to chunk, the only sequential
part; then the chunk again with its true state. A program owns BLOCK_D channels with all their states, in one
warp, so that nothing waits for another warp. A token tensor is passed as (pointer, batch stride, token stride)
with channels contiguous; an absent one is None, which Triton resolves while compiling. What a step reads is asked
for one step ahead, and the token that it belongs to two steps ahead: memory answers late.

A2 is A log2(e), stored (N, D), since exp2 is what the hardware computes. States are (batch, chunk, N, D).
"""

import triton
import triton.language as tl

from zigma.ops.triton.kernel_parts import place_of_program, sigmoid, softplus, vector

LN2 = tl.constexpr(0.6931471805599453)
UNROLL = tl.constexpr(4)  # steps of a loop written out: more keep too many states in registers


@triton.jit
def _token(order, batch, step, length):
    """The token of a step: in 64 bits, since its offset may pass 2^31, and never one outside the sequence."""
    token = step + tl.zeros((), tl.int64)
    if order is not None:
        token = tl.load(order[0] + batch * order[1] + step, mask=(step >= 0) & (step < length), other=0)
    return tl.minimum(tl.maximum(token, 0), length - 1)


@triton.jit
def _inside(index, size, step, length):
    # as vectors: the interpreter takes no vector mask joined with a scalar one
    return (index < size) & (step + tl.zeros_like(index) < length)


@triton.jit
def _row(x, batch, token, index, mask):
    """A token's values as they lie in memory."""
    return tl.load(x[0] + batch * x[1] + token * x[2] + index, mask=mask, other=0.0)


@triton.jit
def _vector_or_zero(x, cols, width, STATE: tl.constexpr):
    """A value per channel; zeros where there is none."""
    values = tl.zeros_like(cols).to(STATE)
    if x is not None:
        values = vector(x, cols, width, STATE)
    return values


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
def _step_size(delta_t, bias, mask, SOFTPLUS: tl.constexpr, STATE: tl.constexpr):
    """delta before and after bias and softplus; zero outside, where a step must leave the state as it is."""
    raw = delta_t.to(STATE) + bias
    step_size = raw
    if SOFTPLUS:
        step_size = softplus(raw)
    return raw, tl.where(mask, step_size, 0.0)


@triton.jit
def _after(state, decay, step_size, u_t, B_t, STATE: tl.constexpr):
    """h_t of h_{t-1}, the sum of exp(delta_t A) h_{t-1} and delta_t u_t B_t."""
    added = step_size * u_t.to(STATE)
    return tl.exp2(decay * step_size[None, :]) * state + B_t.to(STATE)[:, None] * added[None, :]


@triton.jit
def _read(x, delta, B, batch, token, step, length, cols, width, rows, states):
    """A step's rows of two tensors of channels and one of states."""
    mask = _inside(cols, width, step, length)
    by_state = _row(B, batch, token, rows, _inside(rows, states, step, length))
    return _row(x, batch, token, cols, mask), _row(delta, batch, token, cols, mask), by_state


@triton.jit
def _read_gate(z, like, batch, token, step, length, cols, width):
    """A step's row of z; `like`, which is not looked at, where there is no gate."""
    row = like
    if z is not None:
        row = _row(z, batch, token, cols, _inside(cols, width, step, length))
    return row


@triton.jit
def chunk_states(
    u, delta, B, A2, delta_bias, order, ends, sums, length, width, states, chunks, blocks,
    SOFTPLUS: tl.constexpr, CHUNK: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    STATE: tl.constexpr,
):  # fmt: skip
    """Write each chunk's last state, from a first one of zero, and the sum of its step sizes."""
    batch, chunk, cols = place_of_program(blocks, chunks, BLOCK_D)
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    bias = _vector_or_zero(delta_bias, cols, width, STATE)
    state = tl.zeros((BLOCK_N, BLOCK_D), STATE)
    total = tl.zeros((BLOCK_D,), STATE)
    first = chunk * CHUNK
    token = _token(order, batch, first, length)
    u_t, delta_t, B_t = _read(u, delta, B, batch, token, first, length, cols, width, rows, states)
    token = _token(order, batch, first + 1, length)
    for step in tl.range(first, first + CHUNK, loop_unroll_factor=UNROLL):
        coming = _read(u, delta, B, batch, token, step + 1, length, cols, width, rows, states)
        token = _token(order, batch, step + 2, length)
        _, step_size = _step_size(delta_t, bias, _inside(cols, width, step, length), SOFTPLUS, STATE)
        state = _after(state, decay, step_size, u_t, B_t, STATE)
        total += step_size
        u_t, delta_t, B_t = coming
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
    batch, _, cols = place_of_program(blocks, 1, BLOCK_D)
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
    batch, chunk, cols = place_of_program(blocks, chunks, BLOCK_D)
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    bias = _vector_or_zero(delta_bias, cols, width, STATE)
    skip = _vector_or_zero(D, cols, width, STATE)
    offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
    state = tl.load(starts + offsets, mask=inside, other=0.0)
    first = chunk * CHUNK
    token = _token(order, batch, first, length)
    u_t, delta_t, B_t = _read(u, delta, B, batch, token, first, length, cols, width, rows, states)
    C_t = _row(C, batch, token, rows, _inside(rows, states, first, length))
    z_t = _read_gate(z, u_t, batch, token, first, length, cols, width)
    next_token = _token(order, batch, first + 1, length)
    for step in tl.range(first, first + CHUNK, loop_unroll_factor=UNROLL):
        coming = _read(u, delta, B, batch, next_token, step + 1, length, cols, width, rows, states)
        C_next = _row(C, batch, next_token, rows, _inside(rows, states, step + 1, length))
        z_next = _read_gate(z, coming[0], batch, next_token, step + 1, length, cols, width)
        mask = _inside(cols, width, step, length)
        _, step_size = _step_size(delta_t, bias, mask, SOFTPLUS, STATE)
        state = _after(state, decay, step_size, u_t, B_t, STATE)
        y_t = tl.sum(C_t.to(STATE)[:, None] * state, 0) + skip * u_t.to(STATE)
        if z is not None:
            gate = z_t.to(STATE)
            y_t = y_t * gate * sigmoid(gate)
        tl.store(y + (batch * length + token) * width + cols, y_t, mask=mask)
        u_t, delta_t, B_t = coming
        C_t, z_t = C_next, z_next
        token, next_token = next_token, _token(order, batch, step + 2, length)


@triton.jit
def chunk_adjoints(
    dy, delta, C, z, A2, delta_bias, order, adjoints, step_sizes, gated, dz, ddelta, length, width, states,
    chunks, blocks, SOFTPLUS: tl.constexpr, CHUNK: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    STATE: tl.constexpr,
):  # fmt: skip
    """Write what each chunk passes back to the one before it when nothing comes from the one after it.

    With g_t = dL/dh_t, the adjoint exp(delta_t A) g_t is what step t passes back to step t - 1. What
    `chunk_gradients` needs of a token more than once is computed here and left where that will write its own
    results: step sizes; in `gated` the gradient of y before the gate; in dz and ddelta what y and the gradient of
    the step size are to be multiplied with.
    """
    batch, chunk, cols = place_of_program(blocks, chunks, BLOCK_D)
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    bias = _vector_or_zero(delta_bias, cols, width, STATE)
    adjoint = tl.zeros((BLOCK_N, BLOCK_D), STATE)
    last = chunk * CHUNK + CHUNK - 1
    token = _token(order, batch, last, length)
    dy_t, delta_t, C_t = _read(dy, delta, C, batch, token, last, length, cols, width, rows, states)
    z_t = _read_gate(z, dy_t, batch, token, last, length, cols, width)
    next_token = _token(order, batch, last - 1, length)
    for i in tl.range(0, CHUNK, loop_unroll_factor=UNROLL):
        step = last - i
        coming = _read(dy, delta, C, batch, next_token, step - 1, length, cols, width, rows, states)
        z_next = _read_gate(z, coming[0], batch, next_token, step - 1, length, cols, width)
        mask = _inside(cols, width, step, length)
        here = (batch * length + token) * width + cols
        raw, step_size = _step_size(delta_t, bias, mask, SOFTPLUS, STATE)
        tl.store(step_sizes + here, step_size, mask=mask)
        if SOFTPLUS:
            tl.store(ddelta + here, sigmoid(raw), mask=mask)
        before_gate = dy_t.to(STATE)
        if z is not None:
            z_s = z_t.to(STATE)
            gate = sigmoid(z_s)
            tl.store(dz + here, before_gate * gate * (1.0 + z_s * (1.0 - gate)), mask=mask)
            before_gate = before_gate * z_s * gate
            tl.store(gated + here, before_gate, mask=mask)
        passed_on = adjoint + C_t.to(STATE)[:, None] * before_gate[None, :]
        adjoint = tl.exp2(decay * step_size[None, :]) * passed_on
        dy_t, delta_t, C_t = coming
        z_t = z_next
        token, next_token = next_token, _token(order, batch, step - 2, length)
    offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
    tl.store(adjoints + offsets, adjoint, mask=inside)


@triton.jit
def _read_step(u, step_sizes, B, batch, token, here, step, length, cols, width, rows, states):
    """What computing a state again reads of a step."""
    mask = _inside(cols, width, step, length)
    by_state = _row(B, batch, token, rows, _inside(rows, states, step, length))
    return _row(u, batch, token, cols, mask), tl.load(step_sizes + here, mask=mask, other=0.0), by_state


@triton.jit
def _read_gradient(
    gated, dz, ddelta, C, batch, token, here, step, length, cols, width, rows, states, SOFTPLUS: tl.constexpr
):  # fmt: skip
    """What the gradients of a step read besides, as `chunk_adjoints` has left it."""
    mask = _inside(cols, width, step, length)
    dy_t = _row(gated, batch, token, cols, mask)
    into_z, into_delta = dy_t, dy_t
    if dz is not None:
        into_z = tl.load(dz + here, mask=mask, other=0.0)
    if SOFTPLUS:
        into_delta = tl.load(ddelta + here, mask=mask, other=0.0)
    return dy_t, into_z, into_delta, _row(C, batch, token, rows, _inside(rows, states, step, length))


@triton.jit
def chunk_gradients(
    gated, u, step_sizes, B, C, A2, D, order, starts, adjoints, du, ddelta, dz, dB, dC, dD, dbias,
    length, width, states, chunks, blocks, SOFTPLUS: tl.constexpr, CHUNK: tl.constexpr, TILE: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, STATE: tl.constexpr,
):  # fmt: skip
    """Every gradient of one chunk, from the state that enters it and the adjoint that comes back to it.

    States are recomputed TILE steps at a time, last tile first, and stay in registers. Sums over programs are
    left to the caller, as partial sums in a fixed place, so that results repeat bit by bit: dB and dC by
    channel block, dD and dbias by chunk, and dA in the place of the adjoint that this program alone reads.
    """
    batch, chunk, cols = place_of_program(blocks, chunks, BLOCK_D)
    block = tl.program_id(0) % blocks
    rows = tl.arange(0, BLOCK_N)
    decay = _decays(A2, rows, cols, states, width, STATE)
    skip = _vector_or_zero(D, cols, width, STATE)
    offsets, inside = _state_tile(batch, chunk, chunks, rows, cols, states, width)
    adjoint = tl.load(adjoints + offsets, mask=inside, other=0.0)
    dA = tl.zeros((BLOCK_N, BLOCK_D), STATE)
    dD_sum = tl.zeros((BLOCK_D,), STATE)
    dbias_sum = tl.zeros((BLOCK_D,), STATE)
    start = chunk * CHUNK
    for tile in tl.range(0, CHUNK // TILE):
        first = start + CHUNK - (tile + 1) * TILE
        # read for each tile: kept in registers, it would push states of the tile out of them
        state = tl.load(starts + offsets, mask=inside, other=0.0)
        token = _token(order, batch, start, length)
        here = (batch * length + token) * width + cols
        u_t, step_t, B_t = _read_step(
            u, step_sizes, B, batch, token, here, start, length, cols, width, rows, states
        )
        token = _token(order, batch, start + 1, length)
        for step in tl.range(start, first):
            here = (batch * length + token) * width + cols
            coming = _read_step(
                u, step_sizes, B, batch, token, here, step + 1, length, cols, width, rows, states
            )
            token = _token(order, batch, step + 2, length)
            state = _after(state, decay, step_t, u_t, B_t, STATE)
            u_t, step_t, B_t = coming
        before = (state,)
        for i in tl.static_range(TILE):
            here = (batch * length + token) * width + cols
            coming = _read_step(
                u, step_sizes, B, batch, token, here, first + i + 1, length, cols, width, rows, states
            )
            token = _token(order, batch, first + i + 2, length)
            state = _after(state, decay, step_t, u_t, B_t, STATE)
            before = before + (state,)  # noqa: RUF005 (Triton does not unpack)
            u_t, step_t, B_t = coming
        last = first + TILE - 1
        token = _token(order, batch, last, length)
        here = (batch * length + token) * width + cols
        u_t, step_t, B_t = _read_step(
            u, step_sizes, B, batch, token, here, last, length, cols, width, rows, states
        )
        dy_t, into_z, into_delta, C_t = _read_gradient(
            gated, dz, ddelta, C, batch, token, here, last, length, cols, width, rows, states, SOFTPLUS
        )
        next_token = _token(order, batch, last - 1, length)
        for i in tl.static_range(TILE):
            step = last - i
            next_here = (batch * length + next_token) * width + cols
            coming = _read_step(
                u, step_sizes, B, batch, next_token, next_here, step - 1, length, cols, width, rows, states
            )
            besides = _read_gradient(
                gated, dz, ddelta, C, batch, next_token, next_here, step - 1, length, cols, width, rows, states,
                SOFTPLUS,
            )  # fmt: skip
            mask, in_state = _inside(cols, width, step, length), _inside(rows, states, step, length)
            u_s, dy_s = u_t.to(STATE), dy_t.to(STATE)
            B_s, C_s = B_t.to(STATE)[:, None], C_t.to(STATE)[:, None]
            if dz is not None:
                y_t = tl.sum(C_s * before[TILE - i], 0) + skip * u_s
                tl.store(dz + here, into_z.to(STATE) * y_t, mask=mask)
            adjoint += C_s * dy_s[None, :]  # now dL/dh_t
            dC_t = tl.sum(before[TILE - i] * dy_s[None, :], 1)
            dB_t = tl.sum(adjoint * (step_t * u_s)[None, :], 1)
            place = ((batch * blocks + block) * length + token) * states + rows
            tl.store(dC + place, dC_t, mask=in_state)
            tl.store(dB + place, dB_t, mask=in_state)
            into_input = tl.sum(adjoint * B_s, 0)  # dL/d(delta_t u_t)
            adjoint = adjoint * tl.exp2(decay * step_t[None, :])
            exponent = adjoint * before[TILE - 1 - i]  # dL/d(delta_t A)
            dA += exponent * step_t[None, :]
            dstep = into_input * u_s + LN2 * tl.sum(exponent * decay, 0)
            if SOFTPLUS:
                dstep = dstep * into_delta.to(STATE)
            dstep = tl.where(mask, dstep, 0.0)
            tl.store(du + here, into_input * step_t + skip * dy_s, mask=mask)
            tl.store(ddelta + here, dstep, mask=mask)
            dbias_sum += dstep
            dD_sum += dy_s * u_s
            u_t, step_t, B_t = coming
            dy_t, into_z, into_delta, C_t = besides
            token, here = next_token, next_here
            next_token = _token(order, batch, step - 2, length)
    tl.store(adjoints + offsets, dA, mask=inside)
    summed = (batch * chunks + chunk) * width + cols
    if D is not None:
        tl.store(dD + summed, dD_sum, mask=cols < width)
    if dbias is not None:
        tl.store(dbias + summed, dbias_sum, mask=cols < width)
