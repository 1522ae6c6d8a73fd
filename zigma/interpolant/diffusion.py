"""How much noise an SDE sampler adds over time: w_t / 2 of Eq. 7, in the forms that SiT compares.

Every form has the same marginals when velocity and score are exact; they differ in how errors are corrected.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from zigma.interpolant.config import DiffusionForm, Path
from zigma.interpolant.paths import PATHS, Coefficients, half_diffusion

Form = Callable[[Tensor, Coefficients, float], Tensor]

_FORMS: dict[DiffusionForm, Form] = {
    "constant": lambda t, c, norm: norm * torch.ones_like(t),
    "sbdm": lambda t, c, norm: norm * half_diffusion(c),
    "sigma": lambda t, c, norm: norm * c.sigma,
    "linear": lambda t, c, norm: norm * (1 - t),
    "decreasing": lambda t, c, norm: 0.25 * (norm * torch.cos(math.pi * t) + 1).square(),
    "increasing-decreasing": lambda t, c, norm: norm * torch.sin(math.pi * t).square(),
}


def sde_half_diffusion(path: Path, form: DiffusionForm, norm: float, t: float) -> float:
    """w_t / 2 at one time, so that the SDE is dx = (v + (w_t / 2) s) dt + sqrt(w_t) dW."""
    time = torch.tensor(t, dtype=torch.float64)
    return float(_FORMS[form](time, PATHS[path](time), norm))
