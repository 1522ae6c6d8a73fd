"""What tests of the scan share: inputs, gradients by name, and how far two results may lie apart."""

from typing import Any

import torch
from torch import Tensor

BACKENDS = ("reference", "torch", "cpu")


def inputs(shape: tuple[int, int, int, int], optional: bool, step: float = 0.0) -> dict[str, Tensor]:
    """Those of a scan by name, float64, for (batch, L, D, N)."""
    batch, length, width, states = shape
    generator = torch.Generator().manual_seed(sum(shape))

    def random(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.float64)

    made = {
        "u": random(batch, length, width),
        "delta": random(batch, length, width) + step,
        "A": -torch.exp(random(width, states)),
        "B": random(batch, length, states),
        "C": random(batch, length, states),
    }
    if optional:
        made |= {"D": random(width), "z": random(batch, length, width), "delta_bias": random(width) - 1}
    return made


def with_gradients(
    function: Any, made: dict[str, Tensor], dtype: torch.dtype, **options: Any
) -> dict[str, Tensor]:
    """The results y, and the final state where there is one, and the gradient of each input."""
    leaves = {name: value.detach().to(dtype, copy=True).requires_grad_() for name, value in made.items()}
    results = function(**leaves, **options)
    results = dict(zip(("y", "final"), results if isinstance(results, tuple) else (results,), strict=False))
    assert results["y"].dtype == dtype
    loss: Any = 0
    for seed, result in enumerate(results.values(), 1):
        weights = torch.randn(result.shape, generator=torch.Generator().manual_seed(seed))
        weights = weights.bfloat16()  # the same numbers in every precision
        loss = loss + (result * weights.to(result.device, result.dtype)).sum()
    loss.backward()
    gradients = {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    assert gradients.keys() == leaves.keys()
    return {name: result.detach() for name, result in results.items()} | gradients


def assert_close(results: dict[str, Tensor], truth: dict[str, Tensor], tolerance: float = 1e-5) -> None:
    """Compare under their names, by norms."""
    assert results.keys() >= truth.keys()
    for name, value in truth.items():
        assert results[name].shape == value.shape, name
        assert torch.isfinite(results[name]).all(), name
        error = float((results[name].detach().double() - value).norm() / value.norm().clamp(min=1e-30))
        assert error < tolerance, f"{name}: relative error {error:.1e}"


def permutation(length: int) -> Tensor:
    return torch.randperm(length, generator=torch.Generator().manual_seed(length))


def permutations(batch: int, length: int) -> Tensor:
    generator = torch.Generator().manual_seed(batch * length)
    return torch.stack([torch.randperm(length, generator=generator) for _ in range(batch)])
