"""A run end to end: what it measures, what it leaves, and that a killed one ends in the same numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import CONFIG, MODEL, ON_THE_WAY, a_run, done, values

import zigma.experiment.estimate
from studies.run.carry_out import carry_out
from studies.run.conditions import Conditions
from zigma.experiment.artifacts import shown
from zigma.experiment.estimate import batch_of
from zigma.experiment.watch import Watch
from zigma.interpolant.config import SamplingConfig
from zigma.metrics import Features, evaluate_features
from zigma.models.config import ZigMaConfig


class Stop(BaseException):
    """Stands for a kill."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="module")
def plain(results: Path) -> dict[str, Any]:
    return done(CONFIG, results)


@pytest.fixture(scope="module")
def watched(results: Path) -> dict[str, Any]:
    return done(ON_THE_WAY, results)


def test_measuring_on_the_way_changes_no_number_of_the_end(
    plain: dict[str, Any], watched: dict[str, Any]
) -> None:
    assert watched["metrics"] == plain["metrics"]
    assert watched["curves"]["loss"] == plain["curves"]["loss"]
    assert list(plain["curves"]) == ["loss"]
    assert plain["wall_time_s"]["on_the_way"] == 0
    assert watched["wall_time_s"]["on_the_way"] > 0


def test_curves_on_the_way_carry_their_protocol_and_end_where_the_run_ends(watched: dict[str, Any]) -> None:
    curves = watched["curves"]
    assert set(curves) == {"loss", "held_out_loss", "fd_digits"}
    for name in ("held_out_loss", "fd_digits"):
        assert curves[name]["step"] == [2, 4, 6]
        assert len(set(curves[name]["value"])) == 3
    assert curves["fd_digits"]["protocol"]["n_generated"] == 40
    assert curves["fd_digits"]["protocol"]["n_real"] == 100
    assert curves["held_out_loss"]["protocol"] == {"n_real": 40, "reference": "held-out"}


def test_the_last_point_on_the_way_is_the_final_metric_when_n_is_the_same(tmp_path: Path) -> None:
    evaluation = CONFIG.evaluation.replace(every_steps=6, n_on_the_way=CONFIG.evaluation.n_generated)
    record = done(CONFIG.replace(evaluation=evaluation), tmp_path)
    assert record["curves"]["fd_digits"]["value"] == [values(record)["fd_digits"]]


@pytest.mark.parametrize("killed_at", [1, 2, 5, 6])
def test_a_killed_run_has_the_curves_of_an_uninterrupted_one(
    watched: dict[str, Any], tmp_path: Path, killed_at: int
) -> None:
    def kill(progress: Any) -> None:
        if progress.step == killed_at:
            raise Stop

    with pytest.raises(Stop):
        carry_out(a_run(ON_THE_WAY), Conditions(tmp_path, checkpoint_every_s=-1), Watch(training=kill))
    resumed = done(ON_THE_WAY, tmp_path)
    assert resumed["curves"] == watched["curves"]
    assert resumed["metrics"] == watched["metrics"]


def test_a_run_killed_after_training_draws_its_samples_without_training_again(
    plain: dict[str, Any], tmp_path: Path
) -> None:
    steps: list[int] = []

    def kill(message: str) -> None:
        if message.startswith("sampling"):
            raise Stop

    with pytest.raises(Stop):
        carry_out(a_run(CONFIG), Conditions(tmp_path), Watch(stage=kill))
    resumed = done(CONFIG, tmp_path, watch=Watch(training=lambda progress: steps.append(progress.step)))
    assert steps == []
    assert resumed["metrics"] == plain["metrics"]


def test_every_metric_can_be_computed_again_from_the_saved_features(
    results: Path, plain: dict[str, Any]
) -> None:
    folder = results / plain["artifacts"]["features"]
    sides = [Features.load(folder / f"{side}.digits.safetensors") for side in ("generated", "real")]
    again = evaluate_features(*sides, metrics=CONFIG.evaluation.metrics)
    assert again == [metric for metric in plain["metrics"] if metric["name"] != "held_out_loss"]


def test_the_weights_that_were_judged_are_kept(results: Path, plain: dict[str, Any]) -> None:
    from safetensors.torch import load_file

    from zigma.data import load_data
    from zigma.models import build_model
    from zigma.training import held_out_loss

    model = build_model(MODEL).eval()
    model.load_state_dict(load_file(results / plain["artifacts"]["weights"]))
    held_out = load_data(CONFIG.data).held_out
    loss = held_out_loss(model, MODEL, held_out, CONFIG.interpolant, batch_images=batch_of(MODEL))
    assert loss == values(plain)["held_out_loss"]


def test_the_grid_shows_the_first_samples_whatever_their_number(results: Path, plain: dict[str, Any]) -> None:
    with Image.open(results / plain["artifacts"]["samples"]) as image:
        assert image.size == (8 * 32 + 7 * 2, 8 * 32 + 7 * 2)  # 64 digits, enlarged four times
        first = np.asarray(image.convert("L"))
        assert "in the order they were drawn" in image.info["Description"]
        assert Path(plain["artifacts"]["samples"]).stem in image.info["Description"]
    few = CONFIG.replace(evaluation=CONFIG.evaluation.replace(n_generated=70))
    with Image.open(results / done(few, results)["artifacts"]["samples"]) as image:
        assert np.array_equal(np.asarray(image.convert("L")), first)


@pytest.mark.parametrize(
    ("n", "side", "video", "expected"),
    [
        (500, 8, False, 64),
        (10, 8, False, 10),
        (5000, 256, False, 16),
        (50, 1024, False, 4),
        (200, 16, True, 4),
    ],
)
def test_a_grid_stays_small(n: int, side: int, video: bool, expected: int) -> None:
    assert shown(n, side, video) == expected


def test_a_batch_shrinks_as_the_network_grows() -> None:
    assert batch_of(MODEL) == 125
    assert batch_of(ZigMaConfig.preset("XL", grid=(128, 128))) == 5
    assert batch_of(ZigMaConfig(grid=(16, 256, 256), hidden=2048)) == 1


@pytest.mark.parametrize("sampler", ["euler", "sde-euler"])
def test_samples_do_not_depend_on_how_many_are_drawn(
    sampler: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zigma.experiment.estimate, "MOST_IMAGES", 10)
    drawn = []
    for n in (20, 40):
        evaluation = CONFIG.evaluation.replace(n_generated=n)
        config = CONFIG.replace(sampling=SamplingConfig(sampler, steps=3), evaluation=evaluation)
        folder = tmp_path / done(config, tmp_path)["artifacts"]["features"]
        drawn.append(Features.load(folder / "generated.digits.safetensors").values)
    assert torch.allclose(drawn[0], drawn[1][:20], atol=1e-5)
    assert not torch.allclose(drawn[1][:10], drawn[1][10:20], atol=1e-2)


def test_runs_of_two_precisions_follow_each_other_in_one_process(tmp_path: Path) -> None:
    half = CONFIG.replace(training=CONFIG.training.replace(precision="bf16"))
    full, rounded = values(done(CONFIG, tmp_path)), values(done(half, tmp_path))
    assert full["held_out_loss"] != rounded["held_out_loss"]
    assert full["held_out_loss"] == pytest.approx(rounded["held_out_loss"], rel=0.02)
