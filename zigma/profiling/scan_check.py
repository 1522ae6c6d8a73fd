"""Whether a scan computes the right thing, asked before anything is said about its speed."""

import torch
from torch import Tensor

from zigma.ops import selective_scan_reference
from zigma.profiling.scan_contenders import Inputs, Scan

TOLERANCE = {torch.float32: 1e-4, torch.float16: 1e-2, torch.bfloat16: 5e-2}


def random_inputs(
    batch: int, width: int, length: int, states: int, device: torch.device, dtype: torch.dtype, seed: int = 0
) -> Inputs:
    """Inputs as a model has them: steps of 0.001 to 0.1, decays -1 to -N; parameters in float32."""
    generator = torch.Generator().manual_seed(seed)

    def tokens(channels: int) -> Tensor:
        return torch.randn(batch, length, channels, generator=generator).to(device, dtype)

    made = {name: tokens(width) for name in ("u", "delta", "z")}
    made |= {name: tokens(states) for name in ("B", "C")}
    made["A"] = -torch.arange(1.0, states + 1, device=device).repeat(width, 1)
    made["D"] = torch.ones(width, device=device)
    made["delta_bias"] = torch.full((width,), -4.0, device=device)
    return {name: x.requires_grad_() for name, x in made.items()}


def largest_error(scan: Scan, device: torch.device, dtype: torch.dtype) -> float:
    """The largest relative error of output and gradients on a small case along a path, against float64.

    An error is relative to the largest value of its tensor; a wrong value that is no number counts as infinite.
    """
    inputs = random_inputs(2, 19, 45, 16, device, dtype)
    order = torch.randperm(45, generator=torch.Generator().manual_seed(1)).to(device)
    wide: Inputs = {name: x.detach().double().requires_grad_() for name, x in inputs.items()}
    y = scan(inputs, order)
    expected = selective_scan_reference(**wide, delta_softplus=True, order=order)
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(2)).to(device, dtype)
    results = (y, *torch.autograd.grad(y, list(inputs.values()), dy.to(y.dtype)))
    truth = (expected, *torch.autograd.grad(expected, list(wide.values()), dy.double()))
    errors = [
        ((a.double() - b).abs().max() / b.abs().max()).item() for a, b in zip(results, truth, strict=True)
    ]
    return max(error if error == error else float("inf") for error in errors)
