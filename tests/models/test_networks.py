"""Sizes of every network, mixers of one signature, orders kept between layers, precision and compilation."""

from typing import Any

import pytest
import torch

from zigma.models import Block, DiT, Mamba, UViT, ZigMa, build_model, model_sizes
from zigma.models.config import DiTConfig, GatedLinearAttentionSpec, UViTConfig, ZigMaConfig
from zigma.models.gated_linear_attention import gated_linear_attention_reference
from zigma.scans import reach, scan_names, scan_plan
from zigma.scans.registry import find_curve


def parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def opened(model: Any) -> Any:
    """Weights that hide nothing: gates and position embeddings start at zero."""
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def test_table_9() -> None:
    rows = model_sizes()
    assert len(rows) == 16
    released = [row for row in rows if row.preset == "released"]
    assert all(row.agrees for row in released)  # to the printed digit, with and without captions
    assert not any(row.agrees for row in rows if row.preset == "printed")
    assert {row.name: round(row.parameters / 1e6, 2) for row in released if row.name == "CA-ZigMa-B"} == {
        "CA-ZigMa-B": 214.72
    }


# counted by building the public code (facebookresearch/DiT, baofff/U-ViT) for 4x32x32 latents and 1,000 classes
@pytest.mark.parametrize(
    ("size", "patch", "count"),
    [
        ("S", 2, 32865056),
        ("S", 4, 32920448),
        ("B", 2, 130315808),
        ("B", 4, 130426496),
        ("L", 2, 457840672),
        ("L", 4, 457988224),
        ("XL", 2, 674834720),
        ("XL", 4, 675000704),
    ],
)
def test_dit_counts(size: str, patch: int, count: int) -> None:
    with torch.device("meta"):
        assert parameters(DiT(DiTConfig.preset(size, patch=patch, classes=1001, learn_sigma=True))) == count


@pytest.mark.parametrize(
    ("size", "patch", "count"),
    [
        ("S", 2, 44772516),
        ("S", 4, 44723412),
        ("M", 2, 130891940),
        ("M", 4, 130818260),
        ("L", 2, 286763172),
        ("L", 4, 286664916),
        ("H", 2, 500832164),
        ("H", 4, 500721620),
    ],
)
def test_uvit_counts(size: str, patch: int, count: int) -> None:
    with torch.device("meta"):
        assert parameters(UViT(UViTConfig.preset(size, patch=patch, classes=1001))) == count


@pytest.mark.parametrize(
    "config",
    [
        ZigMaConfig(grid=(4, 6), hidden=16, depth=2),
        ZigMaConfig(grid=(4, 6), hidden=16, depth=2, mixer=GatedLinearAttentionSpec(heads=2)),
        DiTConfig(grid=(4, 6), hidden=16, depth=2, heads=2),
        UViTConfig(grid=(4, 6), hidden=16, depth=2, heads=2),
    ],
    ids=lambda config: type(config).__name__,
)
def test_every_network_runs_forwards_and_backwards(config: Any) -> None:
    model = opened(build_model(config)).train()
    x = torch.randn(2, 4, 4, 6)
    out = model(x, torch.rand(2))
    assert out.shape == x.shape
    out.square().sum().backward()
    assert all(
        torch.isfinite(p.grad).all() for p in model.parameters() if p.requires_grad and p.grad is not None
    )
    model.eval()
    with torch.autocast("cpu", torch.bfloat16):
        narrow = model(100 * x, torch.rand(2))
    assert torch.isfinite(narrow).all()


