"""Functions of vectors, by polynomials. NaN stays NaN; relative errors are a few 1e-7."""

import numpy as np

from zigma.ops.cpu.compile import part
from zigma.ops.cpu.simd import (
    LANES,
    at_least,
    at_most,
    load,
    load_first,
    low_bits_as_exponent,
    store,
    store_first,
    where_negative,
)

LOG2E, LN2 = np.float32(1.4426950408889634), np.float32(0.6931471805599453)
# log(2) in two parts, of which the first times an exponent is exact
LN2_HIGH, LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)

# 2^f on [-1/2, 1/2]. The constant term is exactly 1: a bias near decay 1 would add up over a long sequence.
E1, E2, E3, E4, E5 = (np.float32(c) for c in (0.69314698, 0.24022242, 0.05550734, 0.00967151, 0.00132647))
# log(1 + w) / w on [0, 1]
P1, P2, P3, P4, P5, P6, P7, P8 = (
    np.float32(c)
    for c in (-0.49999648, 0.33321323, -0.24857164, 0.19153655, -0.13753802, 0.079204536, -0.030065792, 0.0053648243)
)  # fmt: skip

# Added to x, it leaves the nearest integer plus float32's exponent bias in the last bits: 1.5 * 2^23 + 127.
ROUND = np.float32(12583039.0)
ONE, ZERO = np.float32(1.0), np.float32(0.0)
LOWEST, HIGHEST = np.float32(-127.0), np.float32(128.0)  # exponents of zero and of infinity
EXP_LOWEST, EXP_HIGHEST = np.float32(-88.0), np.float32(88.8)


@part
def _power(rounded, f):  # type: ignore[no-untyped-def]
    """2^(i + f), with the integer i as `ROUND` left it."""
    return (ONE + f * (E1 + f * (E2 + f * (E3 + f * (E4 + f * E5))))) * low_bits_as_exponent(rounded)


@part
def exp2(x):  # type: ignore[no-untyped-def]
    """2^x; zero below 2^-126.5, infinity above 2^127.5."""
    x = at_most(at_least(x, LOWEST), HIGHEST)
    rounded = x + ROUND
    return _power(rounded, x - (rounded - ROUND))


@part
def exp(x):  # type: ignore[no-untyped-def]
    """e^x, exact to the last bits also where x is large."""
    x = at_most(at_least(x, EXP_LOWEST), EXP_HIGHEST)
    rounded = x * LOG2E + ROUND
    i = rounded - ROUND
    return _power(rounded, (x - i * LN2_HIGH - i * LN2_LOW) * LOG2E)


@part
def sigmoid(x):  # type: ignore[no-untyped-def]
    """1 / (1 + e^-x)"""
    return ONE / (ONE + exp(-x))


@part
def softplus(x):  # type: ignore[no-untyped-def]
    """log(1 + e^x) = max(x, 0) + log(1 + w) with w = e^-|x|, and its derivative, sigmoid(x)."""
    w = exp(at_most(x, -x))
    log1p = w * (ONE + w * (P1 + w * (P2 + w * (P3 + w * (P4 + w * (P5 + w * (P6 + w * (P7 + w * P8))))))))
    return at_least(x, ZERO) + log1p, where_negative(x, w, ONE) / (ONE + w)


@part
def load_row(array, index, lanes):  # type: ignore[no-untyped-def]
    """The next `lanes` values of a row, or as many as fit a vector."""
    return load(array, index) if lanes >= LANES else load_first(array, index, lanes)


@part
def store_row(array, index, vector, lanes):  # type: ignore[no-untyped-def]
    """Write the next `lanes` values of a row, or as many as fit a vector."""
    if lanes >= LANES:
        store(array, index, vector)
    else:
        store_first(array, index, vector, lanes)


@part
def scratch(vectors):  # type: ignore[no-untyped-def]
    """Room for so many vectors, none of which lies across two cache lines; zeros."""
    room = np.zeros((vectors + 1) * LANES, np.float32)
    skip = (-room.ctypes.data % 64) // 4
    return room[skip : skip + vectors * LANES]
