"""What a backend is: its operators, where they run, and what they can do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

Function = Callable[..., Any]


def _nothing() -> str | None:
    return None


@dataclass(frozen=True)
class Backend:
    """One way to compute the operators of `zigma.ops`, whose arguments have been checked when they come here.

    selective_scan: (u, delta, A, B, C, D, z, delta_bias, delta_softplus, order, delta_weight, initial_state,
        return_final_state) to y, or to y and the final state; a delta_weight only with at most `most_rank` inner
        features.
    causal_conv1d: (x, weight, bias, silu, order) to y.
    rms_norm: (x, weight, shift, scale, eps) to n and m.
    devices: the types of devices it runs on; empty: on any.
    missing: None where it can be used on this machine, else one line: what is missing, how to install it.
    float64: whether it keeps float64 inputs at their precision.
    carries_state: whether it takes an initial state.
    """

    name: str
    selective_scan: Function
    causal_conv1d: Function
    rms_norm: Function
    devices: tuple[str, ...] = ()
    missing: Callable[[], str | None] = _nothing
    float64: bool = True
    most_rank: int = 0
    carries_state: bool = True

    def why_not(self, device: torch.device, dtype: torch.dtype) -> str | None:
        """Return why tensors of this device and dtype cannot be taken, in one line, or None if they can."""
        if self.devices and device.type not in self.devices:
            return f"it runs on {' or '.join(self.devices)} alone; take 'cpu', 'torch' or 'reference'"
        if dtype == torch.float64 and not self.float64:
            return "its state is float32; take 'torch' or 'reference' for float64"
        return None
