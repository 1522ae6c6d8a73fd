"""Every Triton kernel against the float64 reference, results and gradients by name.

On a GPU, or small under Triton's interpreter, where test_triton_interpreted.py runs them.
"""

import os
from typing import Any

import pytest
import torch
from scans import assert_close, inputs, permutation, permutations, with_gradients
from torch import Tensor

from zigma.ops import causal_conv1d, selective_scan, selective_scan_reference
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

# batch, L, D, N: the interpreter's time goes with the number of steps and programs
SMALL = [(1, 1, 1, 1), (2, 9, 5, 3), (1, 3, 1536, 3)]
LARGE = [
    *SMALL, (2, 13, 7, 8), (1, 25, 3, 16), (1, 5, 2, 64), (1, 16, 4, 1), (2, 41, 33, 5), (3, 255, 100, 16),
    (2, 1025, 1536, 16), (1, 333, 96, 64), (64, 7, 48, 16),
]  # fmt: skip
SHAPES = SMALL if INTERPRETING else LARGE
# relative error of a whole tensor; bfloat16 has 8 bits, which the interpreter cuts off instead of rounding
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 2e-3, torch.float64: 1e-12}
KEPT_WIDE = ("A", "D", "delta_bias", "initial_state")  # as a model keeps them under mixed precision


@pytest.fixture(autouse=True)
def small_blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Short chunks under the interpreter, whose time goes with the number of steps, padding included."""
    wide = hasattr(request.node, "callspec") and 1536 in request.node.callspec.params.get("shape", ())
    if INTERPRETING and request.node.originalname != "test_blocks_as_on_a_gpu":
        blocks = triton_scan.Blocks(chunk=4, tile=2, channels=512 if wide else 8, wide=1024 if wide else 16)
        monkeypatch.setattr(triton_scan, "BLOCKS", blocks)
        monkeypatch.setattr(triton_conv, "CHANNELS", 16)


@pytest.fixture(autouse=True)
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory that a kernel forgets to write holds NaN."""
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    torch.use_deterministic_algorithms(True, warn_only=DEVICE == "cuda")


