"""The backends by name: which are present, which one a call takes.

A backend is a module with

- `probe() -> str | None`: None if usable on this machine, else one line: what is missing, how to install it;
- `selective_scan(u, delta, A, B, C, D, z, delta_bias, delta_softplus, order)`, already checked for shapes;
- optionally `causal_conv1d(x, weight, bias, silu, order)`; without it the call goes to backend "torch";
- optionally `fuses(rank) -> bool`: whether its `selective_scan` takes `delta_weight`, (D, rank), as well;
- optionally `refuses(device, dtype) -> str | None`: one line if it cannot take such tensors, else None.

Modules are imported when first asked for. Nothing falls back in silence: a named backend that is missing
raises, and `auto` says once on standard error which backend it took, and why not a faster one.
"""

import difflib
import os
import sys
from functools import cache
from importlib import import_module
from types import ModuleType

import torch

_MODULES = {
    "reference": "zigma.ops.reference",
    "torch": "zigma.ops.torch_chunked",
    "cpu": "zigma.ops.cpu_scan",
    "triton": "zigma.ops.triton_scan",
    "mamba-ssm": "zigma.ops.mamba_ssm_adapter",
}
# What `auto` tries, fastest first. mamba-ssm is only ever taken by name: builds that differ share a version.
_AUTO = {"cuda": ("triton", "torch"), "cpu": ("cpu", "torch")}


@cache
def _missing(name: str) -> str | None:
    try:
        return import_module(_MODULES[name]).probe()
    except ImportError as error:
        package = f"; install it with: pip install {error.name.partition('.')[0]}" if error.name else ""
        return f"{error}{package}"


def available_backends() -> dict[str, str | None]:
    """Return every backend's name with None if it is present, else what is missing and how to install it."""
    return {name: _missing(name) for name in _MODULES}


def backend_module(name: str) -> ModuleType:
    """Return the module of a backend that is present, under a name that `resolve_backend` returned."""
    return sys.modules[_MODULES[name]]


def backend_names() -> list[str]:
    """Return the names that `backend=` understands."""
    return [*_MODULES, "auto"]


def why_not(name: str, device: torch.device, dtype: torch.dtype) -> str | None:
    """Return why backend `name` cannot take tensors of this device and dtype here, or None if it can."""
    missing = _missing(name)
    if missing:
        return missing
    refuses = getattr(backend_module(name), "refuses", None)
    return refuses(device, dtype) if refuses else None


@torch.compiler.assume_constant_result
def resolve_backend(
    backend: str | None, device: torch.device | str, dtype: torch.dtype = torch.float32
) -> str:
    """Return the name of the backend that a call takes.

    `backend=None` means the environment variable ZIGMA_SCAN_BACKEND, or else "auto": on a GPU triton, on a
    CPU cpu, elsewhere torch. Raises ValueError for an unknown name and for a named backend that is missing
    here or cannot take such tensors.
    """
    device = torch.device(device)
    name = backend or os.environ.get("ZIGMA_SCAN_BACKEND") or "auto"
    if name == "auto":
        return _automatic(device.type, dtype)
    if name not in _MODULES:
        near = difflib.get_close_matches(name, backend_names(), n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"unknown scan backend {name!r}; {hint}known: {', '.join(backend_names())}")
    reason = why_not(name, device, dtype)
    if reason:
        raise ValueError(f"scan backend {name!r} cannot be used on {device.type} in {dtype}: {reason}")
    return name


@cache
def _automatic(device_type: str, dtype: torch.dtype) -> str:
    passed_over: list[str] = []
    for name in _AUTO.get(device_type, ("torch",)):
        reason = why_not(name, torch.device(device_type), dtype)
        if reason is None:
            why = f" ({'; '.join(passed_over)})" if passed_over else ""
            print(f"zigma.ops: scan backend {name} for {device_type} {dtype}{why}", file=sys.stderr)
            return name
        passed_over.append(f"not {name}: {reason}")
    raise AssertionError("backend torch takes everything")
