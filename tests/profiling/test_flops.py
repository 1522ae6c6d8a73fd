from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from zigma.models import DiT, ZigMa
from zigma.models.mixers import build_mixer
from zigma.models.mixers.mlstm import mlstm
from zigma.models.specs import GatedDeltaNetSpec, GatedLinearAttentionSpec
from zigma.ops import resolve_backend, selective_scan
from zigma.profiling import count_flops
from zigma.scans import scan_plan


class Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return F.scaled_dot_product_attention(q, k, v)


def test_attention_counts_only_in_everything() -> None:
    x = torch.randn(2, 5, 8)
    counted = count_flops(Attention(8), x)
    assert counted.as_the_paper == 2 * 5 * 8 * 24
    assert counted.everything - counted.as_the_paper == 2 * (2 * 5 * 5 * 8)


def zigma() -> tuple[ZigMa, Tensor, Tensor]:
    return ZigMa(grid=(4, 6), in_channels=3, hidden=16, depth=2), torch.randn(2, 3, 4, 6), torch.rand(2)


def test_the_scan_and_its_convolution_by_hand() -> None:
    counted = count_flops(*zigma())
    tokens, inner, states = 2 * 24, 32, 16
    scan, convolution = 2 * tokens * inner * (4 * states + 3), 2 * tokens * inner * 4
    assert counted.everything - counted.as_the_paper == scan + convolution


def test_gated_delta_net_by_hand() -> None:
    """Per chunk of 64 tokens and head: the scores of keys and of queries, the system, what is read and written."""
    spec = GatedDeltaNetSpec(heads=2)
    mixer = build_mixer(16, scan_plan("sweep", (8, 16), 1)[0], spec)
    counted = count_flops(mixer, torch.randn(3, 128, 16)).by_operator
    chunks, steps, keys, values = 3 * 2 * 2, 64, 6, 12
    assert counted["linalg_solve_triangular"] == chunks * steps * (steps - 1) // 2 * (keys + values)
    across = steps * keys * values  # through the state: forgotten, read, written
    products = 2 * steps * steps * keys + steps * steps * values + 3 * across
    assert counted["matmul"] == chunks * products - 3 * 2 * across  # nobody reads the last state


def test_gated_linear_attention_is_counted_as_the_chunks_of_hgrn_2_are() -> None:
    """Step by step nothing of its recurrence is a product that fvcore counts."""
    (layer,), x = scan_plan("sweep", (8, 16), 1), torch.randn(3, 128, 16)
    mixer = build_mixer(16, layer, GatedLinearAttentionSpec(heads=2))
    counted = count_flops(mixer, x).by_operator
    chunks, steps, keys, values = 3 * 2 * 8, 16, 4, 8
    across = steps * keys * values  # read and written through the state
    assert counted["matmul"] == chunks * (steps * steps * values + 2 * across) - 3 * 2 * across
    assert count_flops(mixer, x).everything > counted["linear"] + counted["matmul"]  # and the scores


class Remembering(nn.Module):
    def forward(self, *inputs: Tensor) -> Tensor:
        return mlstm(*inputs)


def test_the_mlstm_by_hand() -> None:
    """Per chunk of 64 tokens and head: scores, what they weigh, what is read of the memory and what is written."""
    tokens, gates = torch.randn(3, 128, 2, 8), torch.randn(3, 128, 2)
    counted = count_flops(Remembering(), tokens, tokens, tokens, gates, gates).by_operator
    chunks, steps, keys, values = 3 * 2 * 2, 64, 8, 8 + 1
    across = steps * keys * values
    products = steps * steps * (keys + values) + 2 * across
    assert counted["matmul"] == chunks * products - 3 * 2 * across  # nobody reads the last memory


def test_matrix_products_agree_with_torchs_counter() -> None:
    model, *inputs = zigma()
    by_operator = count_flops(model, *inputs).by_operator
    products = sum(by_operator.get(name, 0) for name in ("linear", "conv", "matmul", "bmm", "addmm"))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model.eval()(*inputs)
    assert products == counter.get_total_flops() // 2  # it counts a multiply-add as two


def test_the_count_does_not_depend_on_the_users_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    model, *inputs = zigma()
    expected = count_flops(model, *inputs)
    monkeypatch.setenv("ZIGMA_SCAN_BACKEND", "reference")
    assert count_flops(model, *inputs) == expected
    assert model.training


class OwnScan(nn.Module):
    def __init__(self, backend: str | None) -> None:
        super().__init__()
        self.backend = backend

    def forward(self, u: Tensor) -> Tensor:
        B = torch.ones(*u.shape[:2], 4)
        return selective_scan(u, u, -torch.ones(u.shape[2], 4), B, B, backend=self.backend)


@pytest.mark.parametrize("backend", [None, "torch", "reference"])
def test_a_scan_counts_whatever_backend_its_call_names(backend: str | None) -> None:
    x = torch.randn(1, 8, 16)
    assert count_flops(OwnScan(backend), x).everything == 8 * 16 * (4 * 4 + 3)
    assert resolve_backend("torch", "cpu") == "torch"  # as before the count


