"""What the scan is compared with: other people's ways to compute it, written here on their public interface."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.ops import available_backends, selective_scan
from zigma.ops.backends import why_not

Inputs = dict[str, Any]  # u, delta, z (batch, L, D), A (D, N), B, C (batch, L, N), D, delta_bias (D,)
Scan = Callable[[Inputs, Tensor | None], Tensor]


def unbind_loop(inputs: Inputs, order: Tensor | None) -> Tensor:
    """The algorithm of mamba_ssm's selective_scan_ref (decays of all steps first, then a loop) with `unbind`.

    Its indexing makes the backward of the original quadratic in L, which would make any ratio meaningless.
    """

    def recurrence(decay: Tensor, added: Tensor, C: Tensor) -> Tensor:
        state, outputs = torch.zeros_like(added[:, 0]), []
        for decay_t, added_t, C_t in zip(decay.unbind(1), added.unbind(1), C.unbind(1), strict=True):
            state = decay_t * state + added_t
            outputs.append((state @ C_t[:, :, None]).squeeze(-1))
        return torch.stack(outputs, 1)

    return _discretized(inputs, order, recurrence)


def mambapy_pscan(inputs: Inputs, order: Tensor | None) -> Tensor:
    """mambapy's parallel tree scan, by its public `pscan(A, X)`."""
    pscan = import_module("mambapy.pscan").pscan
    return _discretized(
        inputs, order, lambda decay, added, C: (pscan(decay, added) @ C[..., None]).squeeze(-1)
    )


def _discretized(
    inputs: Inputs, order: Tensor | None, recurrence: Callable[[Tensor, Tensor, Tensor], Tensor]
) -> Tensor:
    u, delta, B, C, z = (inputs[name].float() for name in ("u", "delta", "B", "C", "z"))
    if order is not None:
        u, delta, B, C = (x[:, order] for x in (u, delta, B, C))
    delta = F.softplus(delta + inputs["delta_bias"])
    decay = torch.exp(delta[..., None] * inputs["A"])
    y = recurrence(decay, (delta * u)[..., None] * B[:, :, None], C) + inputs["D"] * u
    if order is not None:
        y = torch.empty_like(y).index_copy(1, order, y)
    return (y * F.silu(z)).to(inputs["u"].dtype)


def ours(backend: str, inputs: Inputs, order: Tensor | None) -> Tensor:
    """A backend of zigma.ops."""
    return selective_scan(**inputs, delta_softplus=True, order=order, backend=backend)


def contenders(device: torch.device, dtype: torch.dtype) -> tuple[dict[str, Scan], dict[str, str]]:
    """Return what can run here by name, and why the others cannot."""
    scans: dict[str, Scan] = {"selective_scan_ref, unbind": unbind_loop}
    missing: dict[str, str] = {}
    try:
        import_module("mambapy.pscan")
        scans["mambapy pscan"] = mambapy_pscan
    except ImportError:
        missing["mambapy pscan"] = "pip install mambapy"
    for name in available_backends():
        reason = why_not(name, device, dtype)
        if reason:
            missing[name] = reason
        elif name != "reference":  # its loop is slower than the contender above and says nothing new
            scans[name] = partial(ours, name)
    return scans, missing
