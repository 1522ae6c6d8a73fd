"""What the order of a scan can and cannot change, for every curve, and what tokens can know of each other."""

from typing import Any

import pytest
import torch
from small_networks import network
from torch import Tensor

import zigma.models.mixers.mamba as mamba
from zigma.models import Block, GatedLinearAttention, Mamba
from zigma.models.mixers import build_mixer
from zigma.models.mixers.base import Path, rearrange
from zigma.models.specs import (
    GatedDeltaNetSpec,
    GatedLinearAttentionSpec,
    HGRN2Spec,
    Mamba2Spec,
    MambaSpec,
    MLSTMSpec,
    RWKV6Spec,
)
from zigma.scans import reach, scan_names, scan_plan

MIXERS = [
    MambaSpec(state=4),
    GatedLinearAttentionSpec(heads=2),
    Mamba2Spec(heads=2, state=4),
    GatedDeltaNetSpec(heads=2),
    HGRN2Spec(heads=2),
    MLSTMSpec(heads=2),
    RWKV6Spec(heads=2),
]
PLANS_2D = [f"{name}-8" for name in scan_names()] + ["bidirectional", "parallel-3", "zigzag-2+hilbert-1"]
PLANS_3D = ["video-sst", "video-st", "video-t", "video-zigzag3d-8", "bidirectional", "parallel-hilbert-2"]
CASES = [(plan, grid) for grid in ((4, 4), (3, 5)) for plan in PLANS_2D] + [
    (plan, (2, 3, 4)) for plan in PLANS_3D
]


def inputs(grid: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, *grid[:-2], 2, *grid[-2:]), torch.rand(2)


@pytest.mark.parametrize(("plan", "grid"), CASES)
def test_every_plan_runs_forward_and_backward(plan: str, grid: tuple[int, ...]) -> None:
    model = network(grid=grid, scan=plan, depth=8, hidden=8).train()
    x, t = inputs(grid)
    out = model(x, t)
    assert out.shape == x.shape
    out.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


