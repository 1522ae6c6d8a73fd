"""Samplers: one function each, all of the signature sampler(flow, x, generator) -> samples.

x (B, ...) is noise at the first time of the flow, the result the state at its last time, of the same shape.
The ODE samplers integrate dx = v dt, the SDE samplers dx = (v + (w_t / 2) s) dt + sqrt(w_t) dW (Eq. 7): their
states have the same law at every time.
"""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from torchdiffeq import odeint

from zigma.interpolant.config import SamplerName
from zigma.interpolant.flow import Flow

Sampler = Callable[[Flow, Tensor, torch.Generator | None], Tensor]


def euler(flow: Flow, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Euler's method: order 1, one evaluation a step."""
    for t, after in pairwise(flow.times()):
        x = x + (after - t) * flow.velocity(x, t)
    return x


def heun(flow: Flow, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Heun's method (the trapezoidal rule with an Euler predictor): order 2, two evaluations a step."""
    for t, after in pairwise(flow.times()):
        step, here = after - t, flow.velocity(x, t)
        x = x + step / 2 * (here + flow.velocity(x + step * here, after))
    return x


def dopri5(flow: Flow, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Dormand and Prince's method of order 5 (torchdiffeq), with steps chosen by `rtol` and `atol`."""
    first, last = flow.times()[0], flow.times()[-1]
    times = torch.tensor([first, last], dtype=torch.float64, device=x.device)
    # A step that ended beyond the last time would ask the network where it is not defined.
    settings = {"rtol": flow.sampling.rtol, "atol": flow.sampling.atol, "options": {"step_t": times}}
    try:
        path: Tensor = odeint(lambda t, x: flow.velocity(x, t), x, times, method="dopri5", **settings)
    except AssertionError as error:  # torchdiffeq's word for a step size that shrank to nothing
        raise FloatingPointError(f"dopri5 finds no step small enough for this velocity: {error}") from error
    return path[-1]


def sde_euler(flow: Flow, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Euler-Maruyama: weak order 1, one evaluation a step."""
    for t, after in pairwise(flow.times()):
        step = after - t
        x = x + step * flow.drift(x, t) + _noise(flow, x, t, step, generator)
    return _last_step(flow, x)


def sde_heun(flow: Flow, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Noise first, then Heun's method on the drift, as in SiT: weak order 1, two evaluations a step."""
    for t, after in pairwise(flow.times()):
        step = after - t
        x = x + _noise(flow, x, t, step, generator)
        here = flow.drift(x, t)
        x = x + step / 2 * (here + flow.drift(x + step * here, after))
    return _last_step(flow, x)


def _noise(flow: Flow, x: Tensor, t: float, step: float, generator: torch.Generator | None) -> Tensor:
    """sqrt(w_t) times the Brownian increment of one step, drawn on the generator's device."""
    device = x.device if generator is None else generator.device
    drawn = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=device).to(x.device)
    return (2 * flow.half_diffusion(t) * step) ** 0.5 * drawn


def _last_step(flow: Flow, x: Tensor) -> Tensor:
    """From 1 - last_step_size to the data without noise: by the drift, the velocity, or Tweedie's mean."""
    t, size = flow.times()[-1], flow.sampling.last_step_size
    match flow.sampling.last_step:
        case "mean":
            return x + size * flow.drift(x, t)
        case "euler":
            return x + size * flow.velocity(x, t)
        case "tweedie":
            return flow.expected_data(x, t)
        case "none":
            return x


SAMPLERS: dict[SamplerName, Sampler] = {
    "euler": euler,
    "heun": heun,
    "dopri5": dopri5,
    "sde-euler": sde_euler,
    "sde-heun": sde_heun,
}
