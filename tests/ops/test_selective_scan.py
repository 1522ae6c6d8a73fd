"""Every backend that runs on a CPU against the float64 reference: outputs and each gradient, by name."""

import subprocess
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scans import BACKENDS, assert_close, inputs, permutation, with_gradients
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from zigma.ops import (
    available_backends,
    causal_conv1d,
    reference,
    resolve_backend,
    selective_scan,
    selective_scan_reference,
)

# batch, L, D, N: one step; odd lengths; sizes that fit no block; longer than a chunk; fewer channels than lanes, in
# several blocks and with states that fit no vector; so many short sequences that the CPU's kernels put some together
SHAPES = [
    (1, 1, 1, 1), (2, 17, 37, 8), (3, 33, 5, 16), (1, 65, 40, 3), (2, 16, 64, 64), (1, 7, 1536, 1),
    (9, 18, 7, 20), (42, 3, 20, 8),
]  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("optional", [False, True])
@pytest.mark.parametrize("ordered", [False, True])
def test_scan(backend: str, shape: tuple[int, int, int, int], optional: bool, ordered: bool) -> None:
    made, order = inputs(shape, optional), permutation(shape[1]) if ordered else None
    truth = with_gradients(selective_scan_reference, made, torch.float64, delta_softplus=True, order=order)
    results = with_gradients(
        selective_scan, made, torch.float32, delta_softplus=True, order=order, backend=backend
    )
    assert_close(results, truth)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("shape", "rank"), zip(SHAPES, (1, 4, 7, 16, 17, 3, 2, 5), strict=True))
@pytest.mark.parametrize("optional", [False, True])
def test_steps_that_come_as_a_product(
    backend: str, shape: tuple[int, int, int, int], rank: int, optional: bool
) -> None:
    """Of few inner features and of more than a kernel takes itself."""
    made, order = inputs(shape, optional), permutation(shape[1])
    generator = torch.Generator().manual_seed(rank)
    made["delta"] = torch.randn(*shape[:2], rank, generator=generator, dtype=torch.float64)
    made["delta_weight"] = torch.randn(shape[2], rank, generator=generator, dtype=torch.float64) / rank

    def multiplied_first(delta: Tensor, delta_weight: Tensor, **others: Any) -> Tensor:
        return selective_scan_reference(delta=delta @ delta_weight.T, **others)

    truth = with_gradients(multiplied_first, made, torch.float64, delta_softplus=True, order=order)
    results = with_gradients(
        selective_scan, made, torch.float32, delta_softplus=True, order=order, backend=backend
    )
    assert_close(results, truth)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("rank", [4, 48])