def on_device(made: dict[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
    """The inputs as kernels get them: tokens narrow, parameters and states wide."""
    wide = torch.promote_types(dtype, torch.float32)
    return {name: x.to(DEVICE, wide if name in KEPT_WIDE else dtype) for name, x in made.items()}


def stateful(shape: tuple[int, int, int, int]) -> dict[str, Tensor]:
    made = inputs(shape, optional=True)
    state = torch.randn(shape[0], shape[2], shape[3], generator=torch.Generator().manual_seed(5))
    return made | {"initial_state": state.double()}


def with_own_gradients(function: Any, made: dict[str, Tensor], **options: Any) -> dict[str, Tensor]:
    """As `with_gradients`, each input in the dtype that it has."""
    dtypes = {name: x.dtype for name, x in made.items()}

    def narrowed(**wide: Tensor) -> Any:
        results = function(**{name: x.to(dtypes[name]) for name, x in wide.items()}, **options)
        return tuple(y.double() for y in results) if isinstance(results, tuple) else results.double()

    return with_gradients(narrowed, made, torch.float64)


def compare(made: dict[str, Tensor], dtype: torch.dtype, **options: Any) -> None:
    given = on_device(made, dtype)
    truth = with_gradients(
        selective_scan_reference, {name: x.double() for name, x in given.items()}, torch.float64, **options
    )
    assert_close(
        with_own_gradients(selective_scan, given, backend="triton", **options), truth, TOLERANCE[dtype]
    )


# an order for each sequence is read like one for all, so that fewer shapes do
SCANS = [("one for all", shape) for shape in SHAPES] + [("one for each", shape) for shape in SHAPES[::3]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("order", "shape"), SCANS)
def test_scan(shape: tuple[int, int, int, int], dtype: torch.dtype, order: str) -> None:
    """From a state, along an order, to a state."""
    steps = (permutation(shape[1]) if order == "one for all" else permutations(*shape[:2])).to(DEVICE)
    compare(stateful(shape), dtype, delta_softplus=True, order=steps, return_final_state=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_blocks_as_on_a_gpu(dtype: torch.dtype) -> None:
    compare(
        inputs((1, 33, 33, 3), optional=True), dtype, delta_softplus=True, order=permutation(33).to(DEVICE)
    )


@pytest.mark.parametrize("softplus", [False, True])
def test_without_the_optional_inputs(softplus: bool) -> None:
    made = inputs((1, 6, 3, 4), optional=False)
    compare(
        made if softplus else made | {"delta": made["delta"].abs()}, torch.float32, delta_softplus=softplus
    )


@pytest.mark.parametrize("shift", [-15.0, 40.0])
def test_very_small_and_very_large_steps(shift: float) -> None:
    made = inputs((1, 9, 3, 4), optional=True, step=shift)
    if shift > 0:  # states forget at once: the gradient of A is a difference of exponentials near zero
        del made["z"]
    compare(made, torch.float32, delta_softplus=True)


def test_float16_and_float64() -> None:
    for dtype in (torch.float16, torch.float64):
        compare(stateful((1, 7, 5, 4)), dtype, delta_softplus=True, return_final_state=True)


def test_a_loss_of_the_final_state_alone() -> None:
    made = on_device(stateful((1, 9, 5, 3)), torch.float32)

    def gradients(dtype: torch.dtype, backend: str) -> tuple[Tensor, ...]:
        leaves = {name: x.to(dtype).requires_grad_() for name, x in made.items()}
        _, state = selective_scan(**leaves, delta_softplus=True, backend=backend, return_final_state=True)
        needed = [leaves[name] for name in ("u", "delta", "A", "B", "delta_bias", "initial_state")]
        return torch.autograd.grad(state.square().sum(), needed)

    truth = gradients(torch.float64, "reference")
    for grad, right in zip(gradients(torch.float32, "triton"), truth, strict=True):
        torch.testing.assert_close(grad.double(), right, rtol=1e-4, atol=1e-4)


def test_two_scans_in_turn_are_one() -> None:
    made, cut = on_device(stateful((1, 9, 5, 3)), torch.float32), 4
    options = {"delta_softplus": True, "backend": "triton", "return_final_state": True}

    def in_turn(initial_state: Tensor, **given: Tensor) -> tuple[Tensor, Tensor]:
        outputs, state = [], initial_state
        for part in (slice(None, cut), slice(cut, None)):
            tokens = {name: given[name][:, part] for name in ("u", "delta", "B", "C", "z")}
            y, state = selective_scan(**(given | tokens), initial_state=state, **options)
            outputs.append(y)
        return torch.cat(outputs, 1), state

    whole = with_gradients(selective_scan, made, torch.float32, **options)
    assert_close(with_gradients(in_turn, made, torch.float32), whole, 2e-6)


def test_rows_that_are_slices_of_wider_rows() -> None:
    made = on_device(inputs((2, 9, 4, 2), optional=True), torch.float32)
    u, z = torch.cat([made["u"], made["z"]], -1).chunk(2, -1)
    whole = selective_scan(**made, backend="triton")
    assert torch.equal(selective_scan(**(made | {"u": u, "z": z}), backend="triton"), whole)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_one_backward_pass_a_hundred_times(dtype: torch.dtype) -> None:
    """Bit by bit the same: nothing is added in an order that chance decides."""
    shape, repeats = ((1, 6, 5, 4), 1) if INTERPRETING else ((4, 257, 384, 16), 100)
    leaves = {name: x.requires_grad_() for name, x in on_device(stateful(shape), dtype).items()}
    order = permutations(*shape[:2]).to(DEVICE)
    y, final = selective_scan(
        **leaves, delta_softplus=True, order=order, backend="triton", return_final_state=True
    )
    x = causal_conv1d(y, leaves["A"][:, :4], leaves["D"], silu=True, order=order, backend="triton")
    loss = x.float().square().sum() + final.sum()
    first = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True)
    for _ in range(repeats):
        again = torch.autograd.grad(loss, list(leaves.values()), retain_graph=True)
        assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


CONVOLUTIONS = [(1, 1, 4), (19, 5, 4), (3, 20, 1), (18, 2, 7)]  # L, D, taps


@pytest.mark.parametrize("silu", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    ("length", "width", "taps"), CONVOLUTIONS if INTERPRETING else [*CONVOLUTIONS, (1025, 1536, 4)]
)
def test_convolution(length: int, width: int, taps: int, silu: bool, dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(length)
    shapes = {"x": (2, length, width), "weight": (width, taps), "bias": (width,)}
    made = {n: torch.randn(*s, generator=generator, dtype=torch.float64) for n, s in shapes.items()}
    given = {name: x.to(DEVICE, dtype) for name, x in made.items()}
    for order in (permutation(length), permutations(2, length)):
        options: dict[str, Any] = {"silu": silu, "order": order.to(DEVICE)}
        wide = {name: x.double() for name, x in given.items()}
        truth = with_gradients(causal_conv1d, wide, torch.float64, backend="reference", **options)
        results = with_own_gradients(causal_conv1d, given, backend="triton", **options)
        assert_close(results, truth, TOLERANCE[dtype])


@pytest.mark.parametrize("operator", ["scan", "convolution"])
def test_gradients_of_gradients(operator: str) -> None:
    made = stateful((1, 5, 3, 2))
    if operator == "convolution":
        made = {"x": made["u"], "weight": made["A"], "bias": made["D"]}

    def penalty(backend: str, dtype: torch.dtype) -> tuple[Tensor, ...]:
        leaves = {name: x.to(DEVICE, dtype).requires_grad_() for name, x in made.items()}
        if operator == "scan":
            y, final = selective_scan(**leaves, delta_softplus=True, backend=backend, return_final_state=True)
            loss = y.sum() + final.sum()
        else:
            loss = causal_conv1d(**leaves, silu=True, backend=backend).sum()
        grads = torch.autograd.grad(loss, list(leaves.values()), create_graph=True)
        return torch.autograd.grad(sum(grad.square().sum() for grad in grads), list(leaves.values()))

    for grad, right in zip(
        penalty("triton", torch.float32), penalty("reference", torch.float64), strict=True
    ):
        assert (grad.double() - right).norm() <= 1e-4 * right.norm()


@pytest.mark.parametrize("operator", ["scan", "convolution"])
def test_offsets_beyond_32_bits(operator: str) -> None:
    """A sequence whose tokens lie so far apart: 4 GiB of addresses, of which three rows are touched."""
    stride = 2**30
    memory = torch.empty(2 * stride + 16, dtype=torch.float16, device=DEVICE)
    x = memory.as_strided((1, 3, 16), (memory.numel(), stride, 1))
    x.copy_(torch.arange(48).reshape(1, 3, 16) / 10)
    with torch.no_grad():
        if operator == "scan":
            given = on_device(inputs((1, 3, 16, 4), optional=False), torch.float32)
            near = given | {"u": x.contiguous()}
            far = selective_scan(**(given | {"u": x}), delta_softplus=True, backend="triton")
            expected = selective_scan_reference(**near, delta_softplus=True)
        else:
            weight = torch.ones(16, 2, dtype=torch.float16, device=DEVICE)
            far = causal_conv1d(x, weight, backend="triton")
            expected = causal_conv1d(x.contiguous(), weight, backend="reference")
    torch.testing.assert_close(far, expected, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("index", [10**9, -(10**9)])
def test_no_index_leads_out_of_the_tokens(index: int) -> None:
    """On a GPU an order is checked without waiting, so kernels may see one that is wrong."""
    made = on_device(inputs((2, 9, 4, 2), optional=True), torch.float32)
    order = torch.full((9,), index, device=DEVICE)
    leaves = [x.requires_grad_() for x in made.values()]
    y = torch.ops.zigma.triton_scan(*leaves, True, order, None)[0]
    x = torch.ops.zigma.triton_conv(y.nan_to_num(), made["A"], made["D"], True, order)
    grads = torch.autograd.grad(x.nan_to_num().sum(), leaves, allow_unused=True)
    assert grads[0].shape == made["u"].shape


def test_kernels_run_on_the_device_of_their_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not on the current one, which on a machine of several GPUs may be another."""
    chosen: list[tuple[int, ...]] = []
    choose = torch.cuda.device_of

    def choosing(tensor: Tensor) -> Any:
        chosen.append(tensor.shape)
        return choose(tensor)

    monkeypatch.setattr(torch.cuda, "device_of", choosing)
    made = on_device(inputs((2, 9, 5, 3), optional=True), torch.float32)
    u = made["u"].requires_grad_()
    triton_scan.selective_scan(**made, delta_softplus=True).sum().backward()
    triton_conv.causal_conv1d(u, torch.ones(u.shape[2], 4, device=DEVICE)).sum().backward()
    assert chosen == [u.shape] * 4  # forward and back


def test_operators_fit_torch_compile() -> None:
    made = on_device(stateful((1, 6, 3, 2)), torch.float32)
    *given, state = (x.requires_grad_() for x in made.values())
    state = state.detach().transpose(1, 2).contiguous().requires_grad_()
    operator = torch.ops.zigma.triton_scan.default
    checks = ("test_schema", "test_faketensor", "test_autograd_registration")
    order = permutation(6).to(DEVICE)
    torch.library.opcheck(operator, (*given, True, order, state), test_utils=checks)
    values = made["u"], made["A"], made["D"], True, order
    torch.library.opcheck(torch.ops.zigma.triton_conv.default, values, test_utils=checks)
