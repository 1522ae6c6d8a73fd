# mypy: disable-error-code="no-untyped-def,assignment"
"""Triton kernels of the causal convolution: a tile of STEPS steps by BLOCK channels per program."""

import triton
import triton.language as tl

from zigma.ops.triton.kernel_parts import place_of_program, sigmoid, vector


@triton.jit
def _tokens(order, batch, steps, inside, length):
    """The tokens that are read at `steps`, in 64 bits, none outside the sequence."""
    tokens = steps.to(tl.int64)
    if order is not None:
        tokens = tl.load(order[0] + batch * order[1] + steps, mask=inside, other=0)
        tokens = tl.minimum(tl.maximum(tokens, 0), length - 1)
    return tokens


@triton.jit
def _tile(x, batch, order, steps, cols, length, width, STATE: tl.constexpr):
    """The tokens visited at `steps`; zero before the first step and after the last."""
    inside = (steps >= 0) & (steps < length)
    places = batch * x[1] + _tokens(order, batch, steps, inside, length)[:, None] * x[2] + cols[None, :]
    return tl.load(x[0] + places, mask=inside[:, None] & (cols < width)[None, :], other=0.0).to(STATE)


@triton.jit
def _before_silu(
    x, weight, bias, batch, order, steps, cols, length, width, TAPS: tl.constexpr, STATE: tl.constexpr
):
    total = tl.zeros((steps.shape[0], cols.shape[0]), STATE)
    if bias is not None:
        total += vector(bias, cols, width, STATE)[None, :]
    for k in tl.static_range(TAPS):
        tap = vector(weight + k * width, cols, width, STATE)
        total += tap[None, :] * _tile(x, batch, order, steps - (TAPS - 1 - k), cols, length, width, STATE)
    return total


@triton.jit
def _store(y, value, batch, order, steps, cols, length, width):
    inside = steps < length
    places = (batch * length + _tokens(order, batch, steps, inside, length))[:, None] * width + cols[None, :]
    tl.store(y + places, value, mask=inside[:, None] & (cols < width)[None, :])


@triton.jit
def convolve(
    x, weight, bias, order, y, length, width, chunks, blocks,
    SILU: tl.constexpr, TAPS: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr, STATE: tl.constexpr,
):  # fmt: skip
    """y_t = act(bias + sum_k weight_k x_{t - (K - 1) + k}), weight (K, D)."""
    batch, chunk, cols = place_of_program(blocks, chunks, BLOCK)
    steps = chunk * STEPS + tl.arange(0, STEPS)
    value = _before_silu(x, weight, bias, batch, order, steps, cols, length, width, TAPS, STATE)
    if SILU:
        value = value * sigmoid(value)
    _store(y, value, batch, order, steps, cols, length, width)


@triton.jit
def convolve_back(
    dy, x, weight, bias, order, dx, dweight, dbias, length, width, chunks, blocks,
    SILU: tl.constexpr, TAPS: tl.constexpr, STEPS: tl.constexpr, BLOCK: tl.constexpr, STATE: tl.constexpr,
):  # fmt: skip
    """dx_s = sum_k weight_k g_{s + (K - 1) - k} with g = dL/d(before SiLU), recomputed for each tap.

    dweight (batch, chunk, K, D) and dbias (batch, chunk, D) are sums over this tile's own steps.
    """
    batch, chunk, cols = place_of_program(blocks, chunks, BLOCK)
    steps = chunk * STEPS + tl.arange(0, STEPS)
    place = batch * chunks + chunk
    total = tl.zeros((STEPS, BLOCK), STATE)
    for k in tl.static_range(TAPS):
        later = steps + (TAPS - 1 - k)
        g = _tile(dy, batch, order, later, cols, length, width, STATE)
        if SILU:
            value = _before_silu(x, weight, bias, batch, order, later, cols, length, width, TAPS, STATE)
            gate = sigmoid(value)
            g = g * gate * (1.0 + value * (1.0 - gate))
        total += vector(weight + k * width, cols, width, STATE)[None, :] * g
        if k == TAPS - 1:  # here g belongs to this tile's own steps
            tl.store(dbias + place * width + cols, tl.sum(g, 0), mask=cols < width)
            for j in tl.static_range(TAPS):
                earlier = _tile(x, batch, order, steps - (TAPS - 1 - j), cols, length, width, STATE)
                into = dweight + (place * TAPS + j) * width + cols
                tl.store(into, tl.sum(g * earlier, 0), mask=cols < width)
    _store(dx, total, batch, order, steps, cols, length, width)
