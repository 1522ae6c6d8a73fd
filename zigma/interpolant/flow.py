"""A trained network seen as the fields that a sampler integrates."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from zigma.interpolant.config import InterpolantConfig, SamplingConfig, Target
from zigma.interpolant.diffusion import sde_half_diffusion
from zigma.interpolant.interval import time_interval
from zigma.interpolant.paths import PATHS
from zigma.interpolant.targets import convert

Prediction = Callable[[Tensor, Tensor], Tensor]  # states (B, ...), times (B,) -> target (B, ...)


@dataclass(frozen=True)
class Flow:
    """Velocity and score of a network, with the times and the diffusion by which they are integrated."""

    interpolant: InterpolantConfig
    sampling: SamplingConfig
    predict: Prediction

    def times(self) -> list[float]:
        """The evenly spaced times between the updates; an SDE's last step starts at the last of them."""
        first, last = time_interval(self.interpolant, self.sampling)
        updates = self.sampling.steps - self.sampling.ends_with_last_step
        return [first + (last - first) * i / updates for i in range(updates)] + [last]

    def velocity(self, x: Tensor, t: float | Tensor) -> Tensor:
        """v(x, t) of the probability flow dx = v dt (Eq. 8); x and the result are (B, ...), t is a scalar."""
        return self._fields(x, t, "velocity")[0]

    def score(self, x: Tensor, t: float) -> Tensor:
        """s(x, t) = grad log p_t(x) (Eq. 10)."""
        return self._fields(x, t, "score")[0]

    def expected_data(self, x: Tensor, t: float) -> Tensor:
        """E[x_1 | x_t = x] by Tweedie's formula: (x + sigma_t^2 s) / alpha_t."""
        c = PATHS[self.interpolant.path](torch.tensor(t, dtype=torch.float64))
        return (x + float(c.sigma) ** 2 * self.score(x, t)) / float(c.alpha)

    def drift(self, x: Tensor, t: float) -> Tensor:
        """v + (w_t / 2) s, the drift of the SDE with the flow's marginals (Eq. 7, run towards the data)."""
        velocity, score = self._fields(x, t, "velocity", "score")
        return velocity + self.half_diffusion(t) * score

    def half_diffusion(self, t: float) -> float:
        """w_t / 2 of Eq. 7."""
        sampling = self.sampling
        return sde_half_diffusion(self.interpolant.path, sampling.diffusion, sampling.diffusion_norm, t)

    def _fields(self, x: Tensor, t: float | Tensor, *fields: Target) -> list[Tensor]:
        # bfloat16 would take the last times for the data's
        dtype = torch.promote_types(x.dtype, torch.float32)
        times = torch.full((len(x),), float(t), dtype=dtype, device=x.device)
        # under mixed precision the network may answer in less
        prediction = self.predict(x, times).to(x.dtype)
        if prediction.shape != x.shape:
            raise ValueError(f"the model returned {tuple(prediction.shape)} for states of {tuple(x.shape)}")
        path, given = self.interpolant.path, self.interpolant.target
        return [convert(prediction, x, times, path=path, given=given, to=field) for field in fields]
