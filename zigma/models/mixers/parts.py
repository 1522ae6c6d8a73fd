"""Parts of several mixers: a short convolution along a path, step sizes as Mamba starts them, a last projection."""

import math

import torch
from torch import Tensor, nn

from zigma.ops import causal_conv1d

STEP_MIN, STEP_MAX, STEP_FLOOR = 1e-3, 0.1, 1e-4  # of a state space model's step size at the start


class ShortConvolution(nn.Conv1d):
    """Each channel with its own taps over the steps up to the present one, then SiLU: (B, L, D) -> (B, L, D)."""

    def __init__(self, width: int, taps: int) -> None:
        super().__init__(width, width, taps, groups=width, padding=taps - 1)

    def forward(self, x: Tensor) -> Tensor:
        """Tokens x in the order in which they are read."""
        return causal_conv1d(x, self.weight.squeeze(1), self.bias, silu=True)


def step_bias(width: int) -> Tensor:
    """Of a softplus whose values are log-uniform between STEP_MIN and STEP_MAX, (width,)."""
    step = torch.exp(torch.rand(width) * math.log(STEP_MAX / STEP_MIN) + math.log(STEP_MIN))
    step = step.clamp(min=STEP_FLOOR)
    return step + torch.log(-torch.expm1(-step))


def last_projection(width: int, hidden: int, depth: int) -> nn.Linear:
    """Without bias, with GPT-2's scaling of what is added to the residual."""
    linear = nn.Linear(width, hidden, bias=False)
    with torch.no_grad():
        linear.weight /= math.sqrt(depth)
    return linear