def test_steps_and_their_weights_may_differ_in_width(backend: str, rank: int) -> None:
    """As any other two inputs may, whoever multiplies them."""
    made = {name: value.float() for name, value in inputs((1, 5, 6, 2), optional=False).items()}
    narrow, weight = torch.randn(1, 5, rank).bfloat16(), torch.randn(6, rank)
    truth = selective_scan_reference(**(made | {"delta": narrow.float() @ weight.T}), delta_softplus=True)
    results = selective_scan(
        **(made | {"delta": narrow}), delta_weight=weight, delta_softplus=True, backend=backend
    )
    torch.testing.assert_close(results, truth, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rank", [4, 48])
def test_who_watches_sees_the_product_of_the_steps(rank: int) -> None:
    """A count of operations, for one: it is no less a product because the kernels of the CPU may make it."""
    made = {name: value.float() for name, value in inputs((1, 5, 6, 2), optional=False).items()}
    generator = torch.Generator().manual_seed(rank)
    product = {
        "delta": torch.randn(1, 5, rank, generator=generator),
        "delta_weight": torch.randn(6, rank, generator=generator) / rank,
    }
    plain = selective_scan(**(made | product), delta_softplus=True, backend="cpu")
    with FlopCounterMode(display=False) as counter:
        seen = selective_scan(**(made | product), delta_softplus=True, backend="cpu")
    assert counter.get_total_flops() == 2 * 5 * 6 * rank
    torch.testing.assert_close(seen, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("step", [-25.0, -8.0, 20.0, 80.0])
def test_very_small_and_very_large_steps(backend: str, step: float) -> None:
    made = inputs((1, 37, 6, 16), optional=True, step=step)
    truth = with_gradients(selective_scan_reference, made, torch.float64, delta_softplus=True)
    results = with_gradients(selective_scan, made, torch.float32, delta_softplus=True, backend=backend)
    if step >= 20:  # states forget at once, and these gradients are differences of exponentials near zero
        truth = {name: value for name, value in truth.items() if name != "A"}
    assert_close(results, truth)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("gate", [-1000.0, -90.0, -30.0, 30.0, 1000.0])
def test_gates_that_are_shut_and_open(backend: str, gate: float) -> None:
    made = inputs((2, 19, 20, 4), optional=True)
    made["z"][:, ::2] += gate  # beside gates of a common size, whose gradients must not suffer
    truth = with_gradients(selective_scan_reference, made, torch.float64, delta_softplus=True)
    results = with_gradients(selective_scan, made, torch.float32, delta_softplus=True, backend=backend)
    assert_close(results, truth)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("absent", ["D", "z", "delta_bias"])
def test_without_one_of_the_optional_inputs(backend: str, absent: str) -> None:
    made = inputs((2, 18, 35, 3), optional=True)
    del made[absent]
    for softplus in (False, True):
        if not softplus:
            made |= {name: made[name].abs() for name in ("delta", "delta_bias") if name in made}
        truth = with_gradients(selective_scan_reference, made, torch.float64, delta_softplus=softplus)
        results = with_gradients(
            selective_scan, made, torch.float32, delta_softplus=softplus, backend=backend
        )
        assert_close(results, truth)


@pytest.mark.parametrize("backend", BACKENDS)
def test_rows_that_are_parts_of_wider_rows(backend: str) -> None:
    """As the halves of a projection are; nothing beside them is read or written."""
    made = {name: value.float() for name, value in inputs((2, 21, 37, 5), optional=True).items()}
    whole = with_gradients(selective_scan, made, torch.float32, delta_softplus=True, backend=backend)
    parts: dict[str, Tensor] = {}
    for name, value in made.items():
        wide = torch.full((*value.shape[:-1], value.shape[-1] + 11), float("nan"))
        wide[..., 3:-8] = value
        parts[name] = wide[..., 3:-8].requires_grad_()
    y = selective_scan(**parts, delta_softplus=True, backend=backend)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).bfloat16().float()
    apart = torch.autograd.grad((y * weights).sum(), list(parts.values()))
    assert_close(dict(zip(("y", *parts), (y, *apart), strict=True)), whole, 1e-6)
    transposed = made | {name: made[name].transpose(1, 2).contiguous().transpose(1, 2) for name in ("u", "B")}
    assert_close(
        {"y": selective_scan(**transposed, delta_softplus=True, backend=backend)}, {"y": y.detach()}, 1e-6
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_order_is_gather_scan_scatter(backend: str) -> None:
    made = {name: value.float() for name, value in inputs((2, 21, 5, 4), optional=True).items()}
    order = permutation(21)
    gathered = made | {name: made[name][:, order] for name in ("u", "delta", "B", "C", "z")}
    expected = torch.zeros(2, 21, 5)
    expected[:, order] = selective_scan(**gathered, delta_softplus=True, backend=backend)
    results = selective_scan(**made, delta_softplus=True, order=order, backend=backend)
    torch.testing.assert_close(results, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("silu", [False, True])
@pytest.mark.parametrize(("length", "width", "taps"), [(1, 3, 4), (3, 37, 4), (19, 600, 4), (8, 2, 1)])
def test_convolution(backend: str, silu: bool, length: int, width: int, taps: int) -> None:
    generator = torch.Generator().manual_seed(length)
    made = {
        "x": torch.randn(2, length, width, generator=generator, dtype=torch.float64),
        "weight": torch.randn(width, taps, generator=generator, dtype=torch.float64),
        "bias": torch.randn(width, generator=generator, dtype=torch.float64),
    }
    order = permutation(length)
    truth = with_gradients(reference.causal_conv1d, made, torch.float64, silu=silu, order=order)
    results = with_gradients(causal_conv1d, made, torch.float32, silu=silu, order=order, backend=backend)
    assert_close(results, truth)
    padded = torch.nn.functional.pad(made["x"][:, order].transpose(1, 2), (taps - 1, 0))
    plain = torch.nn.functional.conv1d(padded, made["weight"][:, None], made["bias"], groups=width).transpose(
        1, 2
    )
    plain = torch.nn.functional.silu(plain) if silu else plain
    assert torch.allclose(truth["y"][:, order], plain)


@pytest.mark.parametrize("backend", BACKENDS)
def test_convolution_of_rows_that_are_parts_of_wider_rows(backend: str) -> None:
    generator = torch.Generator().manual_seed(0)
    wide, weight, dy = (torch.randn(*s, generator=generator) for s in ((2, 9, 50), (21, 4), (2, 9, 50)))
    results = []
    for x, gradient in ((wide[..., 5:26], dy[..., 7:28]), (wide[..., 5:26].clone(), dy[..., 7:28].clone())):
        leaf = x.detach().requires_grad_()
        y = causal_conv1d(leaf, weight, silu=True, backend=backend)
        results.append((y, *torch.autograd.grad(y, leaf, gradient)))
    for actual, expected in zip(*results, strict=True):
        assert torch.allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_the_reference_passes_gradcheck() -> None:
    made = [value.requires_grad_() for value in inputs((1, 4, 3, 2), optional=True).values()]
    u, delta, A, B, C, D, z, bias = made
    assert torch.autograd.gradcheck(
        lambda *x: selective_scan_reference(*x, delta_softplus=True, order=permutation(4)),
        (u, delta, A, B, C, D, z, bias),
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_not_a_number_is_passed_on(backend: str) -> None:
    made = {name: value.float() for name, value in inputs((1, 9, 3, 4), optional=False).items()}
    made["delta"][0, 4, 1] = float("nan")
    y = selective_scan(**made, backend=backend)
    assert torch.isnan(y[0, 4:, 1]).all()
    assert torch.isfinite(y[0, :4]).all()


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("shape", [(3, 20, 300, 4), (8, 600, 7, 16), (700, 2, 100, 4)])
def test_results_do_not_depend_on_the_threads(shape: tuple[int, int, int, int], threads: int) -> None:
    before = torch.get_num_threads()
    made = inputs(shape, optional=True)
    try:
        torch.set_num_threads(1)
        alone = with_gradients(selective_scan, made, torch.float32, delta_softplus=True, backend="cpu")
        torch.set_num_threads(threads)
        together = with_gradients(selective_scan, made, torch.float32, delta_softplus=True, backend="cpu")
    finally:
        torch.set_num_threads(before)
    for name, value in alone.items():
        assert torch.equal(value, together[name]), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_narrow_inputs_keep_a_wide_state(backend: str) -> None:
    made = inputs((1, 40, 8, 4), optional=True)
    narrow = {name: value.bfloat16() for name, value in made.items()}
    results = selective_scan(**narrow, delta_softplus=True, backend=backend)
    truth = selective_scan_reference(**{n: v.double() for n, v in narrow.items()}, delta_softplus=True)
    assert results.dtype == torch.bfloat16
    # half a unit of bfloat16's last place
    assert float((results.double() - truth).norm() / truth.norm()) < 4e-3


def test_the_adapter_of_mamba_ssm_lays_its_inputs_out_as_the_kernel_wants(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zigma.ops import mamba_ssm

    def kernel(
        u: Tensor, delta: Tensor, A: Tensor, B: Tensor, C: Tensor, D: Any, z: Any, bias: Any, plus: bool
    ) -> Tensor:
        assert all(x.is_contiguous() for x in (u, delta, B, C))
        back = [None if x is None else x.transpose(1, 2) for x in (u, delta, B, C, z)]
        y = selective_scan_reference(back[0], back[1], A, back[2], back[3], D, back[4], bias, plus)
        return y.transpose(1, 2)

    module = ModuleType("mamba_ssm.ops.selective_scan_interface")
    module.selective_scan_fn = kernel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mamba_ssm", ModuleType("mamba_ssm"))
    monkeypatch.setitem(sys.modules, "mamba_ssm.ops", ModuleType("mamba_ssm.ops"))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    made = {name: value.float() for name, value in inputs((2, 11, 6, 4), optional=True).items()}
    results = mamba_ssm.selective_scan(**made, delta_softplus=True, order=permutation(11))
    assert torch.allclose(
        results, selective_scan_reference(**made, delta_softplus=True, order=permutation(11))
    )


def test_a_missing_backend_is_refused_with_the_way_to_install_it() -> None:
    reasons = available_backends()
    assert reasons["reference"] is None
    assert reasons["cpu"] is None
    if reasons["mamba-ssm"] is not None:
        with pytest.raises(ValueError, match="pip install"):
            resolve_backend("mamba-ssm", "cpu")
    with pytest.raises(ValueError, match="did you mean 'cpu'"):
        resolve_backend("cpuu", "cpu")
    with pytest.raises(ValueError, match="float64"):
        resolve_backend("cpu", "cpu", torch.float64)
    assert resolve_backend(None, "cpu", torch.float64) == "torch"


def test_without_numba_the_torch_backend_takes_its_place_aloud() -> None:
    code = (
        "import sys; sys.modules['numba'] = None; import torch; from zigma.ops import resolve_backend; "
        "assert resolve_backend(None, 'cpu') == 'torch'"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "backend torch" in done.stderr
    assert "pip install numba" in done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"B": torch.zeros(1, 5, 3)}, "B must be"),
        ({"A": torch.zeros(4)}, "A must be"),
        ({"u": np.zeros((1, 5, 4))}, r"u must be a tensor \(batch, L, D\), not ndarray"),
        ({"delta": None}, "delta must be a tensor"),
        ({"D": 3.0}, r"D must be a tensor \(D,\), not float"),
        ({"order": torch.tensor([0, 1, 2, 3, 3])}, "more than once"),
        ({"order": torch.tensor([0, 1, 2, 3, 5])}, "outside 0..4"),
        ({"order": torch.arange(4)}, "order must be int64"),
        ({"delta_weight": torch.zeros(4)}, r"delta_weight must be \(D, R\)"),
        ({"delta_weight": torch.zeros(3, 4)}, "delta_weight must be"),
        ({"delta_weight": torch.zeros(4, 3)}, r"delta must be \(batch, L, R\)"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], says: str) -> None:
    made: dict[str, Any] = {
        name: value.float() for name, value in inputs((1, 5, 4, 2), optional=False).items()
    }
    with pytest.raises(ValueError, match=says) as caught:
        selective_scan(**(made | change))
    assert "\n" not in str(caught.value)


def test_an_order_that_was_changed_is_looked_at_again() -> None:
    made = {name: value.float() for name, value in inputs((1, 5, 4, 2), optional=False).items()}
    order = torch.arange(5)
    for _ in range(2):
        selective_scan(**made, order=order)
    order[0] = 7
    with pytest.raises(ValueError, match="outside 0"):
        selective_scan(**made, order=order)
    with torch.inference_mode(), pytest.raises(ValueError, match="more than once"):
        selective_scan(**made, order=torch.zeros(5, dtype=torch.int64))


def test_compiled_whole() -> None:
    made = inputs((1, 8, 4, 2), optional=True)
    order = permutation(8)

    def step(**x: Tensor) -> Tensor:
        return selective_scan(**x, delta_softplus=True, order=order, backend="cpu") * 2

    compiled = torch.compile(step, backend="aot_eager", fullgraph=True)
    plain, whole = (with_gradients(f, made, torch.float32) for f in (step, compiled))
    for name, value in plain.items():
        assert torch.allclose(value, whole[name], atol=1e-6), name
