"""Backend "cpu"."""

from zigma.ops.backend import Backend
from zigma.ops.cpu.conv import causal_conv1d
from zigma.ops.cpu.norm import rms_norm
from zigma.ops.cpu.scan import selective_scan

BACKEND = Backend(
    name="cpu",
    selective_scan=selective_scan,
    causal_conv1d=causal_conv1d,
    rms_norm=rms_norm,
    devices=("cpu",),
    float64=False,
    most_rank=8,  # measured: with 16 inner features torch's product is as fast
)
