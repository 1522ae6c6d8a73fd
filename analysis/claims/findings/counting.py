"""Parameters and operations of the networks in closed form, so that they can be checked without building one."""

from __future__ import annotations

STATES, TAPS, EXPAND = 16, 4, 2  # N, the short convolution, inner over hidden width (section 3.2)
TIMES = 256  # width of the sinusoidal time embedding
HEADS = 8 * 64  # of the released cross-attention


def zigma_parameters(
    hidden: int, depth: int, channels: int = 4, text_width: int | None = None, projection: bool = True
) -> int:
    """Parameters of ZigMa at patch 1 without position embedding; `text_width` adds cross-attention to each layer.

    Without `projection`, as the paper counts captions: no projection of theirs, but a norm's weight per layer.
    """
    inner, rank = EXPAND * hidden, -(-hidden // 16)
    mixer = hidden * 2 * inner + inner * hidden  # in and out
    # convolution, B, C, delta
    mixer += inner * (TAPS + 1) + inner * (rank + 2 * STATES) + rank * inner + inner
    mixer += inner * STATES + inner  # A and D
    block = mixer + hidden + 3 * hidden * (hidden + 1)  # norm and modulation
    outside = hidden * (channels + 1) + hidden * (TIMES + 1) + hidden * (hidden + 1)  # tokens, time
    outside += hidden + channels * (hidden + 1)  # last norm, last layer
    if text_width is not None:
        block += 3 * hidden * (hidden + 1) + 3 * hidden * HEADS + HEADS * hidden + hidden
        if projection:
            outside += hidden * (text_width + 1)
        else:
            block += hidden
    return outside + depth * block


def dit_multiply_adds(
    hidden: int, depth: int, tokens: int, patch_values: int, channels_out: int, attention: bool
) -> int:
    """Multiply-adds of one forward pass of DiT; without `attention`, as fvcore counts, which skips its products."""
    # qkv, projection, MLP of four times the width; modulation
    block = tokens * 12 * hidden**2 + 6 * hidden**2
    if attention:
        block += 2 * tokens**2 * hidden
    ends = tokens * hidden * (patch_values + channels_out) + TIMES * hidden + hidden**2 + 2 * hidden**2
    return depth * block + ends
