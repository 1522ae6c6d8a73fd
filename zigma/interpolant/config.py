"""The interpolant and the sampler of a run, as plain data: importable without torch."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

Path = Literal["linear", "gvp", "vp"]
Target = Literal["velocity", "score", "noise"]
LossWeight = Literal["none", "velocity", "likelihood"]
SamplerName = Literal["euler", "heun", "dopri5", "sde-euler", "sde-heun"]
DiffusionForm = Literal["constant", "sbdm", "sigma", "linear", "decreasing", "increasing-decreasing"]
LastStep = Literal["mean", "tweedie", "euler", "none"]


@dataclass(frozen=True)
class InterpolantConfig:
    """x_t = alpha_t x_1 + sigma_t x_0 and what the network predicts of it (section 3.3)."""

    path: Path = "linear"  # Eq. 13 is linear
    target: Target = "velocity"  # Eqs. 12, 11
    loss_weight: LossWeight = "none"  # of the score and noise losses, as SiT names them

    def __post_init__(self) -> None:
        _one_of("path", self.path, Path)
        _one_of("target", self.target, Target)
        _one_of("loss_weight", self.loss_weight, LossWeight)


@dataclass(frozen=True)
class SamplingConfig:
    """How samples are drawn from a trained network. The paper samples by ODE (section 4.1).

    `steps` counts the updates of the state, an SDE sampler's last step included; dopri5 chooses its own steps
    by `rtol` and `atol`. The fields after those two belong to the SDE samplers.
    """

    sampler: SamplerName = "heun"
    steps: int = 25
    guidance: float = 1.0  # classifier-free guidance; 1 is none
    rtol: float = 1e-3
    atol: float = 1e-6
    diffusion: DiffusionForm = "sigma"  # w_t / 2 of Eq. 7
    diffusion_norm: float = 1.0
    last_step: LastStep = "mean"  # how the noise that remains at 1 - last_step_size is removed
    last_step_size: float = 0.04

    def __post_init__(self) -> None:
        _one_of("sampler", self.sampler, SamplerName)
        _one_of("diffusion", self.diffusion, DiffusionForm)
        _one_of("last_step", self.last_step, LastStep)
        fewest = 2 if self.sampler in ("sde-euler", "sde-heun") and self.last_step != "none" else 1
        if self.steps < fewest:
            raise ValueError(f"steps must be at least {fewest} for {self.sampler}, not {self.steps}")
        if not math.isfinite(self.guidance):
            raise ValueError(f"guidance must be a finite number, not {self.guidance}")
        for name in ("rtol", "atol", "diffusion_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not 0 < self.last_step_size < 1:
            raise ValueError(f"last_step_size must lie between 0 and 1, not {self.last_step_size}")


def _one_of(field: str, value: str, literal: Any) -> None:
    names = get_args(literal)
    if value not in names:
        near = difflib.get_close_matches(str(value), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(names)}"
        raise ValueError(f"unknown {field} {value!r}; {hint}")
