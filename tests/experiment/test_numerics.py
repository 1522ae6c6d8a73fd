"""Golden numbers: what a configuration computes may change only together with `NUMERICS`.

Another processor, torch or number of threads changes last digits; another loss, kernel, EMA, sampler, metric, scaling,
split or initialisation changes the leading ones. Whoever means to change them raises `zigma.experiment.config.NUMERICS`
and writes the new numbers here, in one commit: all records of before are then stale.
"""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

from studies.declare import identity as identities
from zigma.data import load_data
from zigma.data.config import DataConfig
from zigma.experiment.config import NUMERICS, RunConfig
from zigma.interpolant import sample
from zigma.interpolant.config import InterpolantConfig, SamplingConfig
from zigma.metrics import frechet_distance, kid
from zigma.models import build_model
from zigma.models.config import ZigMaConfig
from zigma.training import train
from zigma.training.config import TrainingConfig
from zigma.training.randomness import batch_indices, derived_seed

GOLDEN_OF = 1
LAST_DIGITS = 2e-4  # over processors and versions of torch, after three steps
MODEL = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, patch=2, scan="zigzag-2", classes=11)
TRAINING = TrainingConfig(
    steps=3, batch_images=8, learning_rate=1e-2, ema_rate=0.8, condition_dropout=0.3, warmup_steps=2
)


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def weighed(x: torch.Tensor) -> float:
    """A sum that every value and every place has a part in."""
    flat = x.detach().double().flatten()
    return float((flat * torch.linspace(1, 2, len(flat), dtype=torch.float64)).sum())


def near(*golden: float) -> object:
    return pytest.approx(golden, rel=LAST_DIGITS)


def test_these_numbers_are_of_this_version() -> None:
    assert NUMERICS == GOLDEN_OF, "write the new numbers into this file together with the new version"


def test_scaling_and_split_of_the_digits() -> None:
    data = load_data(DataConfig(name="digits", size=8))
    assert (len(data.train), len(data.held_out)) == (1297, 500)
    values = [weighed(part.batch(np.arange(len(part))).images) for part in (data.train, data.held_out)]
    assert values == near(-48485.98587, -18767.93611)
    assert float(data.train.batch(np.arange(64)).images.min()) == -1.0


def test_order_of_batches_and_seeds() -> None:
    order = hashlib.sha256(np.concatenate([batch_indices(3, step, 8, 20) for step in range(5)]).tobytes())
    assert (order.hexdigest()[:8], derived_seed(0, "step", 7)) == ("42a6285e", 3957969014584481901)


def test_initialisation() -> None:
    torch.manual_seed(0)
    model = build_model(MODEL)
    assert [weighed(torch.cat([p.flatten() for p in model.parameters()]))] == near(2862.822438)


def test_loss_optimiser_and_average(tmp_path: Path) -> None:
    data = load_data(DataConfig(name="digits", size=8))
    torch.manual_seed(derived_seed(0, "initialisation"))
    start = torch.cat([p.detach().flatten() for p in build_model(MODEL).parameters()])
    trained = train(
        MODEL, data.train, InterpolantConfig(), TRAINING, seed=0, checkpoint=tmp_path / "checkpoint.pt"
    )
    end = torch.cat([p.detach().cpu().flatten() for p in trained.model.parameters()])
    assert trained.curves["loss"]["value"] == near(2.0888366699, 1.7006795406, 1.8856652975)
    assert [float((end - start).abs().sum())] == near(31.712858)


def test_samplers() -> None:
    def model(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        return torch.sin(3 * x) - t.view(-1, 1, 1, 1)

    noise = torch.linspace(-2, 2, 64).reshape(4, 1, 4, 4)
    for sampler, golden in (("euler", -7.6237577820), ("heun", -9.4965495940)):
        drawn = sample(InterpolantConfig(), SamplingConfig(sampler=sampler, steps=5), model, noise)
        assert [weighed(drawn)] == near(golden), sampler


def test_distances() -> None:
    generator = np.random.default_rng(0)
    generated, real = generator.normal(size=(200, 8)), generator.normal(0.1, 1.2, size=(200, 8))
    values = [frechet_distance(generated=generated, real=real), kid(generated=generated, real=real)]
    assert values == near(0.6304952076, 0.0661151001)


def test_the_version_enters_identities_from_the_second_on(monkeypatch: pytest.MonkeyPatch) -> None:
    config = RunConfig(data=DataConfig(name="digits", size=8), model=MODEL)
    before = identities.identity(config)
    assert "numerics" not in identities.fingerprints(config)
    monkeypatch.setattr(identities, "NUMERICS", 2)
    identities._fingerprints.cache_clear()
    assert identities.fingerprints(config)["numerics"] == "2"
    assert identities.identity(config) != before
    monkeypatch.undo()
    identities._fingerprints.cache_clear()
    assert identities.identity(config) == before
