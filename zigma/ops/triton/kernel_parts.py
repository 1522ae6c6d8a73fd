# mypy: disable-error-code="no-untyped-def,assignment"
"""What the Triton kernels of scan and convolution share."""

import triton
import triton.language as tl


@triton.jit
def _log1p(e):
    """log(1 + e) of e in (0, 1], as accurate for a small e."""
    if e.dtype == tl.float64:
        w = 1.0 + e
        return tl.where(w == 1.0, e, tl.log(w) * (e / tl.where(w == 1.0, 1.0, w - 1.0)))
    r = e / (2.0 + e)  # 2 artanh(r) by its series, which ends here at 3e-7 of it
    q = r * r
    series = 1.0 / 9.0 + q * (1.0 / 11.0 + q * (1.0 / 13.0 + q / 15.0))
    series = 1.0 / 3.0 + q * (1.0 / 5.0 + q * (1.0 / 7.0 + q * series))
    return 2.0 * r * (1.0 + q * series)


@triton.jit
def softplus(x):
    return tl.maximum(x, 0.0) + _log1p(tl.exp(-tl.abs(x)))


@triton.jit
def sigmoid(x):
    e = tl.exp(-tl.abs(x))
    return tl.where(x >= 0, 1.0, e) / (1.0 + e)


@triton.jit
def place_of_program(blocks, chunks, BLOCK: tl.constexpr):
    """The batch entry, chunk and columns of a program; neighbours share a chunk's rows."""
    pid = tl.program_id(0)
    cols = (pid % blocks) * BLOCK + tl.arange(0, BLOCK)
    return (pid // blocks // chunks).to(tl.int64), (pid // blocks) % chunks, cols


@triton.jit
def vector(x, cols, width, STATE: tl.constexpr):
    return tl.load(x + cols, mask=cols < width, other=0.0).to(STATE)