@pytest.mark.parametrize("mixer", MIXERS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize(
    ("plan", "grid"),
    [
        ("sweep-1", (3, 5)),
        ("zigzag-8", (3, 5)),
        ("hilbert-2", (4, 4)),
        ("bidirectional", (3, 5)),
        ("parallel-3", (4, 4)),
        ("shared-sweep@0,6", (3, 5)),
        ("channels-zigzag@0,1", (3, 5)),
        ("channels-(sweep+hilbert@6)+sweep@1", (4, 4)),
        ("video-s", (2, 3, 4)),
        ("video-t", (2, 3, 4)),
        ("video-sst", (2, 3, 4)),
    ],
)
def test_tokens_know_of_each_other_exactly_what_scans_say(
    plan: str, grid: tuple[int, ...], mixer: Any
) -> None:
    depth = 3
    model = network(grid=grid, scan=plan, depth=depth, mixer=mixer).double()
    layers = scan_plan(plan, grid, depth)
    stream = torch.randn(1, len(layers[0].scans[0]), 16).double()
    for shown in (1, depth):

        def through(x: Tensor, shown: int = shown) -> Tensor:
            for block in list(model.blocks)[:shown]:
                x = block(x, torch.ones(1, 16).double())
            return x.sum(-1)[0]

        jacobian = torch.autograd.functional.jacobian(through, stream)[:, 0].abs().sum(-1)  # (L, L)
        reached = torch.from_numpy(reach(layers, depth)[shown - 1])
        assert torch.equal(jacobian > 0, reached)


@pytest.mark.parametrize("plan", [f"{name}-2" for name in scan_names()])
def test_without_convolution_and_state_the_plan_does_not_matter(
    plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gate_only(u: Tensor, *args: Any, z: Tensor, **options: Any) -> Tensor:
        return u * z

    monkeypatch.setattr(mamba, "selective_scan", gate_only)
    monkeypatch.setattr(mamba, "causal_conv1d", lambda x, *args, **options: x)
    grid = (3, 5)
    assert torch.equal(
        network(grid=grid, scan=plan)(*inputs(grid)), network(grid=grid, scan="sweep-1")(*inputs(grid))
    )


def test_without_scan_and_convolution_the_segments_of_a_video_change_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mamba, "selective_scan", lambda u, *args, z, **options: u * z)
    monkeypatch.setattr(mamba, "causal_conv1d", lambda x, *args, **options: x)
    grid = (2, 3, 4)
    plans = ("sweep-1", "video-sst", "video-t", "zigzag-8")
    first, *others = (network(grid=grid, scan=plan)(*inputs(grid)) for plan in plans)
    for other in others:
        assert torch.equal(first, other)


@pytest.mark.parametrize("mixer", MIXERS, ids=lambda spec: spec.kind)
@pytest.mark.parametrize(
    ("plan", "grid", "fields"),
    [
        ("zigzag-8", (3, 5), {}),
        ("random-3", (3, 5), {"text_width": 5, "text_tokens": 3}),
        ("hilbert-2", (3, 5), {"text_width": 5, "text_tokens": 3, "conditioning": "in-context"}),
        ("zigzag-2+parallel-2", (3, 5), {}),
        ("video-sst", (2, 3, 4), {"temporal_position": True}),
    ],
)
def test_tokens_may_stay_in_scanned_order_between_layers(
    plan: str, grid: tuple[int, ...], fields: dict[str, Any], mixer: Any
) -> None:
    """Equations 14 to 16."""
    model = network(grid=grid, scan=plan, depth=5, mixer=mixer, **fields).double()
    x, t = (value.double() for value in inputs(grid))
    y = (torch.randn(2, 3, 5).double(),) if "text_width" in fields else ()
    expected = model(x, t, *y)
    model.keep_order = True
    assert torch.allclose(model(x, t, *y), expected, rtol=1e-10, atol=1e-12)


def test_keeping_the_order_saves_half_of_the_rearrangements(monkeypatch: pytest.MonkeyPatch) -> None:
    """At least one in and one back per layer without; one per layer, and one at the end, with."""
    grid, depth = (3, 5), 6
    model = network(grid=grid, scan="zigzag-8", depth=depth, mixer=GatedLinearAttentionSpec(heads=2))
    moved: list[int] = []
    select = Tensor.index_select

    def counted(self: Tensor, dim: int, index: Tensor) -> Tensor:
        moved.append(1)
        return select(self, dim, index)

    monkeypatch.setattr(Tensor, "index_select", counted)
    model(*inputs(grid))
    without = len(moved)
    moved.clear()
    model.keep_order = True
    model(*inputs(grid))
    assert without >= 2 * (depth - 1)  # the first zigzag is not the sweep, but a plan may hold the sweep
    assert len(moved) == depth + 1


def test_rearranging_goes_straight_from_one_order_to_another() -> None:
    first, second = (Path(scan) for scan in scan_plan("zigzag-2", (3, 5), 2))
    tokens = torch.randn(2, 15, 4)
    straight = rearrange(first.arrange(tokens), first.order, second.order)
    assert torch.equal(straight, second.arrange(tokens))
    assert torch.equal(rearrange(straight, second.order, None), tokens)
    assert torch.equal(second.put_back(straight), tokens)


@pytest.mark.parametrize("mixer", [Mamba, GatedLinearAttention])
@pytest.mark.parametrize("plan", ["hilbert", "parallel-2"])
def test_a_mixer_and_a_block_stand_alone(mixer: Any, plan: str) -> None:
    (layer,) = scan_plan(plan, (4, 6), depth=1)
    x = torch.randn(2, 24, 16, requires_grad=True)
    torch.manual_seed(0)
    block = Block(16, mixer(16, layer))
    assert block.mixer(x).shape == x.shape
    out = block(x)
    assert out.shape == x.shape
    out.sum().backward()
    normed = block.norm(x)
    assert torch.allclose(out, x + normed + block.mixer(normed))
    # a fresh block's gates are zero: with a condition it adds the norm alone
    assert torch.allclose(block(x, torch.randn(2, 16)), x + normed)


@pytest.mark.parametrize("spec", MIXERS, ids=lambda spec: spec.kind)
def test_groups_of_channels_are_read_each_along_its_own_path(spec: Any) -> None:
    """The channels of the first group know what comes before them in the first order alone, and so on."""
    (layer,) = scan_plan("channels-sweep@0,6", (2, 3), depth=1)
    mixer = build_mixer(16, layer, spec).double()
    x = torch.randn(1, 6, 16).double()
    mixed = []
    mixer.out_proj.register_forward_pre_hook(lambda module, values: mixed.append(values[0]))

    def groups(x: Tensor) -> Tensor:
        mixed.clear()
        mixer(x)
        return torch.stack([group.abs().sum(-1)[0] for group in mixed[0].chunk(2, dim=-1)])

    jacobian = torch.autograd.functional.jacobian(groups, x)[:, :, 0].abs().sum(-1) > 0  # (group, L, L)
    assert torch.equal(jacobian[0], torch.ones(6, 6).tril().bool())
    assert torch.equal(jacobian[1], torch.ones(6, 6).triu().bool())


@pytest.mark.parametrize("spec", MIXERS, ids=lambda spec: spec.kind)
def test_shared_parameters_are_those_of_every_path(spec: Any) -> None:
    (shared,), (own,) = (scan_plan(f"{kind}-sweep@0,6", (2, 3), depth=1) for kind in ("shared", "parallel"))
    one, two = build_mixer(16, shared, spec), build_mixer(16, own, spec)
    weights = one.state_dict()
    two.load_state_dict(weights | {n.replace("directions.0", "directions.1"): w for n, w in weights.items()})
    x = torch.randn(2, 6, 16)
    assert torch.equal(one(x), two(x))
    assert sum(p.numel() for p in one.parameters()) < sum(p.numel() for p in two.parameters())


def test_more_groups_than_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="3 groups of channels need as many heads, not 2"):
        network(grid=(2, 2), scan="channels-sweep@0,1,2", mixer=GatedLinearAttentionSpec(heads=2))


def test_captions_do_not_stand_before_the_segments_of_a_video() -> None:
    with pytest.raises(ValueError, match="caption tokens cannot stand before the 2 segments"):
        network(grid=(2, 3, 4), scan="video-s", text_width=4, text_tokens=2, conditioning="in-context")
