"""How image tokens read a caption (section 3.3), by whichever order of the products takes fewer multiplications."""

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models.config import ATTENTION_HEADS, HEAD_WIDTH


class CrossAttention(nn.Module):
    """Tokens (B, L, D) ask caption tokens (B, M, D); 8 heads of 64 and no bias before the output, as released.

    The heads are 512 wide together, however narrow the network. For a short caption or a narrow network it costs
    less to bring each caption token through a head's two outer matrices than to bring every image token to that
    width and back: the same function, its products in another order.
    """

    heads, head_width = ATTENTION_HEADS, HEAD_WIDTH

    def __init__(self, hidden: int) -> None:
        super().__init__()
        inner = self.heads * self.head_width
        self.to_q = nn.Linear(hidden, inner, bias=False)
        self.to_k = nn.Linear(hidden, inner, bias=False)
        self.to_v = nn.Linear(hidden, inner, bias=False)
        out = nn.Linear(inner, hidden)
        nn.init.zeros_(out.bias)
        self.to_out = nn.Sequential(out)  # "to_out.0" in released checkpoints

    def forward(self, x: Tensor, text: Tensor) -> Tensor:
        (length, hidden), tokens = x.shape[1:], text.shape[1]
        inner = self.heads * self.head_width
        # half the multiplications: what the left half of the formula takes, its right half takes again
        through_heads = length * hidden * inner + length * tokens * inner
        through_caption = tokens * inner * hidden + length * hidden * tokens * self.heads
        return (self.through_caption if through_caption < through_heads else self.through_heads)(x, text)

    def through_heads(self, x: Tensor, text: Tensor) -> Tensor:
        """softmax((x Q) (text K)^T) (text V) O, from the left."""
        q, k, v = (self._by_head(y) for y in (self.to_q(x), self.to_k(text), self.to_v(text)))
        return self.to_out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))

    def through_caption(self, x: Tensor, text: Tensor) -> Tensor:
        """softmax(x (Q (text K)^T)) ((text V) O): each head's Q and O meet the M caption tokens, not the L of x."""
        sizes = (self.heads, self.head_width)
        out = cast(nn.Linear, self.to_out[0])
        query = self.to_q.weight.unflatten(0, sizes) * self.head_width**-0.5  # (heads, 64, D)
        back = out.weight.unflatten(1, sizes)  # (D, heads, 64)
        k, v = self.to_k(text).unflatten(-1, sizes), self.to_v(text).unflatten(-1, sizes)  # (B, M, heads, 64)
        keys = torch.einsum("bmhw,hwd->bmhd", k, query).flatten(1, 2)  # (B, M*heads, D)
        values = torch.einsum("bmhw,dhw->bmhd", v, back).flatten(1, 2)
        scores = (x @ keys.transpose(1, 2)).unflatten(-1, (-1, self.heads))  # (B, L, M, heads)
        return scores.softmax(-2).flatten(2) @ values + out.bias

    def _by_head(self, x: Tensor) -> Tensor:
        """(B, M, heads*64) -> (B, heads, M, 64)."""
        return x.unflatten(-1, (self.heads, self.head_width)).transpose(1, 2)
