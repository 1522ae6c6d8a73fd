"""DiT and U-ViT as published: sizes and operations to the printed digit, and their symmetries."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from zigma.models import DiT, UViT, build_model
from zigma.models.config import DiTConfig, UViTConfig
from zigma.models.embeddings import cosine_position


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def giga_multiply_adds(model: nn.Module, *inputs: Tensor) -> float:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(*inputs)
    return int(counter.get_total_flops()) / 2e9


def on_paper(config: DiTConfig | UViTConfig) -> tuple[nn.Module, float]:
    with torch.device("meta"):
        model = build_model(config)
        label = torch.zeros(1, dtype=torch.long)
        return model, giga_multiply_adds(model, torch.zeros(1, 4, 32, 32), torch.zeros(1), label)


@pytest.mark.parametrize(
    ("size", "patch", "parameters", "gflops"),
    [
        ("S", 2, 32_865_056, 6.06),
        ("S", 4, 32_920_448, 1.41),
        ("B", 2, 130_315_808, 23.01),
        ("B", 4, 130_426_496, 5.56),
        ("L", 2, 457_840_672, 80.71),
        ("L", 4, 457_988_224, 19.70),
        ("XL", 2, 674_834_720, 118.64),
        ("XL", 4, 675_000_704, 29.05),
    ],
)
def test_dit_has_the_published_size(size: str, patch: int, parameters: int, gflops: float) -> None:
    """Parameters of the public code; Gflops of Table 4 of arXiv 2212.09748 (its counter adds a few norms)."""
    model, counted = on_paper(DiTConfig.preset(size, patch=patch, classes=1001, learn_sigma=True))
    assert count(model) == parameters
    assert counted == pytest.approx(gflops, abs=0.006 + 2e-4 * gflops)


@pytest.mark.parametrize(
    ("size", "patch", "parameters", "gflops"),
    [
        ("S", 2, 44_772_516, 12.25),
        ("S", 4, 44_723_412, 2.97),
        ("M", 2, 130_891_940, 35.22),
        ("M", 4, 130_818_260, 8.68),
        ("L", 2, 286_763_172, 76.46),
        ("L", 4, 286_664_916, 19.02),
        ("H", 2, 500_832_164, 133.20),
        ("H", 4, 500_721_620, 33.23),
    ],
)
def test_uvit_has_the_published_size(size: str, patch: int, parameters: int, gflops: float) -> None:
    """Parameters and multiply-adds of the public code (arXiv 2209.12152 prints 501 M and 133 G for H/2)."""
    model, counted = on_paper(UViTConfig.preset(size, patch=patch, classes=1001))
    assert count(model) == parameters
    assert counted == pytest.approx(gflops, abs=0.006)


def alive(model: nn.Module) -> nn.Module:
    """Without the zeros that hide everything at the start."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    return model.eval()


@pytest.mark.parametrize("network", [DiT, UViT])
@pytest.mark.parametrize("classes", [None, 3])
def test_any_grid_and_every_parameter_learns(network: type[DiT | UViT], classes: int | None) -> None:
    model = alive(network(grid=(4, 6), patch=2, hidden=16, depth=4, heads=2, classes=classes)).train()
    x, y = torch.randn(2, 4, 4, 6), () if classes is None else (torch.tensor([0, 2]),)
    out = model(x, torch.rand(2), *y)
    assert out.shape == x.shape
    out.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("network", [DiT, UViT])
def test_without_places_attention_does_not_see_the_order_of_patches(network: type[DiT | UViT]) -> None:
    fields = {"convolution": False} if network is UViT else {}
    model = alive(network(grid=(4, 6), patch=2, hidden=16, depth=4, heads=2, **fields))
    x, t = torch.randn(2, 4, 4, 6), torch.rand(2)
    assert not torch.allclose(model(x.roll(2, -1), t), model(x, t).roll(2, -1), atol=1e-4)
    model.pos_embed.data.zero_()
    assert torch.allclose(model(x.roll(2, -1), t), model(x, t).roll(2, -1), atol=1e-5)


