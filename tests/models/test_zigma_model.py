"""ZigMa: what enters it, where patches lie, and how it trains."""

from typing import Any

import numpy as np
import pytest
import torch
from small_networks import network
from torch import Tensor

from zigma.models import Mamba, ZigMa
from zigma.models.embeddings import PatchEmbedding, cosine_position, unpatchify
from zigma.models.specs import GatedLinearAttentionSpec, MambaSpec
from zigma.scans import scan_order


@pytest.mark.parametrize(
    "plan", ["video-sst", "video-st", "zigzag-8", "video-zigzag3d-8", "sweep-1", "bidirectional"]
)
def test_video_with_patches_classes_and_temporal_position(plan: str) -> None:
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
    model, x, t = model.double(), torch.randn(2, 2, 2, 2).double(), torch.rand(2).double()
    y = torch.randn(2, 4, 3).double()
    swapped = y[:, [1, 0, 2, 3]]  # whose mean over the captions, which reaches every token, is the same
    changed = (model(x, t, y) - model(x, t, swapped)).abs().amax(1)
    assert (changed > 1e-9).all()  # also of the token that is visited first


def test_the_plan_changes_what_a_network_returns() -> None:
    x, t = torch.randn(2, 2, 3, 5), torch.rand(2)
    assert not torch.allclose(
        network(grid=(3, 5), scan="sweep-1")(x, t), network(grid=(3, 5), scan="zigzag-8")(x, t)
    )


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
    # the final layer writes channels last
    tokens = embed(x).unflatten(-1, (2, 4)).transpose(-1, -2).flatten(-2)
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


@pytest.mark.parametrize("scan", ["grouped-2:outer=random,seed=7", "windowed-2:inner=random"])
def test_an_order_that_follows_a_random_curve_travels_with_the_weights(scan: str) -> None:
    net, x, t = network(grid=(8, 8), scan=scan), torch.randn(2, 2, 8, 8), torch.rand(2)
    state = net.state_dict()
    assert "blocks.0.mixer.paths.0.order" in state
    other = network(grid=(8, 8), scan=scan.replace("seed=7", "seed=8"))
    other.load_state_dict(state)
    assert torch.equal(other(x, t), net(x, t))
    without = {name: value for name, value in state.items() if not name.endswith("order")}
    with pytest.raises(RuntimeError, match=r"paths\.0\.order"):
        other.load_state_dict(without)


def test_a_mixer_may_be_given_by_its_name() -> None:
    assert ZigMa(grid=(2, 2), hidden=16, depth=1, mixer="mamba").config.mixer == MambaSpec()
    with pytest.raises(ValueError, match="a network takes a ZigMaConfig, or its fields by name, not 5"):
        ZigMa(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="scan is one layer of"):
        Mamba(16, "zigzag-8")  # type: ignore[arg-type]


def test_orders_may_be_given_as_they_are() -> None:
    rows = np.stack([np.arange(16), np.arange(16)[::-1], scan_order("hilbert", (4, 4))])
    given = network(grid=(4, 4), scan=[*rows])
    named = network(grid=(4, 4), scan="sweep@0,6+hilbert")
    x, t = torch.randn(2, 2, 4, 4), torch.rand(2)
    assert torch.equal(given(x, t), named(x, t))
    # they travel with the weights, into a network that was made with others
    other = network(grid=(4, 4), scan=[*rows[[1, 0, 0]]])
    other.load_state_dict(given.state_dict())
    assert torch.equal(other(x, t), named(x, t))
    with pytest.raises(ValueError, match="of 16 tokens, the 4x6 grid has 24"):
        network(grid=(4, 6), scan=[*rows])


@pytest.mark.parametrize("keep_order", [False, True])
def test_gradient_checkpointing_changes_nothing(keep_order: bool) -> None:
    x, t = torch.randn(2, 2, 4, 4), torch.rand(2)
    gradients = []
    for checkpointing in (False, True):
        model = network(grid=(4, 4), gradient_checkpointing=checkpointing, drop_path=0.5).train()
        model.keep_order = keep_order
        model(x, t).sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert torch.equal(a, b)


def test_stochastic_depth_rises_with_depth_and_keeps_the_mean() -> None:
    model = network(grid=(2, 2), depth=5, drop_path=0.4)
    assert [block.drop for block in model.blocks] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    block, stream, c = model.blocks[4], torch.randn(1, 4, 16).expand(4000, 4, 16), torch.ones(4000, 16)
    kept = block(stream, c) - stream
    added = block.train()(stream, c) - stream
    dropped = (added == 0).all(dim=(1, 2))
    assert dropped.float().mean() == pytest.approx(0.4, abs=0.03)
    assert torch.allclose(added[~dropped], kept[~dropped] / 0.6, atol=1e-5)


