"""ZigMa: sizes as printed, every plan on odd grids, and what the order of a scan can and cannot change."""

from typing import Any

import pytest
import torch
from torch import Tensor

import zigma.models.mamba as mamba
from zigma.models import ZigMa
from zigma.models.config import MambaSpec
from zigma.models.embeddings import PatchEmbedding, cosine_position, unpatchify

PLANS_2D = (
    "sweep-1",
    "zigzag-8",
    "hilbert-2",
    "hilbert-released-8",
    "random-2",
    "bidirectional",
    "parallel-3",
)


def network(seed: int = 0, **fields: Any) -> ZigMa:
    """A small network whose gates are open: at the start they are zero and hide the mixer."""
    torch.manual_seed(seed)
    model = ZigMa(**({"in_channels": 2, "hidden": 16, "depth": 3, "mixer": MambaSpec(state=4)} | fields))
    for block in model.blocks:
        torch.nn.init.normal_(block.adaLN_modulation[1].weight, std=0.3)
        torch.nn.init.normal_(block.adaLN_modulation[1].bias, std=0.3)
    return model.eval()


@pytest.mark.parametrize(
    ("hidden", "depth", "millions", "with_text"),
    [
        (368, 24, 31.3, 59.46),
        (768, 24, 133.8, 214.72),
        (1024, 48, 472.5, 725.14),
        (1536, 48, 1058.7, 1550.91),
    ],
)
def test_sizes(hidden: int, depth: int, millions: float, with_text: float) -> None:
    """Table 9's counts, to the printed digit, belong to the released sizes; with text, the released class's own."""
    with torch.device("meta"):
        plain = ZigMa(hidden=hidden, depth=depth)
        text = ZigMa(hidden=hidden, depth=depth, text_width=768)
    assert round(sum(p.numel() for p in plain.parameters()) / 1e6, 1) == millions
    assert round(sum(p.numel() for p in text.parameters()) / 1e6, 2) == with_text


@pytest.mark.parametrize("plan", PLANS_2D)
@pytest.mark.parametrize("grid", [(4, 4), (3, 5)])
def test_every_plan_runs_forward_and_backward(plan: str, grid: tuple[int, int]) -> None:
    model = network(grid=grid, scan=plan, depth=8).train()
    x, t = torch.randn(2, 2, *grid), torch.rand(2)
    out = model(x, t)
    assert out.shape == x.shape
    out.square().sum().backward()
    missing = [
        name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()
    ]
    assert not missing


@pytest.mark.parametrize(
    "plan", ["video-sst", "video-st", "zigzag-8", "video-zigzag3d-8", "sweep-1", "bidirectional"]
)
def test_every_plan_of_a_video(plan: str) -> None:
    model = network(grid=(2, 6, 4), patch=2, scan=plan, depth=3, temporal_position=True, classes=3)
    x = torch.randn(2, 2, 2, 6, 4)
    assert model(x, torch.rand(2), torch.tensor([0, 2])).shape == x.shape


@pytest.mark.parametrize("position", ["none", "cosine", "learned"])
@pytest.mark.parametrize("conditioning", ["cross-attention", "in-context"])
def test_captions_matter(position: Any, conditioning: Any) -> None:
    model = network(
        grid=(3, 4),
        position=position,
        conditioning=conditioning,
        text_width=5,
        text_tokens=6,
        scan="zigzag-8",
    )
    x, t = torch.randn(2, 2, 3, 4), torch.rand(2)
    y = torch.randn(2, 6, 5)
    swapped = y[:, [1, 0, 2, 3, 4, 5]]  # the mean over the tokens stays
    assert not torch.allclose(model(x, t, y), model(x, t, y + torch.randn_like(y)))
    order_matters = not torch.allclose(model(x, t, y), model(x, t, swapped), atol=1e-6)
    assert order_matters == (conditioning == "in-context")  # attention has no order


def test_in_context_learns_from_captions_before_any_image_token() -> None:
    model = network(
        grid=(2, 2), conditioning="in-context", text_width=3, text_tokens=4, scan="sweep-1", depth=1
    )
    assert model.blocks[0].mixer.order.tolist() == list(range(8))