def test_a_narrow_uvit_can_start_as_dit_does() -> None:
    """The published spread leaves a narrow stream with little more than its last skip: see `UViTConfig.start`."""
    x, t = torch.randn(8, 1, 8, 8), torch.rand(8)
    passed_on = {}
    for start in ("published", "xavier"):
        torch.manual_seed(0)
        model = UViT(grid=(8, 8), in_channels=1, hidden=32, depth=6, heads=4, patch=1, start=start)
        stream = []
        for block in (model.mid_block, model.out_blocks[-1]):
            block.register_forward_hook(
                lambda _, __, out, into=stream: into.append(float(out.detach().std()))
            )
        model(x, t)
        passed_on[start] = stream[1] / stream[0]
    assert passed_on["published"] < 0.2
    assert 0.5 < passed_on["xavier"] < 2
    assert torch.equal(model.pos_embed[:, 1:], cosine_position((8, 8), 32))
    with pytest.raises(ValueError, match="divisible by 4"):
        UViTConfig(hidden=6, heads=2, start="xavier")


def test_dit_starts_at_zero_and_can_give_a_variance() -> None:
    x, t = torch.randn(2, 4, 4, 4), torch.rand(2)
    out = DiT(grid=(4, 4), hidden=16, depth=2, heads=2, learn_sigma=True)(x, t)
    assert out.shape == (2, 8, 4, 4)
    assert out.abs().max() == 0


def test_uvit_reads_captions_token_by_token() -> None:
    model = alive(UViT(grid=(4, 4), hidden=16, depth=2, heads=2, text_width=5, text_tokens=3))
    x, t, y = torch.randn(2, 4, 4, 4), torch.rand(2), torch.randn(2, 3, 5)
    assert not torch.allclose(model(x, t, y), model(x, t, y.flip(1)), atol=1e-5)
    with pytest.raises(ValueError, match=r"y must be caption features \(2, 3, 5\)"):
        model(x, t, y[:, :2])


def test_uvit_hands_what_came_early_to_what_comes_late() -> None:
    """The first block's output reaches the last block past everything between."""
    model = alive(UViT(grid=(4, 4), hidden=16, depth=4, heads=2))
    for block in (*list(model.in_blocks)[1:], model.mid_block, *list(model.out_blocks)[:-1]):
        block.register_forward_hook(lambda module, inputs, output: output.detach())
    x = torch.randn(1, 4, 4, 4, requires_grad=True)
    model(x, torch.rand(1)).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("network", [DiT, UViT])
def test_gradient_checkpointing_changes_nothing(network: type[DiT | UViT]) -> None:
    x, t, gradients = torch.randn(2, 4, 4, 4), torch.rand(2), []
    for checkpointing in (False, True):
        fields = {"grid": (4, 4), "hidden": 16, "depth": 2, "heads": 2}
        torch.manual_seed(0)
        model = alive(network(**fields, gradient_checkpointing=checkpointing)).train()
        model(x, t).square().sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("config", "fields", "says"),
    [
        (DiTConfig, {"hidden": 32, "heads": 5}, "hidden 32 is not divisible by 5 heads"),
        (DiTConfig, {"grid": (2, 4, 4)}, "reads images"),
        (DiTConfig, {"text_width": 8}, "classes, not captions"),
        (UViTConfig, {"depth": 5}, "5 is not even"),
        (UViTConfig, {"grid": (2, 4, 4)}, "reads images"),
    ],
)
def test_what_does_not_fit_together_is_refused(config: type, fields: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        config(**fields)
    assert "\n" not in str(caught.value)


def test_an_unknown_size_is_named_with_the_known() -> None:
    with pytest.raises(ValueError, match=r"unknown DiT size 'M'.*known: S, B, L, XL"):
        DiTConfig.preset("M")
