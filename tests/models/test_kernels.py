"""flash-linear-attention's kernels for the recurrences: what they are given and, on a GPU, what they give."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.models.mixers import kernels, recurrences

CASES = ["keys", "heads", "bonus", "delta"]
REFERENCES = {
    "delta": recurrences.gated_delta_rule_reference,
    **dict.fromkeys(CASES[:3], recurrences.decayed_attention_reference),
}
BY_KERNEL: dict[str, Callable[..., Tensor]] = {
    "delta": kernels.gated_delta_rule,
    **dict.fromkeys(CASES[:3], kernels.decayed_attention),
}


def inputs(
    case: str, length: int, keys: int = 16, values: int = 32, device: str = "cpu"
) -> dict[str, Tensor]:
    torch.manual_seed(length)
    heads = 2
    widths = {"q": keys, "k": keys, "v": values, "log_decay": keys if case in ("keys", "bonus") else 1}
    made = {name: torch.randn(2, length, heads, width) for name, width in widths.items()}
    made["log_decay"] = F.logsigmoid(made["log_decay"])
    if case == "delta":
        made["k"] = F.normalize(made["k"], dim=-1)
        made["beta"] = torch.rand(2, length, heads, 1)
    else:
        made["bonus"] = torch.randn(heads, keys)
    return {name: value.to(device) for name, value in made.items()}


def arguments(case: str, values: dict[str, Tensor]) -> list[Tensor | None]:
    """Without the bonus, but where the case has one."""
    return [value if name != "bonus" or case == "bonus" else None for name, value in values.items()]


# The library's functions as its documentation has them: gates of heads are (B, L, H), a scale multiplies the queries.
def chunk_gla(q: Tensor, k: Tensor, v: Tensor, g: Tensor, scale: float) -> tuple[Tensor, None]:
    assert g.shape == k.shape
    assert g.dtype == torch.float32
    return recurrences.decayed_attention_reference(q * scale, k, v, g), None


def chunk_simple_gla(q: Tensor, k: Tensor, v: Tensor, g: Tensor, scale: float) -> tuple[Tensor, None]:
    assert g.shape == k.shape[:3]
    assert g.dtype == torch.float32
    return recurrences.decayed_attention_reference(q * scale, k, v, g[..., None]), None


def chunk_rwkv6(r: Tensor, k: Tensor, v: Tensor, w: Tensor, u: Tensor, scale: float) -> tuple[Tensor, None]:
    assert w.shape == k.shape
    assert u.shape == k.shape[2:]
    return recurrences.decayed_attention_reference(r * scale, k, v, w, u), None


def chunk_gated_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, g: Tensor, beta: Tensor, scale: float
) -> tuple[Tensor, None]:
    assert g.shape == beta.shape == k.shape[:3]
    return recurrences.gated_delta_rule_reference(q * scale, k, v, g[..., None], beta[..., None]), None


LIBRARY = (chunk_gla, chunk_simple_gla, chunk_rwkv6, chunk_gated_delta_rule)


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The kernels as the functions above; what was called, and with q, k and v of which dtypes."""
    calls: list[Any] = []

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def called(*tensors: Tensor, **options: Any) -> Any:
            assert all(tensor.is_contiguous() for tensor in tensors[:3])
            calls.append((function.__name__, {tensor.dtype for tensor in tensors[:3]}))
            return function(*tensors, **options)

        return called

    monkeypatch.setattr(kernels, "kernels", lambda: {each.__name__: noted(each) for each in LIBRARY})
    return calls


@pytest.mark.parametrize("case", CASES)
def test_each_recurrence_has_its_kernel(library: list[Any], case: str) -> None:
    values = inputs(case, 7)
    expected = REFERENCES[case](*arguments(case, values))
    assert torch.allclose(BY_KERNEL[case](*arguments(case, values)), expected, atol=1e-5)
    assert library[0][0] == dict(zip(CASES, [f.__name__ for f in LIBRARY], strict=True))[case]


@pytest.mark.parametrize("case", CASES)
def test_under_autocast_products_are_of_half_precision_and_gates_are_not(
    library: list[Any], case: str
) -> None:
    values = inputs(case, 7)
    with torch.autocast("cpu", torch.bfloat16):
        out = BY_KERNEL[case](*arguments(case, values))
    assert library[0][1] == {torch.bfloat16}
    assert out.dtype == torch.float32


def test_a_decay_below_the_smallest_number_stays_finite(library: list[Any]) -> None:
    values = inputs("keys", 5) | {"log_decay": torch.full((2, 5, 2, 16), -torch.inf)}
    assert torch.isfinite(kernels.decayed_attention(*arguments("keys", values))).all()


def test_without_a_gpu_nothing_is_asked_of_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "kernels", lambda: pytest.fail("looked for the library"))
    q, k, v, log_decay, _ = inputs("keys", 5).values()
    recurrences.decayed_attention(q, k, v, log_decay)


@pytest.mark.gpu
@pytest.mark.parametrize("length", [1, 63, 200])
@pytest.mark.parametrize("case", CASES)
def test_kernels_equal_the_reference_and_every_gradient(case: str, length: int) -> None:
    pytest.importorskip("fla")
    values = inputs(case, length, keys=32, values=64, device="cuda")
    results = []
    for function in (BY_KERNEL[case], REFERENCES[case]):
        leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
        out = function(*arguments(case, leaves))
        out.square().sum().backward()
        results.append({"out": out.detach()} | {name: leaf.grad for name, leaf in leaves.items()})
    for name, expected in results[1].items():
        if expected is not None:  # the bonus where there is none, the decay of a single step
            assert (results[0][name] - expected).abs().max() < 1e-2 * expected.abs().max() + 1e-6, name


@pytest.mark.gpu
def test_the_library_takes_what_it_is_given() -> None:
    pytest.importorskip("fla")
    functions = kernels.kernels()
    assert functions is not None
    for stand_in in LIBRARY:
        names = list(inspect.signature(functions[stand_in.__name__]).parameters)
        *by_position, scale = inspect.signature(stand_in).parameters
        assert names[: len(by_position)] == by_position
        assert scale in names
