"""Numbers kept wide, and the norm of the stream of residuals."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.ops import rms_norm


def wide(x: Tensor) -> Tensor:
    """At least float32, whatever the precision around: for states, norms and the stream of residuals."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def layer_norm(x: Tensor) -> Tensor:
    """Without parameters, over the last axis."""
    return F.layer_norm(x, x.shape[-1:], eps=1e-6)


class RMSNorm(nn.Module):
    """Root-mean-square norm in float32, so that a large stream does not overflow; the result in the weights' dtype."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden))

    def forward(self, x: Tensor) -> Tensor:
        """x (B, ..., D); the same shape."""
        n, _ = rms_norm(wide(x).flatten(1, -2), wide(self.weight))
        return n.view(x.shape).to(self.weight.dtype)

    def modulated(self, x: Tensor, shift: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """The norm n of x (B, L, D), and n (1 + scale) + shift for shift and scale (B, D)."""
        n, m = rms_norm(wide(x), wide(self.weight), shift, scale)
        assert m is not None
        return n.to(self.weight.dtype), m.to(self.weight.dtype)
