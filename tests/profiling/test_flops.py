import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.models import ZigMa
from zigma.profiling import count_flops, torch_flops


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
    assert torch_flops(Attention(8), x) == counted.everything


def zigma() -> tuple[ZigMa, Tensor, Tensor]:
    return ZigMa(grid=(4, 6), in_channels=3, hidden=16, depth=2), torch.randn(2, 3, 4, 6), torch.rand(2)


def test_the_scan_and_its_convolution_by_hand() -> None:
    counted = count_flops(*zigma())
    tokens, inner, states = 2 * 24, 32, 16
    scan, convolution = 2 * tokens * inner * (4 * states + 3), 2 * tokens * inner * 4
    assert counted.everything - counted.as_the_paper == scan + convolution


def test_matrix_products_agree_with_torchs_counter() -> None:
    model, *inputs = zigma()
    by_operator = count_flops(model, *inputs).by_operator
    products = sum(by_operator.get(name, 0) for name in ("linear", "conv", "matmul", "bmm", "addmm"))
    assert products == torch_flops(model, *inputs)


def test_the_count_does_not_depend_on_the_users_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    model, *inputs = zigma()
    expected = count_flops(model, *inputs)
    monkeypatch.setenv("ZIGMA_SCAN_BACKEND", "reference")
    assert count_flops(model, *inputs) == expected
    assert model.training
