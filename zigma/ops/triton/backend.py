"""Backend "triton"."""

import os

import torch

from zigma.ops.backend import Backend
from zigma.ops.reference import rms_norm
from zigma.ops.triton.conv import causal_conv1d
from zigma.ops.triton.scan import selective_scan

INTERPRETING = os.environ.get("TRITON_INTERPRET") == "1"  # on a CPU, slowly; chosen before Triton is imported


def missing() -> str | None:
    """Return what is missing: Triton 3.3 or later and a GPU (or its interpreter, for tests)."""
    try:
        import triton
    except ImportError:
        return "Triton is not installed; install it with: pip install triton (Linux)"
    if tuple(int(part) for part in triton.__version__.split(".")[:2]) < (3, 3):
        return (
            f"Triton {triton.__version__} is too old; install 3.3 or later with: pip install -U torch triton"
        )
    if not torch.cuda.is_available() and not INTERPRETING:
        return "no GPU that torch can use (TRITON_INTERPRET=1 runs the kernels on a CPU, slowly, for tests)"
    return None


BACKEND = Backend(
    name="triton",
    selective_scan=selective_scan,
    causal_conv1d=causal_conv1d,
    rms_norm=rms_norm,
    devices=("cuda", "cpu") if INTERPRETING else ("cuda",),
    missing=missing,
)
