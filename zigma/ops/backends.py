"""The backends by name: which are present, which one a call takes.

Modules are imported when first asked for. Nothing falls back in silence: a named backend that is missing
raises, and `auto` says once on standard error which backend it took, and why not a faster one.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module

import torch

from zigma.common.words import unknown
from zigma.ops.backend import Backend
from zigma.ops.operator import transformed

_MODULES = {  # each has a BACKEND
    "reference": "zigma.ops.reference",
    "torch": "zigma.ops.torch_chunked",
    "cpu": "zigma.ops.cpu.backend",
    "triton": "zigma.ops.triton.backend",
    "mamba-ssm": "zigma.ops.mamba_ssm",
}
# What `auto` tries, fastest first. mamba-ssm is only ever taken by name: builds that differ share a version.
_AUTO = {"cuda": ("triton", "torch"), "cpu": ("cpu", "torch")}


_only: list[str] = []  # what every call takes for now, the last of them


@contextmanager
def only_backend(name: str) -> Iterator[None]:
    """Inside it every call takes this backend, whatever the call itself or ZIGMA_SCAN_BACKEND names."""
    _only.append(name)
    try:
        yield
    finally:
        _only.pop()


@cache
def _missing(name: str) -> str | None:
    try:
        backend: Backend = import_module(_MODULES[name]).BACKEND
    except ImportError as error:
        package = f"; install it with: pip install {error.name.partition('.')[0]}" if error.name else ""
        return f"{error}{package}"
    return backend.missing()


def available_backends() -> dict[str, str | None]:
    """Return every backend's name with None if it is present, else what is missing and how to install it."""
    return {name: _missing(name) for name in _MODULES}


def backend_called(name: str) -> Backend:
    """Return a backend that is present, under a name that `resolve_backend` returned."""
    backend: Backend = sys.modules[_MODULES[name]].BACKEND
    return backend


def backend_names() -> list[str]:
    """Return the names that `backend=` understands."""
    return [*_MODULES, "auto"]


def why_not(name: str, device: torch.device, dtype: torch.dtype) -> str | None:
    """Return why backend `name` cannot take tensors of this device and dtype here, or None if it can."""
    return _missing(name) or backend_called(name).why_not(device, dtype)


@torch.compiler.assume_constant_result
def resolve_backend(
    backend: str | None, device: torch.device | str, dtype: torch.dtype = torch.float32
) -> str:
    """Return the name of the backend that a call takes.

    `backend=None` means the environment variable ZIGMA_SCAN_BACKEND, or else "auto": on a GPU triton, on a
    CPU cpu, elsewhere torch; under torch.func's transforms reference, the only one that they can see through. Raises
    ValueError for an unknown name and for a named backend that is missing here or cannot take such tensors.
    """
    device = torch.device(device)
    name = (_only[-1] if _only else backend) or os.environ.get("ZIGMA_SCAN_BACKEND") or "auto"
    if transformed():
        name = _under_transforms(name)
    if name == "auto":
        return _automatic(device.type, dtype)
    if name not in _MODULES:
        raise unknown("scan backend", str(name), backend_names())
    reason = why_not(name, device, dtype)
    if reason:
        raise ValueError(f"scan backend {name!r} cannot be used on {device.type} in {dtype}: {reason}")
    return name


@cache
def _under_transforms(name: str) -> str:
    """The backend in place of one that torch.func's transforms would have to look into; refused where it is named."""
    if name == "auto":
        print("zigma.ops: scan backend reference (slow) under torch.func's transforms", file=sys.stderr)
        return "reference"
    if name in _MODULES and name != "reference":
        raise ValueError(
            f"scan backend {name!r} cannot go through torch.func's transforms (grad, vmap, jvp); "
            "'reference' can, and 'auto' takes it"
        )
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