def test_temporal_position_is_that_of_the_frame() -> None:
    model = network(grid=(3, 2, 2), scan="video-s", temporal_position=True)
    x, t = torch.randn(1, 3, 2, 2, 2), torch.tensor([0.5])
    before = model(x, t)
    model.temporal_pos_embedding.data[0, 1] += 1
    changed = (model(x, t) - before).abs().flatten(2).sum(-1)[0] > 0
    assert changed.tolist() == [False, True, False]


def test_time_is_told_apart_and_classes_too() -> None:
    model = network(grid=(2, 2), classes=3)
    x = torch.randn(1, 2, 2, 2).expand(3, 2, 2, 2)
    same = torch.tensor([1, 1, 1])
    times = model(x, torch.tensor([0.1, 0.2, 0.2]), same)
    classes = model(x, torch.tensor([0.1, 0.1, 0.1]), torch.tensor([0, 1, 1]))
    for out in (times, classes):
        assert not torch.allclose(out[0], out[1])
        assert torch.allclose(out[1], out[2], atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "x", "t", "y", "says"),
    [
        ({}, (2, 2, 3, 4), (2,), None, r"x must be \(2, 2, 4, 4\) for the grid \(4, 4\), got \(2, 2, 3, 4\)"),
        ({}, (2, 2, 4, 4), (), None, "t must be one time for each of 2 samples"),
        ({}, (2, 2, 4, 4), (2,), torch.zeros(2), "unconditional"),
        ({}, (0, 2, 4, 4), (0,), None, "x holds no samples"),
        ({"classes": 3}, (2, 2, 4, 4), (2,), torch.tensor([0, 3]), r"classes are 0\.\.2, not 0\.\.3"),
        (
            {"classes": 3},
            (2, 2, 4, 4),
            (2,),
            torch.tensor([True, False]),
            "one class, int32 or int64, for each",
        ),
        ({"classes": 3}, (2, 2, 4, 4), (2,), torch.tensor([-1, 2]), r"classes are 0\.\.2, not -1\.\.2"),
        ({"classes": 3}, (2, 2, 4, 4), (2,), [0, 1], "y must be a tensor, not list"),
        ({"classes": 3}, (2, 2, 4, 4), (2,), None, "it needs y"),
        ({"classes": 3}, (2, 2, 4, 4), (2,), torch.zeros(2), "one class, int32 or int64, for each"),
        ({"text_width": 5}, (2, 2, 4, 4), (2,), torch.zeros(2, 3, 4), r"caption features \(2, 3, 5\)"),
        ({"text_width": 5}, (2, 2, 4, 4), (2,), torch.zeros(2, 0, 5), r"caption features \(2, M, 5\)"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(
    fields: dict[str, Any], x: tuple[int, ...], t: tuple[int, ...], y: Tensor | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        network(grid=(4, 4), **fields)(torch.zeros(x), torch.zeros(t), y)
    assert "\n" not in str(caught.value)


def test_captions_in_context_have_a_fixed_number_of_tokens() -> None:
    model = network(grid=(4, 4), text_width=5, text_tokens=6, conditioning="in-context")
    with pytest.raises(ValueError, match=r"caption features \(1, 6, 5\), got \(1, 3, 5\)"):
        model(torch.zeros(1, 2, 4, 4), torch.zeros(1), torch.zeros(1, 3, 5))


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
        ({"position": "cosin"}, r"unknown position 'cosin': did you mean 'cosine'\?"),
        ({"conditioning": "context"}, "unknown conditioning"),
        ({"mixer": "mambo"}, r"unknown mixer\.kind 'mambo': did you mean 'mamba'"),
        ({"scan": None}, "a plan is a text"),
        ({"scan": ["zigzag-8", 3]}, "or orders of tokens, not 3"),
        ({"mixer": GatedLinearAttentionSpec(heads=3), "hidden": 16}, "divisible by twice the 3 heads"),
    ],
)
def test_what_does_not_fit_together_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        ZigMa(**fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "t", [[0.5, 1.5], [-0.1, 0.5], [float("nan"), 0.5], [0.5, float("inf")], [5.0, 700.0]]
)
def test_times_outside_the_interval_are_refused(t: list[float]) -> None:
    model = ZigMa(grid=(2, 3), in_channels=1, hidden=8, depth=1)
    with pytest.raises(ValueError, match=r"t must lie in \[0, 1\]") as caught:
        model(torch.randn(2, 1, 2, 3), torch.tensor(t))
    assert "\n" not in str(caught.value)
    assert model(torch.randn(2, 1, 2, 3), torch.tensor([0.0, 1 + 1e-6])).isfinite().all()
