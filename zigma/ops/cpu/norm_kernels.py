"""The loops of the root-mean-square norm and its modulation on the CPU: float32, vectors over channels.

A task is a piece of at most PIECE tokens of one sequence; LANES tokens at a time, whose sums over channels make a
vector. n = x w / rms(x), m = n (1 + scale) + shift; all tensors are contiguous, and an empty m, dn or dm is one that
is not there. t counts tokens over all sequences.
"""

from zigma.ops.cpu.compile import kernel
from zigma.ops.cpu.math import ONE, load_row, scratch, store_row
from zigma.ops.cpu.simd import LANES, load, splat, spread, sqrt, store, totals
from zigma.ops.cpu.tasks import take

PIECE = 256


@kernel
def norm_forward(turn, tasks, sizes, x, weight, shift, scale, eps, n, m, inverse):  # type: ignore[no-untyped-def]
    """Write n and m (batch, L, D), and 1 / rms(x) (batch, L)."""
    length, width = sizes
    pieces = (length + PIECE - 1) // PIECE
    squares, inv = scratch(LANES), scratch(1)
    task = take(turn)
    while task < tasks:
        b, start = task // pieces, task % pieces * PIECE
        end = min(start + PIECE, length)
        for t0 in range(b * length + start, b * length + end, LANES):
            tokens = min(LANES, b * length + end - t0)
            for i in range(tokens):
                square = splat(0.0)
                for d in range(0, width, LANES):
                    x_d = load_row(x, (t0 + i) * width + d, width - d)
                    square = square + x_d * x_d
                store(squares, i * LANES, square)
            store(inv, 0, ONE / sqrt(totals(squares, 0) / width + eps))
            store_row(inverse, t0, load(inv, 0), tokens)
            for i in range(tokens):
                for d in range(0, width, LANES):
                    lanes, row = width - d, (t0 + i) * width + d
                    n_d = load_row(x, row, lanes) * spread(inv, i) * load_row(weight, d, lanes)
                    store_row(n, row, n_d, lanes)
                    if len(m) > 0:
                        more = ONE + load_row(scale, b * width + d, lanes)
                        store_row(m, row, n_d * more + load_row(shift, b * width + d, lanes), lanes)
        task = take(turn)


@kernel
def norm_backward(  # type: ignore[no-untyped-def]
    turn, tasks, sizes, x, weight, scale, inverse, dn, dm, dx, dweight, dshift, dscale
):
    """Write dx (batch, L, D), and by task dweight, dshift and dscale (batch, pieces, D)."""
    length, width = sizes
    pieces, most = (length + PIECE - 1) // PIECE, (width + LANES - 1) // LANES
    # of LANES tokens: dL/d(x / rms(x)), its sums with it
    rows, products = scratch(LANES * most), scratch(LANES)
    mean, sum_weight, sum_shift, sum_scale = scratch(1), scratch(most), scratch(most), scratch(most)
    task = take(turn)
    while task < tasks:
        b, start = task // pieces, task % pieces * PIECE
        end = min(start + PIECE, length)
        sum_weight[:], sum_shift[:], sum_scale[:] = 0.0, 0.0, 0.0
        for t0 in range(b * length + start, b * length + end, LANES):
            tokens = min(LANES, b * length + end - t0)
            for i in range(tokens):
                product, inv = splat(0.0), spread(inverse, t0 + i)
                for d in range(0, width, LANES):
                    lanes, row = width - d, (t0 + i) * width + d
                    grad = load_row(dn, row, lanes) if len(dn) > 0 else splat(0.0)
                    unit, w = load_row(x, row, lanes) * inv, load_row(weight, d, lanes)
                    if len(dm) > 0:
                        dm_d = load_row(dm, row, lanes)
                        grad = grad + dm_d * (ONE + load_row(scale, b * width + d, lanes))
                        store(sum_shift, d, load(sum_shift, d) + dm_d)
                        store(sum_scale, d, load(sum_scale, d) + dm_d * unit * w)
                    store(sum_weight, d, load(sum_weight, d) + grad * unit)
                    store(rows, i * most * LANES + d, grad * w)
                    product = product + grad * w * unit
                store(products, i * LANES, product)
            store(mean, 0, totals(products, 0) / width)
            for i in range(tokens):
                inv = spread(inverse, t0 + i)
                for d in range(0, width, LANES):
                    lanes, row = width - d, (t0 + i) * width + d
                    unit = load_row(x, row, lanes) * inv
                    store_row(
                        dx, row, (load(rows, i * most * LANES + d) - unit * spread(mean, i)) * inv, lanes
                    )
        for d in range(width):
            part = task * width + d
            dweight[part], dshift[part], dscale[part] = sum_weight[d], sum_shift[d], sum_scale[d]
        task = take(turn)