def test_gated_linear_attention_is_the_sum_over_the_past() -> None:
    """o_t = sum over s <= t of (q_t . decay from s to t . k_s) v_s / sqrt(K), without a state."""
    generator = torch.Generator().manual_seed(0)
    q, k = (torch.randn(2, 7, 3, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    v = torch.randn(2, 7, 3, 5, generator=generator, dtype=torch.float64)
    log_forget = -torch.rand(2, 7, 3, 4, generator=generator, dtype=torch.float64)
    total = log_forget.cumsum(1)
    weights = torch.einsum("bthk,bshk->bhts", q * total.exp(), k * (-total).exp()).tril() / 2
    expected = torch.einsum("bhts,bshv->bthv", weights, v)
    torch.testing.assert_close(gated_linear_attention_reference(q, k, v, log_forget), expected)


@pytest.mark.parametrize("name", scan_names())
def test_every_order_builds_and_runs(name: str) -> None:
    grids = [grid for grid in ((4, 4), (3, 5), (2, 3, 4)) if len(grid) in find_curve(name).dimensions]
    assert grids
    for grid in grids:
        model = opened(ZigMa(grid=grid, hidden=8, depth=2, scan=f"{name}-2")).train()
        x = torch.randn(1, *grid[:-2], 4, *grid[-2:])
        out = model(x, torch.rand(1))
        assert out.shape == x.shape
        out.sum().backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


@pytest.mark.parametrize(
    ("plan", "grid"),
    [
        ("sweep-1", (3, 4)),
        ("zigzag-8", (3, 3)),
        ("spiral-in-2", (3, 3)),
        ("bidirectional", (2, 4)),
        ("video-sst", (2, 2, 3)),
        ("video-st", (3, 2, 2)),
    ],
)
def test_tokens_hear_of_each_other_as_scans_says_they_can(plan: str, grid: tuple[int, ...]) -> None:
    for depth in (1, 2, 3):
        model = opened(ZigMa(grid=grid, in_channels=1, hidden=8, depth=depth, scan=plan)).double()
        x = torch.randn(1, *grid[:-2], 1, *grid[-2:], dtype=torch.float64)
        t = torch.tensor([0.5], dtype=torch.float64)
        jacobian = torch.autograd.functional.jacobian(lambda x, t=t, model=model: model(x, t).flatten(), x)
        heard = jacobian.flatten(1).abs() > 0
        assert torch.equal(heard, torch.from_numpy(reach(scan_plan(plan, grid, depth))[-1])), depth


@pytest.mark.parametrize("scan", ["zigzag-8", "hilbert-2", "bidirectional", "random-2"])
@pytest.mark.parametrize("mixer", ["mamba", "gated linear attention"])
def test_tokens_may_stay_in_scanned_order_between_layers(scan: str, mixer: str) -> None:
    """Eqs. 14 to 16: half the rearrangements, the same output."""
    options = {"mixer": GatedLinearAttentionSpec(heads=2)} if mixer != "mamba" else {}
    model = opened(ZigMa(grid=(3, 4), hidden=16, depth=5, scan=scan, **options))
    x, t = torch.randn(2, 4, 3, 4), torch.rand(2)
    back_each_time = model(x, t)
    model.keep_order = True
    torch.testing.assert_close(model(x, t), back_each_time, rtol=1e-5, atol=1e-5)


def test_the_block_alone() -> None:
    block = Block(32, Mamba(32, scan_plan("hilbert", (6, 5), depth=1)[0]))
    tokens = torch.randn(2, 30, 32, requires_grad=True)
    out = block(tokens)
    assert out.shape == tokens.shape
    out.sum().backward()
    assert tokens.grad is not None


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: DiTConfig(grid=(2, 4, 4)), "height, width"),
        (lambda: DiTConfig(hidden=100, heads=3), "divisible by 3 heads"),
        (lambda: UViTConfig(depth=5), "even"),
        (lambda: DiTConfig.preset("M"), "unknown DiT size"),
        (lambda: ZigMaConfig.preset("S", "relesed"), "released"),  # type: ignore[arg-type]
    ],
)
def test_what_does_not_fit_is_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_no_graph_break_in_a_compiled_network() -> None:
    model = opened(ZigMa(grid=(3, 4), hidden=16, depth=2, scan="zigzag-2"))
    x, t = torch.randn(1, 4, 3, 4), torch.rand(1)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, t), model(x, t), rtol=1e-5, atol=1e-5)
