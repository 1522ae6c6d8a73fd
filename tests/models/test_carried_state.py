"""States that go on from layer to layer (Arcee, arXiv 2511.11243)."""

import pytest
import torch
from small_networks import network
from torch import Tensor

from zigma.models import Mamba
from zigma.models.config import ZigMaConfig
from zigma.models.specs import MambaSpec
from zigma.scans import scan_plan

CARRIED = MambaSpec(state=4, carry_state=True)
PLANS = [
    *("sweep-1", "zigzag-8", "random-2", "bidirectional", "parallel-3", "shared-sweep@0,6"),
    *("channels-zigzag-3", "zigzag-1+parallel-2", "parallel-2+channels-3+shared-3+sweep-1"),
]


def inputs(*grid: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, *grid[:-2], 2, *grid[-2:]), torch.rand(2)


@pytest.mark.parametrize(
    "plan", ["sweep-1", "parallel-sweep@0,0", "shared-sweep@0,0", "channels-sweep@0,0,0"]
)
def test_two_scans_with_a_state_between_are_one_longer_scan(plan: str) -> None:
    """Without a convolution, which does not reach over the boundary; 3x4 tokens and then 5x4 as rows of a sweep."""
    torch.manual_seed(0)
    grids = ((3, 4), (5, 4), (8, 4))
    first, second, whole = (
        Mamba(8, scan_plan(plan, grid, 1)[0], MambaSpec(state=3, taps=1, carry_state=True)).double()
        for grid in grids
    )
    for other in (second, whole):
        other.load_state_dict(first.state_dict())
    x = torch.randn(2, 32, 8, dtype=torch.float64)
    start, states = first.carry(x[:, :12], False, None)
    end, last = second.carry(x[:, 12:], False, states)
    expected, expected_last = whole.carry(x, False, None)
    assert torch.allclose(torch.cat([start, end], dim=1), expected)
    assert torch.allclose(last, expected_last)
    assert torch.allclose(whole(x), expected)
    assert not torch.allclose(second(x[:, 12:]), end)


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("keep_order", [False, True])
def test_every_plan_runs_forward_and_backward(plan: str, keep_order: bool) -> None:
    model = network(grid=(3, 5), scan=plan, depth=6, mixer=CARRIED).train()
    out = model(*inputs(3, 5))
    model.keep_order = keep_order
    assert torch.allclose(model(*inputs(3, 5)), out, atol=1e-5)
    out.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_videos_hand_on_whole_scans_and_segments_are_refused() -> None:
    model = network(grid=(2, 3, 4), scan="video-zigzag3d-8", mixer=CARRIED)
    x, t = inputs(2, 3, 4)
    assert model(x, t).shape == x.shape
    with pytest.raises(ValueError, match="a state is handed on by scans of all tokens: 'space zigzag' has 2"):
        network(grid=(2, 3, 4), scan="video-st", mixer=CARRIED)


def test_in_a_second_layer_the_first_token_knows_the_last() -> None:
    for mixer, depth, knows in ((MambaSpec(), 2, False), (CARRIED, 1, False), (CARRIED, 2, True)):
        model = network(grid=(3, 4), scan="sweep-1", depth=depth, mixer=mixer)
        x, t = inputs(3, 4)
        x.requires_grad_()
        (gradient,) = torch.autograd.grad(model(x, t)[..., 0, 0].sum(), x)
        assert (gradient[..., -1, -1].abs().sum() > 0) == knows


def test_a_layer_with_other_states_learns_sums_of_them() -> None:
    model = network(grid=(3, 4), scan="parallel-2+zigzag-1", depth=3, mixer=CARRIED)
    one, two = (model.blocks[i].mixer.boundary for i in (1, 2))
    assert one.tolist() == [[0.5, 0.5]]
    assert two.tolist() == [[1.0], [1.0]]
    assert model.blocks[0].mixer.boundary is None
    names = set(network(grid=(3, 4), scan="zigzag-8", mixer=CARRIED).state_dict())
    assert names == set(network(grid=(3, 4), scan="zigzag-8").state_dict())  # no parameters of its own


def test_gradient_checkpointing_changes_nothing() -> None:
    gradients = []
    for checkpointing in (False, True):
        model = network(
            grid=(3, 4), scan="zigzag-1+parallel-2", mixer=CARRIED, gradient_checkpointing=checkpointing
        ).train()
        model(*inputs(3, 4)).sum().backward()
        gradients.append([p.grad for p in model.parameters()])
    for a, b in zip(*gradients, strict=True):
        assert torch.equal(a, b)


def test_a_record_from_before_means_the_same() -> None:
    assert "carry_state" not in ZigMaConfig().model_dump()["mixer"]
    config = ZigMaConfig(mixer=CARRIED)
    assert ZigMaConfig.model_validate(config.model_dump(mode="json")) == config
