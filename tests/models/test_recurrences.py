"""Recurrences in chunks against the same step by step, every gradient included, and against closed forms."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.models.mixers.mamba2 import state_space_dual
from zigma.models.mixers.mlstm import mlstm, mlstm_reference
from zigma.models.mixers.recurrences import (
    decayed_attention_in_chunks,
    decayed_attention_reference,
    gated_delta_rule_in_chunks,
    gated_delta_rule_reference,
)
from zigma.ops import selective_scan_reference

LENGTHS = [1, 2, 15, 16, 17, 50]


def inputs(length: int, decays: int = 4, heads: int = 3, keys: int = 4, values: int = 5) -> dict[str, Tensor]:
    torch.manual_seed(length)
    shapes = {"q": keys, "k": keys, "v": values, "log_decay": decays}
    made = {n: torch.randn(2, length, heads, w, dtype=torch.float64) for n, w in shapes.items()}
    made["log_decay"] = -F.softplus(made["log_decay"])
    return made


def same(
    one: Callable[..., Tensor], other: Callable[..., Tensor], values: dict[str, Tensor], **options: Any
) -> None:
    """The same outputs and the same gradients of every input, by name."""
    results = []
    for function in (one, other):
        leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
        out = function(**leaves, **(options if function is one else {}))
        weights = torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view_as(out)
        # with one step there is no decay
        gradients = torch.autograd.grad(
            (out * weights).sum(), list(leaves.values()), allow_unused=True, materialize_grads=True
        )
        results.append({"out": out} | dict(zip(leaves, gradients, strict=True)))
    for name in results[0]:
        assert torch.allclose(results[0][name], results[1][name], rtol=1e-8, atol=1e-10), name


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("decays", [1, 4])
@pytest.mark.parametrize("with_bonus", [False, True])
def test_decayed_attention_in_chunks(length: int, decays: int, with_bonus: bool) -> None:
    values = inputs(length, decays)
    if with_bonus:
        values["bonus"] = torch.randn(3, 4, dtype=torch.float64)
    same(decayed_attention_in_chunks, decayed_attention_reference, values, chunk=16)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_gated_delta_rule_in_chunks(length: int) -> None:
    values = inputs(length, 1)
    values["k"] = F.normalize(values["k"], dim=-1)
    values["beta"] = torch.rand(2, length, 3, 1, dtype=torch.float64)
    same(gated_delta_rule_in_chunks, gated_delta_rule_reference, values, chunk=16)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", [1.0, 200.0])  # exp(200) overflows float32, its square float64
def test_the_mlstm_at_once(length: int, size: float) -> None:
    values = {name: value for name, value in inputs(length, values=4).items() if name != "log_decay"}
    values["log_input"] = size * torch.randn(2, length, 3, dtype=torch.float64)
    values["log_forget"] = F.logsigmoid(torch.randn(2, length, 3, dtype=torch.float64))
    same(mlstm, mlstm_reference, values, chunk=16)


def test_chunks_equal_steps_in_single_precision() -> None:
    """Of the lengths, widths and gates that networks have: mLSTM and HGRN2."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 257, 4, 16) for _ in range(3))
    gates = {"log_input": torch.randn(2, 257, 4), "log_forget": F.logsigmoid(3 + torch.randn(2, 257, 4))}
    expected = mlstm_reference(q, k, v, **gates)
    assert (mlstm(q, k, v, **gates) - expected).abs().max() < 1e-5 * expected.abs().max()
    log_forget = F.logsigmoid(3 + torch.randn(2, 257, 4, 16))
    expected = decayed_attention_reference(q, -log_forget.expm1(), v, log_forget)
    chunked = decayed_attention_in_chunks(q, -log_forget.expm1(), v, log_forget)
    assert (chunked - expected).abs().max() < 1e-5 * expected.abs().max()


