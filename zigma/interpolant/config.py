"""The interpolant and the sampler of a run, as plain data: importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from zigma.common.configuration import Configuration, Count, Number, Positive

Path = Literal["linear", "gvp", "vp"]
Target = Literal["velocity", "score", "noise"]
LossWeight = Literal["none", "velocity", "likelihood"]
SamplerName = Literal["euler", "heun", "dopri5", "sde-euler", "sde-heun"]
DiffusionForm = Literal["constant", "sbdm", "sigma", "linear", "decreasing", "increasing-decreasing"]
LastStep = Literal["mean", "tweedie", "euler", "none"]


class InterpolantConfig(Configuration):
    """x_t = alpha_t x_1 + sigma_t x_0 and what the network predicts of it (section 3.3)."""

    path: Path = "linear"  # Eq. 13 is linear
    target: Target = "velocity"  # Eqs. 12, 11
    loss_weight: LossWeight = "none"  # of the score and noise losses, as SiT names them

    @model_validator(mode="after")
    def _weight_fits(self) -> Self:
        if self.target == "velocity" and self.loss_weight != "none":
            raise ValueError(
                f"loss_weight {self.loss_weight!r} is for the score and noise targets, not velocity"
            )
        return self


class SamplingConfig(Configuration):
    """How samples are drawn from a trained network. The paper samples by ODE (section 4.1).

    `steps` counts the updates of the state, an SDE sampler's last step included; dopri5 chooses its own steps
    by `rtol` and `atol`. The fields after those two belong to the SDE samplers.
    """

    sampler: SamplerName = "heun"
    steps: Count = 25
    guidance: Number = 1.0  # classifier-free guidance; 1 is none
    rtol: Positive = 1e-3
    atol: Positive = 1e-6
    diffusion: DiffusionForm = "sigma"  # w_t / 2 of Eq. 7
    diffusion_norm: Positive = 1.0
    last_step: LastStep = "mean"  # how the noise that remains at 1 - last_step_size is removed
    last_step_size: Annotated[Number, Field(gt=0, lt=1)] = 0.04

    @model_validator(mode="after")
    def _steps_suffice(self) -> Self:
        if self.ends_with_last_step and self.steps < 2:
            raise ValueError(f"steps must be at least 2 for {self.sampler}, not {self.steps}")
        return self

    @property
    def stochastic(self) -> bool:
        """Whether the sampler draws noise on the way."""
        return self.sampler in ("sde-euler", "sde-heun")

    @property
    def ends_with_last_step(self) -> bool:
        """Whether the integration stops `last_step_size` before the data, for one step without noise to cover."""
        return self.stochastic and self.last_step != "none"
