"""A state that is handed in and out: in every backend the same as one longer scan, with gradients by name."""

import pytest
import torch
from scans import BACKENDS, assert_close, inputs, permutation, permutations, with_gradients
from torch import Tensor

from zigma.ops import selective_scan, selective_scan_reference

SHAPES = [(2, 1, 3, 4), (1, 17, 37, 1), (3, 33, 40, 16), (2, 5, 150, 3), (9, 18, 7, 20), (42, 3, 20, 8)]


def with_state(shape: tuple[int, int, int, int], optional: bool = True) -> dict[str, Tensor]:
    made = inputs(shape, optional)
    generator = torch.Generator().manual_seed(3)
    made["initial_state"] = torch.randn(
        shape[0], shape[2], shape[3], generator=generator, dtype=torch.float64
    )
    return made


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("optional", [False, True])
def test_against_the_reference(backend: str, shape: tuple[int, int, int, int], optional: bool) -> None:
    options = {"delta_softplus": True, "return_final_state": True, "order": permutation(shape[1])}
    made = with_state(shape, optional)
    truth = with_gradients(selective_scan_reference, made, torch.float64, **options)
    results = with_gradients(selective_scan, made, torch.float32, backend=backend, **options)
    assert results["final"].dtype == torch.float32
    assert_close(results, truth)
    weight = torch.linspace(-1, 1, shape[2], dtype=torch.float64)[:, None]
    product = made | {"delta": made["delta"][:, :, :1].clone(), "delta_weight": weight}
    truth = with_gradients(selective_scan_reference, product, torch.float64, **options)
    assert_close(with_gradients(selective_scan, product, torch.float32, backend=backend, **options), truth)


def test_the_reference_is_the_recurrence() -> None:
    made = with_state((2, 3, 4, 5), optional=False)
    made["delta"] = made["delta"].abs()
    y, final = selective_scan_reference(**made, return_final_state=True)
    h = made["initial_state"]
    for t in range(3):
        step = made["delta"][:, t, :, None]
        h = (step * made["A"]).exp() * h + step * made["u"][:, t, :, None] * made["B"][:, t, None]
        torch.testing.assert_close(y[:, t], (h * made["C"][:, t, None]).sum(-1))
    torch.testing.assert_close(final, h)
    assert torch.autograd.gradcheck(
        lambda h: selective_scan_reference(**(made | {"initial_state": h}), return_final_state=True),
        made["initial_state"].requires_grad_(),
    )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cut", [1, 16, 21, 34])
@pytest.mark.parametrize("per_sample", [False, True])
def test_two_scans_in_turn_are_one(backend: str, cut: int, per_sample: bool) -> None:
    length, tokens = 35, ("u", "delta", "B", "C", "z")
    made = with_state((2, length, 19, 4))
    first, second = (permutations(2, n) if per_sample else permutation(n) for n in (cut, length - cut))

    def whole(**given: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.cat([first, second + cut], -1)
        return selective_scan(
            **given, delta_softplus=True, order=order, backend=backend, return_final_state=True
        )

    def in_turn(initial_state: Tensor, **given: Tensor) -> tuple[Tensor, Tensor]:
        outputs, state = [], initial_state
        for part, order in ((slice(None, cut), first), (slice(cut, None), second)):
            cut_out = {name: x[:, part] if name in tokens else x for name, x in given.items()}
            y, state = selective_scan(
                **cut_out, delta_softplus=True, order=order, backend=backend, initial_state=state,
                return_final_state=True,
            )  # fmt: skip
            outputs.append(y)
        return torch.cat(outputs, 1), state

    assert_close(
        with_gradients(in_turn, made, torch.float32), with_gradients(whole, made, torch.float32), 2e-6
    )


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_loss_of_the_final_state_alone(backend: str) -> None:
    made = with_state((2, 18, 20, 3))

    def final(dtype: torch.dtype, backend: str) -> tuple[Tensor, ...]:
        leaves = {name: x.to(dtype).requires_grad_() for name, x in made.items()}
        _, state = selective_scan(**leaves, delta_softplus=True, backend=backend, return_final_state=True)
        needed = [leaves[name] for name in ("u", "delta", "A", "B", "delta_bias", "initial_state")]
        return torch.autograd.grad(state.square().sum(), needed)

    for grad, truth in zip(final(torch.float32, backend), final(torch.float64, "reference"), strict=True):
        torch.testing.assert_close(grad.double(), truth, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_tokens_leave_the_state_as_it_is(backend: str) -> None:
    made = with_state((2, 0, 5, 3))
    results = with_gradients(
        selective_scan, made, torch.float32, delta_softplus=True, backend=backend, return_final_state=True
    )
    assert results["y"].shape == (2, 0, 5)
    assert torch.equal(results["final"], made["initial_state"].float())
    assert (results["A"] == 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_state_stays_wide_for_narrow_inputs(backend: str) -> None:
    made = {name: x.bfloat16() for name, x in with_state((1, 40, 8, 4)).items()}
    y, state = selective_scan(**made, delta_softplus=True, backend=backend, return_final_state=True)
    truth = selective_scan_reference(
        **{n: x.double() for n, x in made.items()}, delta_softplus=True, return_final_state=True
    )
    assert (y.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    assert_close({"y": y, "final": state}, {"y": truth[0]}, 4e-3)
    assert_close({"final": state}, {"final": truth[1]}, 1e-5)


def test_what_does_not_fit_is_refused() -> None:
    made = {name: x.float() for name, x in with_state((1, 3, 4, 2)).items()}
    with pytest.raises(ValueError, match=r"initial_state must be \(batch, D, N\) = \(1, 4, 2\)"):
        selective_scan(**(made | {"initial_state": torch.zeros(1, 2, 4)}))


def test_compiled_whole() -> None:
    made = with_state((2, 9, 6, 3))

    def step(**x: Tensor) -> tuple[Tensor, Tensor]:
        y, state = selective_scan(**x, delta_softplus=True, backend="cpu", return_final_state=True)
        return y * 2, state + 1

    compiled = torch.compile(step, backend="aot_eager", fullgraph=True)
    plain, whole = (with_gradients(f, made, torch.float32) for f in (step, compiled))
    assert_close(whole, plain, 1e-6)