def test_an_mlstm_that_writes_nothing_for_a_whole_chunk_keeps_its_memory() -> None:
    """A gate of exp(-1e4) leaves the stabiliser to what came before."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 40, 2, 4, dtype=torch.float64) for _ in range(3))
    log_input = torch.zeros(1, 40, 2, dtype=torch.float64)
    log_input[:, 8:32] = -1e4
    log_forget = torch.full_like(log_input, -0.1)
    expected = mlstm_reference(q, k, v, log_input, log_forget)
    assert torch.allclose(mlstm(q, k, v, log_input, log_forget, chunk=8), expected)


def test_decay_that_leaves_nothing_gives_no_nan() -> None:
    values = inputs(40, 4)
    values["log_decay"] = values["log_decay"] * 1e4
    values = {name: value.float().requires_grad_() for name, value in values.items()}
    out = decayed_attention_in_chunks(**values)
    out.sum().backward()
    assert all(torch.isfinite(value.grad).all() for value in values.values() if value.grad is not None)
    alone = (values["q"] * values["k"]).sum(-1, keepdim=True) * values["v"]  # each step sees itself alone
    assert torch.allclose(out, alone, atol=1e-5)


@pytest.mark.parametrize("decays", [1, 4])
@pytest.mark.parametrize("with_bonus", [False, True])
@pytest.mark.parametrize("reset", [-1e4, -torch.inf])
def test_what_follows_a_reset_keeps_its_digits(decays: int, with_bonus: bool, reset: float) -> None:
    """Now and then all is forgotten: the logarithm of that, summed up with the next ones, would swallow them."""
    values = inputs(70, decays)
    values["log_decay"][torch.rand_like(values["log_decay"]) < 0.2] = reset
    if with_bonus:
        values["bonus"] = torch.randn(3, 4, dtype=torch.float64)
    expected = decayed_attention_reference(**values)
    single = decayed_attention_in_chunks(**{name: value.float() for name, value in values.items()})
    assert (single - expected).abs().max() < 1e-4 * expected.abs().max()
    if decays == 1 and not with_bonus:
        values["beta"] = torch.rand(2, 70, 3, 1, dtype=torch.float64)
        values["k"] = F.normalize(values["k"], dim=-1)
        expected = gated_delta_rule_reference(**values)
        single = gated_delta_rule_in_chunks(**{name: value.float() for name, value in values.items()})
        assert (single - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("reset", [-1e4, -1e6, -torch.inf])
def test_what_follows_a_reset_of_an_mlstm_keeps_its_digits(reset: float) -> None:
    """Its gradients as well: in single precision against step by step in double."""
    torch.manual_seed(0)
    values = {name: torch.randn(2, 70, 3, 4, dtype=torch.float64) for name in "qkv"}
    values["log_input"] = torch.randn(2, 70, 3, dtype=torch.float64)
    values["log_forget"] = F.logsigmoid(3 + torch.randn(2, 70, 3, dtype=torch.float64))
    values["log_forget"][:, [3, 20, 66]] = reset
    results = []
    for function, dtype in ((mlstm, torch.float32), (mlstm_reference, torch.float64)):
        leaves = {name: value.to(dtype).requires_grad_() for name, value in values.items()}
        out = function(**leaves)
        weights = torch.linspace(-1, 1, out.numel(), dtype=dtype).view_as(out)
        gradients = torch.autograd.grad((out * weights).sum(), list(leaves.values()))
        results.append({"out": out} | dict(zip(leaves, gradients, strict=True)))
    for name, expected in results[1].items():
        assert (results[0][name] - expected).abs().max() < 1e-5 * expected.abs().max(), name


def test_a_large_input_gate_outlives_a_tiny_forget_gate() -> None:
    """exp(200) exp(-150) is more than what a gate of 1 writes afterwards, and less than one of exp(60) does."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 6, 2, 4, dtype=torch.float64) for _ in range(3))
    log_input, log_forget = torch.zeros(1, 6, 2).double(), torch.full((1, 6, 2), -0.1).double()
    log_input[:, 1], log_forget[:, 2], log_input[:, 4] = 200.0, -150.0, 60.0
    expected = mlstm_reference(q, k, v, log_input, log_forget)
    single = mlstm(*(each.float() for each in (q, k, v, log_input, log_forget)))
    assert (single - expected).abs().max() < 1e-4 * expected.abs().max()


@pytest.mark.parametrize("function", [mlstm, mlstm_reference])
@pytest.mark.parametrize("log_input", [-90.0, 120.0, 300.0])  # exp of each is zero or infinite in float32
def test_an_mlstm_that_writes_almost_nothing_or_a_lot_has_gradients(
    function: Callable[..., Tensor], log_input: float
) -> None:
    """Of a length that fills no chunk, with queries of zeros."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 67, 2, 4) for _ in range(3))
    q[:, 5] = 0
    gates = torch.full((1, 67, 2), log_input), F.logsigmoid(torch.randn(1, 67, 2))
    leaves = [each.requires_grad_() for each in (q, k, v, *gates)]
    out = function(*leaves)
    gradients = torch.autograd.grad(out.sum(), leaves)
    assert all(torch.isfinite(each).all() for each in (out, *gradients))
    assert not out[:, 5].any()


def test_mamba_2_is_mambas_scan_with_one_decay_a_head() -> None:
    torch.manual_seed(0)
    batch, length, heads, width, state = 2, 70, 3, 4, 5
    x = torch.randn(batch, length, heads, width, dtype=torch.float64)
    step = torch.rand(batch, length, heads, dtype=torch.float64)
    A = -torch.rand(heads, dtype=torch.float64)
    B, C = (torch.randn(batch, length, state, dtype=torch.float64) for _ in range(2))
    channels = A.repeat_interleave(width)[:, None].expand(-1, state)
    expected = selective_scan_reference(x.flatten(2), step.repeat_interleave(width, dim=2), channels, B, C)
    assert torch.allclose(state_space_dual(x, step, A, B, C).flatten(2), expected)


def test_the_delta_rule_replaces_what_a_key_holds() -> None:
    """Written without forgetting under orthonormal keys, a value is recalled whole; written again, it is replaced."""
    keys = torch.eye(4, dtype=torch.float64)[[0, 1, 2, 1, 1]]
    values = torch.randn(5, 3, dtype=torch.float64)
    queries = torch.eye(4, dtype=torch.float64)[[0, 0, 2, 1, 0]]
    ones = torch.ones(1, 5, 1, 1, dtype=torch.float64)
    out = gated_delta_rule_in_chunks(
        queries[None, :, None], keys[None, :, None], values[None, :, None], 0 * ones, ones, chunk=2
    )
    assert torch.allclose(out[0, :, 0], values[[0, 0, 2, 3, 0]])


@pytest.mark.parametrize("function", [decayed_attention_in_chunks, gated_delta_rule_in_chunks])
def test_states_stay_wide_under_autocast(function: Callable[..., Tensor]) -> None:
    values = {name: value.float() for name, value in inputs(50, 1).items()}
    if function is gated_delta_rule_in_chunks:
        values["beta"] = torch.full((2, 50, 3, 1), 0.5)
        values["k"] = F.normalize(values["k"], dim=-1)
    expected = function(**values)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(function(**values), expected)
