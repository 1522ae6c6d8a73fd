"""The Triton kernels against the reference: on a GPU, or by test_triton_interpreted.py under the interpreter."""

import os

import pytest
import torch
from torch import Tensor

from zigma.ops import reference
from zigma.ops.triton import conv as triton_conv
from zigma.ops.triton import scan as triton_scan

INTERPRETING = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = "cpu" if INTERPRETING else "cuda"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(
        not (INTERPRETING or torch.cuda.is_available()),
        reason="no GPU that torch can use; test_triton_interpreted.py runs these under Triton's interpreter",
    ),
]
NAMES = ("u", "delta", "A", "B", "C", "D", "z", "delta_bias")


@pytest.fixture(autouse=True)
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short chunks under the interpreter, whose time goes with the number of steps, padding included."""
    if DEVICE == "cpu" and request.node.originalname != "test_blocks_as_on_a_gpu":
        monkeypatch.setattr(triton_scan, "CHUNK", 8)
        monkeypatch.setattr(triton_scan, "TILE", 4)
        monkeypatch.setattr(triton_scan, "CHANNELS", 512 if "1536" in request.node.name else 4)
        monkeypatch.setattr(triton_conv, "CHANNELS", 16)


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that a kernel forgets to write holds NaN."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True, warn_only=DEVICE == "cuda")


def inputs(
    batch: int,
    length: int,
    width: int,
    states: int,
    optional: bool = True,
    dtype: torch.dtype = torch.float32,
) -> dict[str, Tensor | None]:
    generator = torch.Generator().manual_seed(length * 1000 + width * 10 + states)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    tokens = (batch, length, width)
    made: dict[str, Tensor | None] = {
        "u": random(*tokens),
        "delta": random(*tokens),
        "A": -torch.exp(random(width, states)),
        "B": random(batch, length, states),
        "C": random(batch, length, states),
        "D": random(width) if optional else None,
        "z": random(*tokens) if optional else None,
        "delta_bias": random(width) - 2 if optional else None,
    }
    return {k: v if v is None else v.to(DEVICE, dtype).requires_grad_() for k, v in made.items()}


def order_of(length: int) -> Tensor:
    return torch.randperm(length, generator=torch.Generator().manual_seed(length)).to(DEVICE)


def compare(given: dict[str, Tensor | None], softplus: bool, order: Tensor | None, tolerance: float) -> None:
    """Output and every gradient against the float64 reference, relative to the largest value of each."""
    wide = {k: v if v is None else v.detach().double().requires_grad_() for k, v in given.items()}
    results = []
    for scan, values in ((triton_scan.selective_scan, given), (reference.selective_scan, wide)):
        y = scan(**values, delta_softplus=softplus, order=order)
        generator = torch.Generator().manual_seed(1)
        dy = torch.randn(y.shape, generator=generator, dtype=torch.float64).to(DEVICE, given["u"].dtype)
        present = [name for name in NAMES if values[name] is not None]
        grads = torch.autograd.grad(y, [values[name] for name in present], dy.to(y.dtype))
        results.append({"y": y.detach(), **dict(zip(present, grads, strict=True))})
    for name, expected in results[1].items():
        assert results[0][name].dtype == (given["u"] if name == "y" else given[name]).dtype
        scale = expected.abs().max().clamp_min(1e-30)
        error = ((results[0][name].double() - expected).abs().max() / scale).item()
        assert error <= tolerance, f"{name}: relative error {error:.2e}"  # NaN fails too


@pytest.mark.parametrize(
    ("batch", "length", "width", "states"),
    [
        (1, 1, 1, 1),
        (2, 13, 7, 8),
        (1, 25, 3, 16),
        (1, 16, 4, 1),
        (1, 5, 2, 64),
        (1, 3, 1536, 3),
        (1, 41, 1, 5),
    ],
)
def test_equals_the_reference(batch: int, length: int, width: int, states: int) -> None:
    compare(inputs(batch, length, width, states), True, order_of(length), 1e-5)


def test_blocks_as_on_a_gpu() -> None:
    compare(inputs(1, 33, 33, 3), True, order_of(33), 1e-5)


@pytest.mark.parametrize("softplus", [False, True])
def test_without_the_optional_inputs(softplus: bool) -> None:
    given = inputs(2, 11, 3, 4, optional=False)
    if not softplus:
        given["delta"] = given["delta"].detach().abs().requires_grad_()
    compare(given, softplus, None, 1e-5)


@pytest.mark.parametrize("shift", [-15.0, 40.0])
def test_very_small_and_very_large_steps(shift: float) -> None:
    given = inputs(1, 20, 3, 4)
    given["delta"] = (given["delta"].detach() + shift).requires_grad_()
    compare(given, True, order_of(20), 1e-5)


def test_steps_of_mixed_size() -> None:
    given = inputs(1, 20, 3, 4)
    given["delta"] = (given["delta"].detach() * 12).requires_grad_()
    compare(given, True, order_of(20), 1e-5)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.bfloat16, 1e-2), (torch.float16, 2e-3)])
def test_half_precision_keeps_a_float32_state(dtype: torch.dtype, tolerance: float) -> None:
    given = inputs(1, 20, 5, 4, dtype=dtype)
    for name in ("A", "D", "delta_bias"):
        given[name] = given[name].detach().float().requires_grad_()
    compare(given, True, order_of(20), tolerance)


def test_float64_keeps_a_float64_state() -> None:
    compare(inputs(1, 19, 3, 2, dtype=torch.float64), True, order_of(19), 1e-12)


def test_rows_that_are_slices_of_wider_rows() -> None:
    given = inputs(2, 9, 4, 2)
    together = torch.cat([given["u"], given["z"]], -1).detach().requires_grad_()
    u, z = together.chunk(2, -1)
    rest = {name: given[name] for name in NAMES if name not in ("u", "z")}
    whole = triton_scan.selective_scan(u=given["u"], z=given["z"], **rest)
    assert torch.equal(triton_scan.selective_scan(u=u, z=z, **rest), whole)


def test_repeats_bit_by_bit_and_keeps_its_saved_tensors() -> None:
    given = inputs(1, 17, 3, 4)
    y = triton_scan.selective_scan(**given, delta_softplus=True)
    wanted = list(given.values())
    first = torch.autograd.grad(y.sum(), wanted, retain_graph=True)
    again = torch.autograd.grad(y.sum(), wanted)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("silu", [False, True])
@pytest.mark.parametrize(("length", "width", "taps"), [(1, 1, 4), (37, 5, 4), (3, 20, 1), (18, 2, 7)])
def test_convolution_equals_the_reference(length: int, width: int, taps: int, silu: bool) -> None:
    generator = torch.Generator().manual_seed(length)
    shapes = ((2, length, width), (width, taps), (width,))
    given = [torch.randn(s, generator=generator).to(DEVICE).requires_grad_() for s in shapes]
    wide = [x.detach().double().requires_grad_() for x in given]
    order = order_of(length)
    y = triton_conv.causal_conv1d(*given, silu=silu, order=order)
    expected = reference.causal_conv1d(*wide, silu=silu, order=order)
    dy = torch.randn(y.shape, generator=generator).to(DEVICE)
    found = [y, *torch.autograd.grad(y, given, dy)]
    truth = [expected, *torch.autograd.grad(expected, wide, dy.double())]
    for name, a, b in zip(("y", "x", "weight", "bias"), found, truth, strict=True):
        assert (a.double() - b).abs().max() <= 1e-5 * b.abs().max(), name


def test_operators_fit_torch_compile() -> None:
    given = inputs(1, 6, 3, 2)
    operator = torch.ops.zigma.triton_scan.default
    checks = ("test_schema", "test_faketensor", "test_autograd_registration")
    torch.library.opcheck(operator, (*given.values(), True, order_of(6)), test_utils=checks)
    values = given["u"], given["A"], given["D"], True, order_of(6)
    torch.library.opcheck(torch.ops.zigma.triton_conv.default, values, test_utils=checks)
