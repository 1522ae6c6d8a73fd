"""One step of training: what it draws, its learning rate, and what must not change its numbers."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from zigma.data import load_data
from zigma.data.config import DataConfig
from zigma.interpolant.config import InterpolantConfig
from zigma.models.config import ZigMaConfig
from zigma.training import Questions, TrainingStep, draw_questions, train
from zigma.training.config import TrainingConfig
from zigma.training.step import learning_rate

MODEL = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=1, scan="zigzag-1")
TRAINING = TrainingConfig(steps=3, batch_images=4, learning_rate=1e-3, ema_rate=0.5)
DATA = load_data(DataConfig(name="digits", size=8)).train


class Linear(nn.Module):
    """One weight that scales the state."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.weight * x


def test_a_step_is_adamw_on_the_clipped_gradient_and_the_average_follows() -> None:
    model = Linear()
    reference = nn.Parameter(torch.ones(1))
    optimiser = torch.optim.AdamW([reference], lr=1e-3, weight_decay=0.0)
    step = TrainingStep(model, TRAINING, cpu=True)
    average = 1.0
    for number in range(3):
        data, noise, t = torch.randn(4, 2), torch.randn(4, 2), torch.rand(4)
        loss = step(Questions(data, noise, t), number)
        x = t[:, None] * data + (1 - t[:, None]) * noise
        expected = (reference * x - (data - noise)).square().mean()  # Eq. 12
        optimiser.zero_grad()
        expected.backward()
        nn.utils.clip_grad_norm_([reference], TRAINING.clip_norm)
        optimiser.step()
        average += 0.5 * (reference.item() - average)
        assert loss == pytest.approx(expected.item(), rel=1e-6)
        assert model.weight.item() == pytest.approx(reference.item(), rel=1e-6)
        assert float(next(step.ema.model.parameters())) == pytest.approx(average, rel=1e-6)


def test_questions_follow_from_the_seed_and_the_step_alone() -> None:
    first = draw_questions(DATA, MODEL, TRAINING, seed=1, step=5)
    torch.rand(7)
    again = draw_questions(DATA, MODEL, TRAINING, seed=1, step=5)
    for one, other in zip(first[:3], again[:3], strict=True):
        assert one is not None
        assert torch.equal(one, other)
    assert first.y is None
    for other in (
        draw_questions(DATA, MODEL, TRAINING, seed=2, step=5),
        draw_questions(DATA, MODEL, TRAINING, seed=1, step=6),
    ):
        assert not torch.equal(first.data, other.data)
        assert not torch.equal(first.noise, other.noise)
        assert not torch.equal(first.t, other.t)


def test_fields_are_fresh_at_every_step() -> None:
    data = load_data(DataConfig(name="fields", size=4)).train
    items = torch.cat(
        [draw_questions(data, MODEL, TRAINING, seed=s, step=i).data for s in (0, 1) for i in range(5)]
    )
    assert len(torch.unique(items.flatten(1), dim=0)) == 40


def test_the_schedules() -> None:
    constant = TrainingConfig(steps=100, learning_rate=2.0, warmup_steps=10)
    cosine = constant.replace(schedule="cosine")
    rates = np.array([learning_rate(cosine, step) for step in range(100)])
    assert learning_rate(constant, 0) == learning_rate(cosine, 0) == pytest.approx(0.2)
    assert {learning_rate(constant, step) for step in range(9, 100)} == {2.0}
    assert rates[10] == pytest.approx(2.0)
    assert rates[55] == pytest.approx(1.0)  # half the way from the end of the warm-up
    assert (np.diff(rates[10:]) < 0).all()
    assert 0 < rates[-1] < 0.001
    assert learning_rate(TrainingConfig(steps=5, warmup_steps=9, schedule="cosine"), 4) > 0


def test_a_schedule_at_its_default_enters_no_identity() -> None:
    assert "schedule" not in TrainingConfig().model_dump()
    assert TrainingConfig(schedule="cosine").model_dump()["schedule"] == "cosine"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "1000"),
        ("ACCELERATE_MIXED_PRECISION", "bf16"),
        ("ACCELERATE_DYNAMO_BACKEND", "eager"),
        ("ACCELERATE_USE_FSDP", "true"),
        ("ACCELERATE_USE_DEEPSPEED", "true"),
    ],
)
def test_the_environment_changes_no_weight(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def weights(name: str) -> list[Tensor]:
        done = train(MODEL, DATA, InterpolantConfig(), TRAINING, seed=0, checkpoint=tmp_path / name)
        return list(done.model.parameters())

    expected = weights("without.pt")
    monkeypatch.setenv(variable, value)
    for one, other in zip(expected, weights("with.pt"), strict=True):
        assert torch.equal(one, other)

    assert os.environ[variable] == value


@pytest.mark.skipif(torch.cuda.is_available(), reason="fp16 is for GPUs")
def test_fp16_is_refused_on_a_cpu() -> None:
    with pytest.raises(ValueError, match=r"precision=fp16 needs a GPU.*bf16"):
        TrainingStep(Linear(), TRAINING.replace(precision="fp16"))
