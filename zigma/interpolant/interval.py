"""The times at which a network is asked: [0, 1] without the ends where a conversion or weight is infinite.

The rules are SiT's, and so are the distances kept. In two cases SiT keeps none and divides by zero: a
velocity network on the linear or gvp path, sampled by SDE with the `sbdm` diffusion or by SDE-Heun without a
last step.
"""

import torch
from torch import Tensor

from zigma.interpolant.config import InterpolantConfig, SamplingConfig

DISTANCE = 1e-3
TRAINING_DISTANCE_VP = 1e-5


def time_interval(
    interpolant: InterpolantConfig, sampling: SamplingConfig | None = None
) -> tuple[float, float]:
    """First and last time of training (`sampling` None), or of a sampler's integration.

    Raises:
        ValueError: the sampler's last step leaves no time before it.
    """
    regular = interpolant.path != "vp" and interpolant.target == "velocity"  # all finite on [0, 1]
    if regular and not (sampling is not None and sampling.stochastic):
        return 0.0, 1.0
    if sampling is None:
        distance = TRAINING_DISTANCE_VP if interpolant.path == "vp" else DISTANCE
        return 0.0 if interpolant.path == "vp" else distance, 1 - distance
    infinite_at_noise = interpolant.path != "vp" and (not regular or sampling.diffusion == "sbdm")
    first = DISTANCE if infinite_at_noise else 0.0
    if sampling.ends_with_last_step:
        if 1 - sampling.last_step_size <= first:
            raise ValueError(
                f"last_step_size must be below {1 - first:g} here, not {sampling.last_step_size}: "
                "before it no time is left"
            )
        return first, 1 - sampling.last_step_size
    asked_at_last_time = sampling.sampler != "sde-euler"  # Euler asks only before it
    return first, 1 - DISTANCE if asked_at_last_time or not regular else 1.0


def spread_times(n: int, generator: torch.Generator) -> Tensor:
    """n times (n,), one in each of n equal parts of [0, 1], shuffled."""
    times = (torch.arange(n) + torch.rand(n, generator=generator)) / n
    return times[torch.randperm(n, generator=generator)]