def test_without_convolution_and_state_the_plan_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def gate_only(u: Tensor, *args: Any, z: Tensor, **options: Any) -> Tensor:
        return u * z

    monkeypatch.setattr(mamba, "selective_scan", gate_only)
    monkeypatch.setattr(mamba, "causal_conv1d", lambda x, *args, **options: x)
    x, t = torch.randn(2, 2, 3, 5), torch.rand(2)
    outputs = [
        network(grid=(3, 5), scan=plan)(x, t) for plan in ("sweep-1", "zigzag-8", "hilbert-2", "random-3")
    ]
    for other in outputs[1:]:
        assert torch.equal(outputs[0], other)


def test_and_with_them_it_does() -> None:
    x, t = torch.randn(2, 2, 3, 5), torch.rand(2)
    assert not torch.allclose(
        network(grid=(3, 5), scan="sweep-1")(x, t), network(grid=(3, 5), scan="zigzag-8")(x, t)
    )


@pytest.mark.parametrize("plan", ["sweep-1", "zigzag-1", "hilbert-1", "random-1"])
def test_one_scan_hears_what_it_has_passed_and_nothing_else(plan: str) -> None:
    grid = (3, 4)
    model = network(grid=grid, scan=plan, depth=2)
    order = model.blocks[0].mixer.order
    x = torch.randn(1, 2, *grid, requires_grad=True)
    out = model(x, torch.tensor([0.5])).flatten(2)[0].sum(0)
    for step in range(len(order)):
        (gradient,) = torch.autograd.grad(out[order[step]], x, retain_graph=True)
        heard = gradient.flatten(2)[0].abs().sum(0)[order] > 0
        assert heard.tolist() == [True] * (step + 1) + [False] * (len(order) - step - 1)


def test_a_video_layer_over_space_does_not_mix_frames() -> None:
    model = network(grid=(3, 2, 2), scan="video-s", depth=2)
    x = torch.randn(1, 3, 2, 2, 2, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x, torch.tensor([0.5]))[:, 1].sum(), x)
    assert gradient[:, 1].abs().sum() > 0
    assert gradient[:, [0, 2]].abs().sum() == 0


def test_patches_come_back_to_their_place() -> None:
    embed = PatchEmbedding(2, 8, 2)
    with torch.no_grad():  # the patch itself, channel by channel
        embed.proj.weight.copy_(torch.eye(8).reshape(8, 2, 2, 2))
    x = torch.randn(3, 2, 4, 6)
    tokens = (
        embed(x).unflatten(-1, (2, 4)).transpose(-1, -2).flatten(-2)
    )  # the final layer writes channels last
    assert torch.equal(unpatchify(tokens, (2, 3), 2), x)
    video = torch.randn(3, 5, 2, 4, 6)
    tokens = embed(video).unflatten(-1, (2, 4)).transpose(-1, -2).flatten(-2)
    assert torch.equal(unpatchify(tokens, (5, 2, 3), 2), video)


def test_cosine_position_is_the_closed_form() -> None:
    embedding = cosine_position((3, 5), 8)[0].unflatten(0, (3, 5))
    row, column = 2, 4
    for i, frequency in enumerate((1.0, 0.01)):
        values = torch.tensor([column * frequency, row * frequency])
        assert torch.allclose(embedding[row, column, [i, 4 + i]], values.sin(), atol=1e-6)
        assert torch.allclose(embedding[row, column, [2 + i, 6 + i]], values.cos(), atol=1e-6)


def test_a_random_order_travels_with_the_weights() -> None:
    state = network(grid=(4, 4), scan="random-2").state_dict()
    assert "blocks.0.mixer.paths.0.order" in state
    assert not any(name.endswith("order") for name in network(grid=(4, 4), scan="zigzag-2").state_dict())


def test_gradient_checkpointing_changes_nothing() -> None:
    x, t = torch.randn(2, 2, 4, 4), torch.rand(2)
    gradients = []
    for checkpointing in (False, True):
        model = network(grid=(4, 4), gradient_checkpointing=checkpointing).train()
        model(x, t).sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"grid": (4, 5), "patch": 2}, "patch 2 does not divide"),
        ({"grid": (4,)}, "height, width"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"text_width": 4, "classes": 2}, "not both"),
        ({"position": "cosine", "hidden": 18}, "divisible by 4"),
        ({"temporal_position": True}, "frames, height, width"),
        ({"scan": "zigzga-8"}, "zigzag"),
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        ZigMa(**fields)
    assert "\n" not in str(caught.value)