def test_torchs_fused_layer_of_attention_counts_as_its_parts() -> None:
    counted = count_flops(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), torch.randn(2, 3, 8))
    assert counted.by_operator["linear"] == 2 * 3 * (4 * 8 * 8 + 2 * 8 * 16)
    assert counted.by_operator["scaled_dot_product_attention"] == 2 * (2 * 3 * 3 * 8)
    assert not counted.uncounted
    assert torch.backends.mha.get_fastpath_enabled()


class Spectrum(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.fft.fft(x).abs().softmax(-1)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return 2 * x


class OwnFunction(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return Doubled.apply(x)  # type: ignore[no-any-return, no-untyped-call]


def test_operators_that_may_cost_much_and_count_as_nothing_are_told() -> None:
    assert count_flops(nn.LSTM(8, 8), torch.randn(2, 3, 8)).uncounted == {"aten::lstm": 1}
    assert count_flops(Spectrum(), torch.randn(2, 8)).uncounted == {"aten::fft_fft": 1}
    assert count_flops(OwnFunction(), torch.randn(2, 8)).uncounted == {"prim::PythonOp.Doubled": 1}


@pytest.mark.parametrize("mixer", ["mamba", "mamba-2", "gated-delta-net", "hgrn-2", "mlstm", "rwkv-6"])
def test_of_our_networks_nothing_is_left_out(mixer: str) -> None:
    model = ZigMa(grid=(4, 6), in_channels=3, hidden=32, depth=1, text_width=8, mixer=mixer, ordering="score")
    counted = count_flops(model, torch.randn(2, 3, 4, 6), torch.rand(2), torch.randn(2, 5, 8))
    assert counted.uncounted == {}


class Einsum(nn.Module):
    def __init__(self, equation: str) -> None:
        super().__init__()
        self.equation = equation

    def forward(self, *operands: Tensor) -> Tensor:
        return torch.einsum(self.equation, *operands)


@pytest.mark.parametrize(
    ("equation", "shapes", "products"),
    [
        ("...ld,de->...le", [(3, 2, 41, 123), (123, 77)], 3 * 2 * 41 * 123 * 77),
        ("bij, bjk -> bik", [(3, 101, 103), (3, 103, 107)], 3 * 101 * 103 * 107),
        ("abc,acd->abd", [(3, 101, 103), (3, 103, 107)], 3 * 101 * 103 * 107),
        ("...i,...i", [(5, 1, 1009), (7, 1009)], 5 * 7 * 1009),
        ("ij,jk,kl->il", [(2, 1009), (1009, 3), (3, 1013)], 2 * 1009 * 3 + 2 * 3 * 1013),
    ],
)
def test_an_einsum_is_counted_to_the_last_digit(
    equation: str, shapes: list[tuple[int, ...]], products: int
) -> None:
    counted = count_flops(Einsum(equation), *(torch.randn(shape) for shape in shapes))
    assert counted.as_the_paper == counted.by_operator["einsum"] == products


def test_modules_stay_in_the_mode_in_which_they_were() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4).eval())
    count_flops(model, torch.randn(3, 4))
    assert [module.training for module in model.modules()] == [True, True, False]


def test_without_a_tensor_there_is_nothing_to_count() -> None:
    with pytest.raises(ValueError, match="give the model an input that is one"):
        count_flops(nn.Identity(), 3)


def table_5(network: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A network of Table 5 of the paper: size S/2 on 4x32x32 latents, unconditional."""
    grid: dict[str, Any] = {"grid": (32, 32), "in_channels": 4, "patch": 2}
    model = (
        DiT(**grid, hidden=384, depth=12, heads=6)
        if network == "dit"
        else ZigMa(**grid, hidden=368, depth=24)
    )
    return model, torch.randn(1, 4, 32, 32), torch.rand(1)


def test_dit_costs_what_table_5_says() -> None:
    counted = count_flops(*table_5("dit"))
    assert f"{counted.as_the_paper / 1e9:.2f} G" == "5.46 G"
    assert f"{counted.everything / 1e9:.2f} G" == "6.06 G"


def test_zigma_costs_a_little_more_than_table_5_says() -> None:
    """5.36 G where 5.2 is printed.

    The printed count is of a trace through mamba-ssm, which hides some products in a fused operator: without both
    small projections inside it 5.01 G would remain, without that of the step size alone 5.25 G.
    """
    counted = count_flops(*table_5("zigma"))
    tokens, inner, rank, states = 256, 2 * 368, 23, 16
    step_size, states_and_rank = rank * inner * tokens * 24, inner * (rank + 2 * states) * tokens * 24
    assert f"{counted.as_the_paper / 1e9:.2f} G" == "5.36 G"
    assert f"{counted.everything / 1e9:.2f} G" == "5.68 G"
    assert f"{(counted.as_the_paper - step_size) / 1e9:.2f} G" == "5.25 G"
    assert f"{(counted.as_the_paper - step_size - states_and_rank) / 1e9:.2f} G" == "5.01 G"
