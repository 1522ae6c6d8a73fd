"""The exponential moving average of the weights, which the paper evaluates (section 8.8)."""

import copy

import torch
from torch import Tensor, nn


class EMA:
    """Averages the parameters of a model: average <- rate * average + (1 - rate) * parameter, once a step.

    Buffers are copied. Raises ValueError for a rate outside [0, 1].
    """

    def __init__(self, model: nn.Module, rate: float) -> None:
        if isinstance(rate, bool) or not 0 <= rate <= 1:
            raise ValueError(f"the rate of an average must lie in [0, 1], not {rate!r}")
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.rate = rate

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        average: list[Tensor] = list(self.model.parameters())
        current: list[Tensor] = list(model.parameters())
        torch._foreach_lerp_(average, current, 1 - self.rate)
        for own, latest in zip(self.model.buffers(), model.buffers(), strict=True):
            own.copy_(latest)
