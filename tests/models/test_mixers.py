"""The recurrences of the mixers against closed forms, and mixed precision."""

import math
from copy import deepcopy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.models import Block, Mamba, ZigMa
from zigma.models.config import ZigMaConfig
from zigma.models.mixers import build_mixer
from zigma.models.mixers.base import Mixer
from zigma.models.mixers.gated_linear_attention import gated_linear_attention
from zigma.models.mixers.parts import STEP_MAX, STEP_MIN
from zigma.models.mixers.recurrences import decayed_attention_reference
from zigma.models.specs import (
    GatedDeltaNetSpec,
    GatedLinearAttentionSpec,
    HGRN2Spec,
    Mamba2Spec,
    MambaSpec,
    MixerSpec,
    MLSTMSpec,
    RWKV6Spec,
    WithHeads,
)
from zigma.scans import Layer, scan_plan


def random(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("length", [1, 2, 7, 33])
def test_gated_linear_attention_is_attention_with_decaying_weights(length: int) -> None:
    """o_t = sum over s <= t of (q_t exp(sum of log forgets after s, to t) . k_s) v_s / sqrt(K)."""
    torch.manual_seed(0)
    q, k, v = random(2, length, 3, 4), random(2, length, 3, 4), random(2, length, 3, 5)
    log_forget = -random(2, length, 3, 4).abs()
    total = log_forget.cumsum(1)
    decay = (total[:, :, None] - total[:, None]).exp()  # (B, t, s, H, K)
    scores = torch.einsum("bthk,btshk,bshk->btsh", q, decay, k) / math.sqrt(4)
    causal = torch.ones(length, length).tril().bool()
    expected = torch.einsum("btsh,bshv->bthv", scores.masked_fill(~causal[None, :, :, None], 0), v)
    assert torch.allclose(gated_linear_attention(q, k, v, log_forget), expected)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_half_precision_does_not_overflow(precision: torch.dtype) -> None:
    """The stream grows with depth; float16 ends at 65504."""
    (layer,) = scan_plan("zigzag-1", (3, 4), 1)
    torch.manual_seed(0)
    block = Block(16, Mamba(16, layer))
    stream = 1e6 * torch.randn(2, 12, 16)
    expected = block(stream)
    with torch.autocast("cpu", precision):
        out = block(stream)
    assert out.dtype == torch.float32
    assert torch.allclose(out - stream, expected - stream, atol=0.2)
    halved = block.to(precision)(stream)
    assert halved.dtype == torch.float32
    assert torch.allclose(halved - stream, expected - stream, atol=0.2)


def test_double_precision_stays_double() -> None:
    (layer,) = scan_plan("zigzag-1", (3, 4), 1)
    block = Block(8, Mamba(8, layer, MambaSpec(state=2))).double()
    x = random(1, 12, 8).requires_grad_()
    assert torch.autograd.gradcheck(block, x)


def test_the_state_space_model_starts_as_published() -> None:
    torch.manual_seed(0)
    (layer,) = scan_plan("bidirectional", (4, 4), 1)
    depth = 9
    mixer = Mamba(64, layer, depth=depth)
    for direction in mixer.directions:
        assert torch.allclose(direction.A_log.exp(), torch.arange(1.0, 17).expand(128, 16))
        step = torch.nn.functional.softplus(direction.dt_proj.bias)
        assert STEP_MIN * 0.999 <= step.min() < 3 * STEP_MIN
        assert STEP_MAX / 3 < step.max() <= STEP_MAX * 1.001
        assert direction.dt_proj.weight.abs().max() <= 4**-0.5  # rank 64 / 16
        assert torch.equal(direction.D, torch.ones(128))
    bound = 128**-0.5 / math.sqrt(depth)  # torch's uniform start, scaled
    assert 0.95 * bound < mixer.out_proj.weight.abs().max() <= bound


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (Mamba2Spec(heads=3), "the inner width 32 is not divisible by 3 heads"),
        (MLSTMSpec(heads=5), "the inner width 32 is not divisible by 5 heads"),
        (GatedDeltaNetSpec(heads=5), "three quarters of hidden 16 are not divisible by 5 heads"),
        (HGRN2Spec(heads=3), "hidden 16 is not divisible by 3 heads"),
        (HGRN2Spec(inner=30), "the inner width 30 is not divisible by the 4 heads"),
        (GatedDeltaNetSpec(inner=36), "the inner width 36 is not divisible by twice the 4 heads"),
    ],
)
def test_heads_that_do_not_fit_are_refused(spec: MixerSpec, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        ZigMaConfig(hidden=16, mixer=spec)


@pytest.mark.parametrize(
    "spec", [Mamba2Spec(), GatedDeltaNetSpec(), HGRN2Spec(), MLSTMSpec(), RWKV6Spec()], ids=lambda s: s.kind
)
def test_every_parameter_learns_and_bfloat16_comes_near(spec: MixerSpec) -> None:
    (layer,) = scan_plan("channels-zigzag@0,6", (5, 7), 1)
    torch.manual_seed(0)
    mixer = build_mixer(32, layer, spec)
    x = torch.randn(2, 35, 32)
    expected = mixer(x)
    expected.square().sum().backward()
    for name, parameter in mixer.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name
    with torch.autocast("cpu", torch.bfloat16):
        near = mixer(x)
    assert (near - expected).abs().max() < 0.05 * expected.abs().max()


OTHERS = (GatedLinearAttentionSpec, Mamba2Spec, GatedDeltaNetSpec, HGRN2Spec, MLSTMSpec, RWKV6Spec)


@pytest.mark.parametrize("kind", OTHERS, ids=lambda kind: kind.__name__)
def test_an_inner_width_of_ones_own_fits_any_hidden_width(kind: type[WithHeads]) -> None:
    """Widths that no head divides, as equal parameters ask for."""
    (layer,) = scan_plan("bidirectional", (3, 5), 1)
    torch.manual_seed(0)
    spec = kind(heads=3, inner=24)
    assert ZigMaConfig(hidden=17, mixer=spec).mixer == spec
    mixer = build_mixer(17, layer, spec)
    assert mixer.out_proj.weight.shape == (17, 24)
    out = mixer(torch.randn(2, 15, 17))
    assert out.shape == (2, 15, 17)
    out.square().sum().backward()
    assert all(p.grad is not None for p in mixer.parameters())
    assert kind() == kind(inner=None)
    assert "inner" not in kind().model_dump()


def test_hgrn_2_forgets_less_in_higher_layers() -> None:
    """Its gates' lower bounds are sums of a softmax over the layers: 0, 1/3, 2/3 at the start, and learned."""
    torch.manual_seed(0)
    config = ZigMaConfig(
        grid=(3, 4), in_channels=1, hidden=8, depth=3, scan="channels-sweep@0,6", mixer=HGRN2Spec(heads=2)
    )
    plain, bounded = ZigMa(config), ZigMa(config.replace(mixer=HGRN2Spec(heads=2, lower_bound=True)))
    assert plain.lower_bounds is None
    assert bounded.lower_bounds is not None
    assert set(bounded.state_dict()) - set(plain.state_dict()) == {"lower_bounds.logits"}
    expected = torch.tensor([0, 1 / 3, 2 / 3])[:, None].expand(3, 8)
    assert torch.allclose(bounded.lower_bounds(), expected)
    bounded.load_state_dict(plain.state_dict(), strict=False)
    x = torch.randn(2, 12, 8)
    mixers = [(a.mixer, b.mixer) for a, b in zip(plain.blocks, bounded.blocks, strict=True)]
    assert torch.equal(mixers[0][0](x), mixers[0][1](x))  # the lowest layer has none
    assert not torch.allclose(mixers[1][0](x), mixers[1][1](x))
    for layer, (_, mixer) in enumerate(mixers):  # a gate of 1/2, of which the bound leaves the rest
        for direction in mixer.directions:
            torch.nn.init.zeros_(direction.forget.weight)
        q, v = mixer.in_proj(x).chunk(2, dim=-1)
        forget = torch.full((2, 12, 2, 4), (layer / 3 + (1 - layer / 3) / 2))
        parts = []
        for head, (direction, path) in enumerate(zip(mixer.directions, mixer.paths, strict=True)):
            read = [path.sequences(each, False).unflatten(-1, (2, 4)) for each in (F.silu(q), v)]
            y = decayed_attention_reference(read[0], 1 - forget, read[1], forget.log())[:, :, head]
            parts.append(path.tokens(direction.norm(y), False))
        assert torch.allclose(mixer(x), mixer.out_proj(torch.cat(parts, dim=-1)), atol=1e-5)
    for block in bounded.blocks:
        torch.nn.init.normal_(block.adaLN_modulation[1].bias)
    torch.nn.init.normal_(bounded.final_layer.linear.weight)
    copy = deepcopy(bounded)
    bounded(torch.randn(2, 1, 3, 4), torch.rand(2)).square().sum().backward()
    gradient = bounded.lower_bounds.logits.grad
    assert gradient is not None
    assert gradient.abs().sum() > 0
    with torch.no_grad():
        bounded.lower_bounds.logits += torch.randn(3, 8)
    assert torch.allclose(copy.blocks[2].mixer.bound()[0], torch.tensor(2 / 3))  # it has bounds of its own


class Diagonal(Mixer):
    """A recurrence over the grid itself: h[i, j] = a h[i - 1, j] + b h[i, j - 1] + x[i, j], for any grid (H, W)."""

    def __init__(self, hidden: int, scan: Layer) -> None:
        super().__init__(scan, prefix=0)
        self.decays = torch.nn.Parameter(torch.rand(2, hidden) / 2)

    @property
    def order(self) -> None:
        return None  # it reads no path

    def forward(self, x: Tensor, arranged: bool = False) -> Tensor:
        height, width = self.grid
        rows = x.unflatten(1, (height, width)).unbind(1)
        above, out = torch.zeros_like(rows[0]), []
        for row in rows:
            states: list[Tensor] = []
            for j in range(width):
                left = states[-1] if states else torch.zeros_like(row[:, 0])
                states.append(self.decays[0] * above[:, j] + self.decays[1] * left + row[:, j])
            above = torch.stack(states, dim=1)
            out.append(above)
        return torch.stack(out, dim=1).flatten(1, 2)


def test_a_recurrence_over_the_grid_is_a_mixer() -> None:
    """Its answer to one token: binomially many ways lead down and right from it."""
    (layer,) = scan_plan("zigzag-1", (3, 4), 1)
    mixer = Diagonal(1, layer)
    x = torch.zeros(1, 3, 4, 1)
    x[0, 0, 1] = 1
    a, b = mixer.decays.detach().flatten().tolist()
    answer = mixer(x.flatten(1, 2)).detach().view(3, 4)
    for i in range(3):
        for j in range(4):
            ways = math.comb(i + j - 1, i) if j >= 1 else 0
            assert answer[i, j] == pytest.approx(ways * a**i * b ** (j - 1) if ways else 0.0, abs=1e-6)
    block = Block(4, Diagonal(4, layer))
    assert block(torch.randn(2, 12, 4), torch.randn(2, 4)).shape == (2, 12, 4)


def test_settings_of_a_mixer_are_checked() -> None:
    with pytest.raises(ValueError, match="state must be at least 1"):
        MambaSpec(state=0)
    assert ZigMaConfig().mixer == MambaSpec()


@pytest.mark.parametrize("mixer", ["mlstm", "rwkv-6"])
def test_counted_without_memory_where_linspace_stays_on_the_cpu(
    mixer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """transformers replaces it so while it loads weights, and torch may remember that for good."""
    real = torch.linspace
    monkeypatch.setattr(
        torch, "linspace", lambda *args, **options: real(*args, **{**options, "device": "cpu"})
    )
    with torch.device("meta"):
        network = ZigMa(grid=(2, 2), in_channels=1, hidden=8, depth=1, mixer=mixer)
    assert {parameter.device.type for parameter in network.parameters()} == {"meta"}
