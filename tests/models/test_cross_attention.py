"""The two orders of the products of cross-attention."""

import pytest
import torch

from zigma.models.cross_attention import CrossAttention

SHORT, LONG = (32, 64, 10), (768, 256, 77)  # hidden width, image tokens, caption tokens: tiny's, the paper's


@pytest.mark.parametrize(("hidden", "length", "tokens"), [SHORT, (37, 5, 1), (8, 1, 77), (64, 33, 3)])
def test_both_orders_are_one_function(hidden: int, length: int, tokens: int) -> None:
    torch.manual_seed(0)
    attention = CrossAttention(hidden).double()
    torch.nn.init.normal_(attention.to_out[0].bias)
    x = torch.randn(3, length, hidden, dtype=torch.float64, requires_grad=True)
    text = torch.randn(3, tokens, hidden, dtype=torch.float64, requires_grad=True)
    leaves = [x, text, *attention.parameters()]
    weights = torch.randn(3, length, hidden, dtype=torch.float64)
    out, other = attention.through_heads(x, text), attention.through_caption(x, text)
    torch.testing.assert_close(other, out)
    grads = torch.autograd.grad((out * weights).sum(), leaves)
    others = torch.autograd.grad((other * weights).sum(), leaves)
    for grad, of_other in zip(grads, others, strict=True):
        torch.testing.assert_close(of_other, grad)


@pytest.mark.parametrize(
    ("sizes", "taken"), [(SHORT, "through_caption"), (LONG, "through_heads")], ids=["short", "long"]
)
def test_it_takes_the_order_of_fewer_products(
    sizes: tuple[int, int, int], taken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden, length, tokens = sizes
    attention = CrossAttention(hidden)
    called = []
    monkeypatch.setattr(CrossAttention, taken, lambda self, x, text: called.append(taken))
    attention(torch.zeros(1, length, hidden), torch.zeros(1, tokens, hidden))
    assert called == [taken]
