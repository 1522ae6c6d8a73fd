"""What a selective scan costs at the least, and what these kernels spend: to judge a time measured on a GPU.

For B 16, L 1024, D 1536, N 16, gated, bfloat16, an H100 (SXM, by its data sheet: 3.35 TB/s, 132 multiprocessors at
1.755 GHz, each 16 exponentials and 128 float32 operations a cycle) needs at least:

              bytes             exponentials      float32            least time
    forward   0.20 GB  0.06 ms  0.45 G  0.12 ms   1.6 G   0.05 ms    0.12 ms (exponentials)
    backward  0.35 GB  0.11 ms  0.45 G  0.12 ms   4.8 G   0.16 ms    0.16 ms (issue)

The kernels here do more, since chunks are computed in parallel and few states are kept: by `kernels` at least 0.24 and
0.51 ms there. Measured on an H200 (4.8 TB/s, otherwise alike): 0.50 and 1.86 ms. Forward is bound by the issue of
instructions, half of which find addresses and convert what they read; backward by memory's answers, since the states
of a tile fill the registers and leave room for twelve warps on a multiprocessor.
"""

from dataclasses import dataclass

H100 = {"bytes": 3.35e12, "exponentials": 132 * 16 * 1.755e9, "operations": 132 * 128 * 1.755e9}  # a second


@dataclass(frozen=True)
class Cost:
    """Bytes to and from memory, exponentials, and float32 instructions (a fused multiply-add is one)."""

    bytes: float
    exponentials: float
    operations: float

    def least_ms(self, card: dict[str, float] = H100) -> dict[str, float]:
        """Return how long each of the three takes alone: the largest is what the whole takes at the least."""
        return {name: 1e3 * getattr(self, name) / rate for name, rate in card.items()}


def least(batch: int, length: int, width: int, states: int, value_bytes: int = 2) -> tuple[Cost, Cost]:
    """Return what forward and backward cannot do without, gated, with the tensors of tokens read and written once.

    Forward, per state: delta A, the decay times h, plus input times B, plus C h into y: 4 operations, an exponential;
    per channel and token two exponentials (softplus and gate). It reads u, delta, z and writes y, and reads B and C.
    Backward, per state: h again (3), y again for dz (1), dL/dh (2), dB, dC, dA, du (1 each), ddelta (2): 12 operations
    and the decay again. It reads u, delta, z, dy and writes du, ddelta, dz, and reads and writes B, C.
    """
    channels, small = batch * length * width, batch * length * states
    exponentials = channels * (states + 2)
    forward = Cost(value_bytes * (4 * channels + 2 * small), exponentials, channels * states * 4)
    backward = Cost(value_bytes * (7 * channels + 4 * small), exponentials, channels * states * 12)
    return forward, backward


def kernels(
    batch: int, length: int, width: int, states: int, value_bytes: int = 2, chunk: int = 16, tile: int = 4
) -> tuple[Cost, Cost]:
    """Return what the kernels in `scan_kernels` spend.

    Forward: every chunk twice (its last state, then its outputs), the states between chunks written, passed on (read
    and written) and read. Backward: every chunk once for its adjoint; for its gradients each tile's states again from
    the chunk's start, so a step is computed (chunk / tile - 1) / 2 times to get to its tile, once in it, and once back.
    The first leaves what the second needs of softplus and gate: step sizes in float32, the rest as wide as the tokens.
    """
    channels, small = batch * length * width, batch * length * states
    between = 4 * batch * (length // chunk) * width * states  # bytes of float32 states, one a chunk
    blocks = width // 32
    again = (chunk // tile - 1) / 2 + 1
    forward = Cost(
        value_bytes * (6 * channels + 3 * small) + 4 * between,
        channels * (2 * states + 3),
        channels * states * 7,
    )
    backward = Cost(
        # adjoints: delta, z, dy, and three rows written; gradients: u, those three, and three results; step sizes
        # written and read; dB, dC by block in float32, then summed
        value_bytes * (13 * channels + 4 * small) + 2 * 4 * channels + 6 * between + 4 * 4 * blocks * small,
        channels * ((again + 2) * states + 3),
        channels * states * (3 + 3 * again + 12),
    )
    return forward, backward
