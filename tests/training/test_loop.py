"""Training: a resumed run equals an uninterrupted one, clipping acts, and a bad loss stops the run."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import zigma.training.loop as loop
import zigma.training.step as step_module
from zigma.data import load_data
from zigma.data.config import DataConfig
from zigma.interpolant.config import InterpolantConfig
from zigma.models.config import ZigMaConfig
from zigma.training.checkpoint import BadCheckpoint
from zigma.training.config import TrainingConfig
from zigma.training.ema import EMA

MODEL = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, patch=2, scan="zigzag-2", drop_path=0.2)
TRAINING = TrainingConfig(steps=6, batch_images=4, learning_rate=1e-3, ema_rate=0.9)


class Stop(Exception):
    """Stands for a kill."""


class WithSkipped:
    """A split that remembers what it could not read, as one of shards does."""

    def __init__(self, split: Any, skipped: dict[str, str]) -> None:
        self.split, self.skipped = split, skipped

    def __len__(self) -> int:
        return len(self.split)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.split, name)


def trained(checkpoint: Path, **options: Any) -> loop.Trained:
    data = load_data(DataConfig(name="digits", size=8)).train
    return loop.train(MODEL, data, InterpolantConfig(), TRAINING, seed=3, checkpoint=checkpoint, **options)


@pytest.mark.parametrize("killed_at", [1, 4])
def test_a_resumed_run_ends_in_the_same_numbers(tmp_path: Path, killed_at: int) -> None:
    def kill(progress: loop.Progress) -> None:
        if progress.step == killed_at:
            raise Stop

    whole = trained(tmp_path / "whole.pt")
    with pytest.raises(Stop):
        trained(tmp_path / "cut.pt", checkpoint_every_s=-1, watch=kill)
    resumed = trained(tmp_path / "cut.pt")
    assert resumed.curves == whole.curves
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name]), name


def test_a_resumed_run_knows_what_could_not_be_read_before(tmp_path: Path) -> None:
    def train(**options: Any) -> dict[str, str]:
        data = WithSkipped(load_data(DataConfig(name="digits", size=8)).train, options.pop("skipped"))
        loop.train(
            MODEL, data, InterpolantConfig(), TRAINING, seed=3, checkpoint=tmp_path / "c.pt", **options
        )
        return data.skipped

    def kill(progress: loop.Progress) -> None:
        raise Stop

    with pytest.raises(Stop):
        train(skipped={"a.tar:3": "no picture"}, checkpoint_every_s=-1, watch=kill)
    assert train(skipped={"a.tar:4": "cut"}) == {"a.tar:3": "no picture", "a.tar:4": "cut"}


@pytest.mark.parametrize(
    ("seed", "changes", "message"),
    [
        (4, {}, "made with another seed"),
        (3, {"learning_rate": 2e-3}, r"made with another training\.learning_rate"),
        (3, {"steps": 7, "schedule": "cosine"}, r"training\.schedule, training\.steps"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused_and_left_alone(
    tmp_path: Path, seed: int, changes: dict[str, Any], message: str
) -> None:
    path = tmp_path / "c.pt"
    trained(path)
    before = path.read_bytes()
    data = load_data(DataConfig(name="digits", size=8)).train
    with pytest.raises(BadCheckpoint, match=message) as caught:
        loop.train(MODEL, data, InterpolantConfig(), TRAINING.replace(**changes), seed=seed, checkpoint=path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    with pytest.raises(BadCheckpoint, match=r"made with another model\.scan"):
        loop.train(
            MODEL.replace(scan="sweep-1"), data, InterpolantConfig(), TRAINING, seed=3, checkpoint=path
        )


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    seen: list[loop.Progress] = []
    trained(tmp_path / "c.pt", watch=seen.append)
    assert [progress.step for progress in seen] == [1, 2, 3, 4, 5, 6]
    assert seen[-1].seconds_left == 0
    assert seen[0].seconds_left > 0


@pytest.mark.parametrize("every_steps", [0, -1, 2.5, float("nan"), True])
def test_measuring_on_the_way_takes_whole_steps(tmp_path: Path, every_steps: Any) -> None:
    with pytest.raises(ValueError, match="every_steps must be a whole number of at least 1"):
        trained(tmp_path / "c.pt", every_steps=every_steps)


class Scale(nn.Module):
    """One weight, zero at the start, so that its gradient is known."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        return self.weight * 1e6 + 0 * x


def test_clipping_acts_before_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "build_model", lambda config: Scale())
    monkeypatch.setattr(torch.optim, "AdamW", lambda params, lr, **_: torch.optim.SGD(params, lr=lr))
    config = TrainingConfig(steps=1, batch_images=4, learning_rate=0.1, clip_norm=2.0, ema_rate=0.0)
    data = load_data(DataConfig(name="digits", size=8)).train
    done = loop.train(MODEL, data, InterpolantConfig(), config, seed=0, checkpoint=tmp_path / "c.pt")
    # the gradient is about 1e6; SGD moves by the learning rate times the clipped norm and no further
    assert float(next(done.model.parameters()).abs()) == pytest.approx(0.2, rel=1e-4)


def test_a_loss_that_is_not_finite_stops_the_run_with_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, calls = step_module.interpolant_loss, SimpleNamespace(n=0)

    def broken(*args: Any) -> Tensor:
        calls.n += 1
        return honest(*args) * (float("nan") if calls.n == 3 else 1.0)

    monkeypatch.setattr(step_module, "interpolant_loss", broken)
    with pytest.raises(FloatingPointError, match="at step 3"):
        trained(tmp_path / "c.pt")


def test_ema_is_the_closed_form_average() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.constant_(model.weight, 1.0)
    ema = EMA(model, rate=0.9)
    values = np.random.default_rng(0).normal(size=20)
    for value in values:
        nn.init.constant_(model.weight, value)
        ema.update(model)
    weights = 0.1 * 0.9 ** np.arange(19, -1, -1)
    assert float(next(ema.model.parameters())) == pytest.approx(0.9**20 + float(weights @ values), rel=1e-5)


@pytest.mark.parametrize("rate", [-0.1, 1.1, float("nan"), True])
def test_an_average_has_a_rate_between_0_and_1(rate: float) -> None:
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        EMA(nn.Linear(1, 1), rate)
