"""The interpolant and the sampler of a run, as plain data: importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class InterpolantConfig:
    """x_t = alpha_t x_1 + sigma_t x_0 and what the network predicts of it (section 3.3)."""

    path: Literal["linear", "gvp", "vp"] = "linear"  # Eq. 13 is linear
    target: Literal["velocity", "score", "noise"] = "velocity"  # Eqs. 12, 11
    loss_weight: Literal["none", "velocity", "likelihood"] = "none"


@dataclass(frozen=True)
class SamplingConfig:
    """How samples are drawn from a trained network. The paper samples by ODE (section 4.1)."""

    sampler: Literal["euler", "heun", "dopri5", "sde-euler", "sde-heun"] = "heun"
    steps: int = 25
    guidance: float = 1.0  # classifier-free guidance; 1 is none
