"""The held-out loss asks the same questions of every network, however they are cut into batches."""

import pytest
import torch
from torch import Tensor, nn

from zigma.data import DataConfig, load_data
from zigma.interpolant.config import InterpolantConfig
from zigma.models.config import ZigMaConfig
from zigma.training import held_out_loss

MODEL = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=1)
DATA = load_data(DataConfig()).held_out


class Zero(nn.Module):
    """Predicts no motion, so that its loss is the mean square of x_1 - x_0."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(1))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        self.seen.append(t)
        return torch.zeros_like(x)


def loss(model: nn.Module, batch: int, n: int | None = None) -> float:
    return held_out_loss(model, MODEL, DATA, InterpolantConfig(), batch_images=batch, n=n)


def test_it_is_the_mean_square_of_the_velocity() -> None:
    images = DATA.batch(range(len(DATA))).images
    # E |x_1 - x_0|^2 of independent x_1, and x_0 of unit variance
    expected = float(images.square().mean()) + 1
    assert loss(Zero(), 125) == pytest.approx(expected, rel=0.01)


def test_the_times_are_spread_evenly() -> None:
    model = Zero()
    loss(model, 64, n=100)
    times = torch.cat(model.seen)
    assert len(times) == 400
    for draw in times.split(100):
        assert torch.equal((draw * 100).floor().sort().values, torch.arange(100.0))


def test_the_size_of_a_batch_makes_no_difference() -> None:
    assert loss(Zero(), 50) == pytest.approx(loss(Zero(), 125), rel=1e-6)
