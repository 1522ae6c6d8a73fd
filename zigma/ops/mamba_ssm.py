"""Backend "mamba-ssm": the CUDA kernel of the mamba-ssm package, taken only by name.

Builds of one version differ in whether the kernel is inside, so it is probed by importing it, and `python -m
studies doctor` compares its numbers with the reference before it should be trusted. The kernel wants channels
before steps and reads tokens as they lie: this adapter gathers, transposes and scatters around it. The short
convolution goes to causal-conv1d where that is importable, else to backend "torch".
"""

from typing import Any

from torch import Tensor

from zigma.ops.backend import Backend
from zigma.ops.order import along_order, back_to_place
from zigma.ops.reference import causal_conv1d as reference_conv1d
from zigma.ops.reference import rms_norm

INSTALL = (
    "on a GPU with nvcc: MAMBA_KEEP_CUDA_BUILD=TRUE pip install --no-build-isolation mamba-ssm causal-conv1d"
)


def missing() -> str | None:
    """Return what is missing and how to install it, or None."""
    try:
        import selective_scan_cuda  # noqa: F401  the kernel itself: the package imports without it
        from mamba_ssm.ops.selective_scan_interface import selective_scan_fn  # noqa: F401
    except ImportError as error:
        return f"{error}; {INSTALL}"
    return None


def _steps_last(x: Tensor | None, order: Tensor | None) -> Any:
    return None if x is None else along_order(x, order).transpose(1, 2).contiguous()


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    order: Tensor | None = None,
    delta_weight: None = None,
    initial_state: None = None,
    return_final_state: bool = False,
) -> Tensor:
    """Scan with the CUDA kernel; shapes and meaning as in `zigma.ops.selective_scan`."""
    if return_final_state:  # it has one, through which no gradient flows
        raise ValueError(
            "scan backend 'mamba-ssm' has no final state to differentiate; take 'triton' or 'torch'"
        )
    from mamba_ssm.ops.selective_scan_interface import selective_scan_fn

    u_, delta_, B_, C_, z_ = (_steps_last(x, order) for x in (u, delta, B, C, z))
    skip, bias = (None if x is None else x.float() for x in (D, delta_bias))
    delta_ = delta_.to(u_.dtype)
    y: Tensor = selective_scan_fn(u_, delta_, A.float(), B_, C_, skip, z_, bias, delta_softplus)
    return back_to_place(y.transpose(1, 2), order).to(u.dtype)


def causal_conv1d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, silu: bool = False, order: Tensor | None = None
) -> Tensor:
    """Convolve with causal-conv1d's kernel; shapes and meaning as in `zigma.ops.causal_conv1d`."""
    try:
        from causal_conv1d import causal_conv1d_fn
    except ImportError:
        return reference_conv1d(x, weight, bias, silu, order)
    y: Tensor = causal_conv1d_fn(_steps_last(x, order), weight, bias, activation="silu" if silu else None)
    return back_to_place(y.transpose(1, 2), order)


BACKEND = Backend(
    name="mamba-ssm",
    selective_scan=selective_scan,
    causal_conv1d=causal_conv1d,
    rms_norm=rms_norm,
    devices=("cuda",),
    missing=missing,
    float64=False,
    carries_state=False,
)
