"""The norm and its modulation against torch's in float64: outputs and each gradient."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.ops import rms_norm


def inputs(batch: int, length: int, width: int, modulated: bool) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(length)
    shapes: dict[str, tuple[int, ...]] = {"x": (batch, length, width), "weight": (width,)}
    if modulated:
        shapes |= {"shift": (batch, width), "scale": (batch, width)}
    return {name: torch.randn(*s, generator=generator, dtype=torch.float64) for name, s in shapes.items()}


def truth(
    x: Tensor, weight: Tensor, shift: Tensor | None = None, scale: Tensor | None = None
) -> tuple[Tensor, ...]:
    n = F.rms_norm(x, weight.shape, weight, 1e-5)
    return (n,) if shift is None or scale is None else (n, n * (1 + scale[:, None]) + shift[:, None])


def with_gradients(function: Any, made: dict[str, Tensor], dtype: torch.dtype, used: str) -> list[Tensor]:
    leaves = {name: value.to(dtype, copy=True).requires_grad_() for name, value in made.items()}
    outputs = [y for y in function(**leaves) if y is not None]
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(y.shape, generator=generator, dtype=torch.float64).to(dtype) for y in outputs]
    kept = [(y * w).sum() for name, y, w in zip("nm", outputs, weights, strict=False) if name in used]
    gradients = torch.autograd.grad(sum(kept), list(leaves.values()), materialize_grads=True)  # type: ignore[arg-type]
    return [*(y.detach() for y in outputs), *gradients]


@pytest.mark.parametrize("backend", ["cpu", "torch"])
@pytest.mark.parametrize(("length", "width"), [(1, 1), (17, 37), (33, 64), (300, 16), (5, 1536)])
@pytest.mark.parametrize("used", ["n", "m", "nm"])
def test_norm(backend: str, length: int, width: int, used: str) -> None:
    made = inputs(2, length, width, modulated="m" in used)

    def norm(**given: Tensor) -> tuple[Tensor, Tensor | None]:
        return rms_norm(**given, backend=backend)

    expected = with_gradients(truth, made, torch.float64, used)
    for result, reference in zip(with_gradients(norm, made, torch.float32, used), expected, strict=True):
        # of single channels the norm hardly depends on x, and its gradient is a difference of equal numbers
        assert (result.double() - reference).norm() <= 1e-5 * reference.norm() + (1e-6 if width == 1 else 0)


def test_large_tokens_do_not_overflow_and_zeros_stay() -> None:
    x = torch.stack([torch.full((4, 8), 1e15), torch.zeros(4, 8)])
    n, m = rms_norm(x, torch.ones(8), backend="cpu")
    assert m is None
    assert torch.allclose(n[0], torch.ones(4, 8))
    assert (n[1] == 0).all()


@pytest.mark.parametrize("threads", [2, 3])
def test_results_do_not_depend_on_the_threads(threads: int) -> None:
    made, before, results = inputs(3, 600, 20, modulated=True), torch.get_num_threads(), []
    try:
        for number in (1, threads):
            torch.set_num_threads(number)
            results.append(with_gradients(rms_norm, made, torch.float32, "nm"))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@pytest.mark.parametrize("modulated", [False, True])
def test_operators_fit_torch_compile(modulated: bool) -> None:
    given = {name: x.float().requires_grad_() for name, x in inputs(2, 5, 6, modulated).items()}

    def double(**x: Tensor) -> list[Tensor]:
        return [2 * y for y in rms_norm(**x, backend="cpu") if y is not None]

    compiled = torch.compile(double, backend="aot_eager", fullgraph=True)
    for a, b in zip(
        with_gradients(compiled, given, torch.float32, "nm"),
        with_gradients(double, given, torch.float32, "nm"),
        strict=True,
    ):
        assert torch.allclose(a, b, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weight": torch.ones(5)}, "weight must be"),
        ({"shift": torch.ones(2, 4)}, "belong together"),
        ({"shift": torch.ones(1, 4), "scale": torch.ones(2, 4)}, "shift must be"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Tensor], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        rms_norm(**({"x": torch.ones(2, 3, 4), "weight": torch.ones(4)} | change))
