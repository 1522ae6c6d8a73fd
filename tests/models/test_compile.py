"""torch.compile: no graph break in any model, and the same output."""

from typing import Any

import pytest
import torch

from zigma.models import DiT, UViT, ZigMa
from zigma.models.specs import GatedLinearAttentionSpec

SMALL: dict[str, Any] = {"grid": (3, 4), "in_channels": 2, "hidden": 16, "patch": 1}
NETWORKS: dict[str, Any] = {
    "zigma": lambda: ZigMa(**SMALL, depth=2),
    "zigma text": lambda: ZigMa(**SMALL, depth=2, text_width=5, text_tokens=3),
    "zigma in-context": lambda: ZigMa(
        **SMALL, depth=2, text_width=5, text_tokens=3, conditioning="in-context"
    ),
    "zigma bidirectional": lambda: ZigMa(**SMALL, depth=1, scan="bidirectional"),
    "zigma video": lambda: ZigMa(**SMALL | {"grid": (2, 3, 4)}, depth=3, scan="video-sst"),
    "gated linear attention": lambda: ZigMa(**SMALL, depth=2, mixer=GatedLinearAttentionSpec(heads=2)),
    "dit": lambda: DiT(**SMALL, depth=1, heads=2),
    "uvit": lambda: UViT(**SMALL, depth=2, heads=2),
}


def inputs(model: Any) -> tuple[torch.Tensor, ...]:
    *frames, height, width = model.config.grid
    text = () if model.config.text_width is None else (torch.randn(2, 3, model.config.text_width),)
    return torch.randn(2, *frames, 2, height, width), torch.rand(2), *text


def alive(name: str) -> Any:
    torch.manual_seed(0)
    model = NETWORKS[name]()
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_no_graph_breaks_and_the_same_output(name: str) -> None:
    """`fullgraph` fails at a break; the eager backend runs the captured graph as it is."""
    torch._dynamo.reset()
    model = alive(name)
    x = inputs(model)
    compiled = torch.compile(model, fullgraph=True, backend="eager")
    assert torch.equal(compiled(*x), model(*x))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["zigma", "dit", "uvit"])
def test_generated_code_gives_the_same_output_and_gradients(name: str) -> None:
    torch._dynamo.reset()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = alive(name).to(device)
    x = [value.to(device) for value in inputs(model)]
    expected = model(*x)
    expected_gradients = torch.autograd.grad(expected.square().sum(), list(model.parameters()))
    # torch's cache of compiled code knows an operator by its name, not by the shapes that it returns today
    with torch._inductor.config.patch(force_disable_caches=True):
        out = torch.compile(model, fullgraph=True)(*x)
        gradients = torch.autograd.grad(out.square().sum(), list(model.parameters()))
    assert torch.allclose(out, expected, rtol=1e-4, atol=1e-5)
    for a, b in zip(gradients, expected_gradients, strict=True):
        assert torch.allclose(a, b, rtol=1e-3, atol=1e-4)
