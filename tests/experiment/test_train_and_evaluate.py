"""A run end to end on small configurations: what it measures, what it leaves, what it refuses."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zigma.experiment.estimate
from studies.declare.study import Run
from studies.run.carry_out import carry_out, work_folder
from studies.run.conditions import Conditions
from zigma.data.config import DataConfig
from zigma.experiment.artifacts import shown
from zigma.experiment.config import RunConfig
from zigma.experiment.estimate import batch_of
from zigma.experiment.watch import Watch
from zigma.interpolant.config import SamplingConfig
from zigma.metrics import Features, evaluate_features
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.training.config import TrainingConfig

MODEL = ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, patch=2, scan="zigzag-2", drop_path=0.1)
CONFIG = RunConfig(
    model=MODEL,
    data=DataConfig(name="digits", size=8),
    training=TrainingConfig(steps=6, batch_images=8, learning_rate=1e-3, ema_rate=0.9),
    sampling=SamplingConfig(sampler="euler", steps=2),
    evaluation=EvaluationConfig(n_generated=130, n_real=100),
)
ON_THE_WAY = CONFIG.replace(evaluation=CONFIG.evaluation.replace(every_steps=2, n_on_the_way=40))


class Stop(BaseException):
    """Stands for a kill."""


def a_run(config: RunConfig) -> Run:
    return Run("study", "arm", "tiny", "setting", config)


def done(config: RunConfig, results: Path, **options: Any) -> dict[str, Any]:
    record = carry_out(a_run(config), Conditions(results), **options)
    assert record["status"] == "done", record["error"]
    return record


def failed(config: RunConfig, results: Path) -> str:
    record = carry_out(a_run(config), Conditions(results))
    assert (record["status"], record["metrics"], record["curves"]) == ("failed", [], {})
    return str(record["error"])


def values(record: dict[str, Any]) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in record["metrics"]}


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


def test_samples_that_are_not_finite_make_a_failed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zigma.interpolant.samplers import SAMPLERS

    monkeypatch.setitem(
        SAMPLERS, "euler", lambda flow, x, generator: x.index_fill(0, torch.tensor([3]), torch.nan)
    )
    assert failed(CONFIG, tmp_path) == ("FloatingPointError: 1 of 125 samples of euler are not finite")
    assert not (tmp_path / "samples").exists()
    assert not (tmp_path / "features").exists()


def test_a_metric_that_fails_on_the_way_makes_a_failed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zigma.experiment.evaluator

    def broken(*args: Any, **options: Any) -> Any:
        raise ValueError("no distance")

    monkeypatch.setattr(zigma.experiment.evaluator, "evaluate_features", broken)
    assert failed(ON_THE_WAY, tmp_path) == "ValueError: no distance"


def test_too_few_real_images_are_refused_before_any_training(tmp_path: Path) -> None:
    config = CONFIG.replace(evaluation=CONFIG.evaluation.replace(n_real=501))
    assert "held-out part has 500 images" in failed(config, tmp_path)
    assert not (work_folder(tmp_path, a_run(config)) / "checkpoint.pt").exists()


def test_missing_weights_are_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from studies.__main__ import main

    monkeypatch.setenv("ZIGMA_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "hub"))
    words = ["run", "scan_ablation", "--set", 'evaluation.extractors=["inception"]']
    with pytest.raises(SystemExit) as left:
        main([*words, "--results", str(tmp_path / "new")])
    assert left.value.code == 2
    errors = capsys.readouterr().err
    assert errors.count("\n") == 1
    for part in ("weights-inception-2015-12-05-6726825d.pth", "https://github.com/toshas", "$ZIGMA_WEIGHTS"):
        assert part in errors
    assert not (tmp_path / "new").exists()


def test_several_extractors_judge_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own rows and files of features; the second stands in for weights that are not here."""
    import studies.declare.identity
    import zigma.experiment.features
    from zigma.metrics import load_extractor

    def stand_in(name: Any) -> Any:
        return replace(load_extractor("digits"), name=name)

    monkeypatch.setattr(zigma.experiment.features, "load_extractor", stand_in)
    monkeypatch.setattr("zigma.metrics.identity.extractor_identity", lambda name: f"of {name}")
    studies.declare.identity._fingerprints.cache_clear()
    evaluation = CONFIG.evaluation.replace(extractors=("digits", "inception"))
    record = done(CONFIG.replace(evaluation=evaluation), tmp_path)
    assert list(values(record)) == ["held_out_loss", "fd_digits", "kid_digits", "fid", "kid"]
    saved = sorted(path.name for path in (tmp_path / record["artifacts"]["features"]).iterdir())
    assert saved == [
        f"{side}.{name}.safetensors" for side in ("generated", "real") for name in ("digits", "inception")
    ]
    assert record["fingerprints"]["extractor inception"] == "of inception"


def test_videos_are_judged_frame_by_frame_and_shown_moving(tmp_path: Path) -> None:
    config = CONFIG.replace(
        model=ZigMaConfig(grid=(4, 16, 16), in_channels=1, hidden=16, depth=2, patch=4, scan="zigzag-2"),
        data=DataConfig(name="moving-digits", size=16, frames=4),
        evaluation=EvaluationConfig(n_generated=12, n_real=10),
    )
    record = done(config, tmp_path)
    metrics = {metric["name"]: metric for metric in record["metrics"]}
    assert set(metrics) == {"held_out_loss", "frame_fd_digits", "frame_kid_digits"}
    assert (metrics["frame_fd_digits"]["n_generated"], metrics["frame_fd_digits"]["n_real"]) == (48, 40)
    with Image.open(tmp_path / record["artifacts"]["video"]) as video:
        assert video.n_frames == 4
    with Image.open(tmp_path / record["artifacts"]["samples"]) as still:
        assert still.size == (4 * 32 + 3 * 2, 4 * 32 + 3 * 2)  # a row of four frames for each of four videos


def test_a_video_extractor_for_images_is_refused_before_any_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zigma.experiment.features
    from zigma.metrics import load_extractor

    i3d = replace(load_extractor("digits"), name="i3d", videos=True)
    monkeypatch.setattr(zigma.experiment.features, "load_extractor", lambda name: i3d)
    assert "i3d compares videos, and digits are images" in failed(CONFIG, tmp_path)


GUIDED = CONFIG.replace(
    model=MODEL.replace(classes=11),
    training=CONFIG.training.replace(condition_dropout=0.5, learning_rate=0.03),  # to learn what it is told
    sampling=SamplingConfig("euler", steps=2, guidance=2.0),
)


def test_guidance_acts_on_classes_and_captions(tmp_path: Path) -> None:
    captioned = GUIDED.replace(model=MODEL.replace(text_width=8, text_tokens=4))
    for config in (GUIDED, captioned):
        without = config.replace(sampling=config.sampling.replace(guidance=1.0))
        one, other = done(config, tmp_path), done(without, tmp_path)
        assert one["curves"] == other["curves"]  # guidance is of sampling alone
        assert values(one)["fd_digits"] != values(other)["fd_digits"]


def test_withholding_conditions_changes_the_training(tmp_path: Path) -> None:
    told = GUIDED.replace(training=GUIDED.training.replace(condition_dropout=0.0), sampling=CONFIG.sampling)
    withheld = told.replace(training=GUIDED.training)
    assert done(told, tmp_path)["curves"] != done(withheld, tmp_path)["curves"]


def test_a_null_class_that_is_a_class_of_the_data_is_refused(tmp_path: Path) -> None:
    config = GUIDED.replace(model=MODEL.replace(classes=10))
    assert "10 classes, and one that stands for none: it should be 11" in failed(config, tmp_path)
    config = CONFIG.replace(model=MODEL.replace(classes=9))
    assert "it should be 10" in failed(config, tmp_path)


def test_guidance_of_a_network_that_was_never_left_untold_is_refused() -> None:
    with pytest.raises(ValueError, match="condition_dropout should be above 0"):
        CONFIG.replace(model=MODEL.replace(classes=10), sampling=GUIDED.sampling)
    with pytest.raises(ValueError, match="withholds what the network is never told"):
        CONFIG.replace(training=GUIDED.training)


def test_runs_of_two_precisions_follow_each_other_in_one_process(tmp_path: Path) -> None:
    half = CONFIG.replace(training=CONFIG.training.replace(precision="bf16"))
    full, rounded = values(done(CONFIG, tmp_path)), values(done(half, tmp_path))
    assert full["held_out_loss"] != rounded["held_out_loss"]
    assert full["held_out_loss"] == pytest.approx(rounded["held_out_loss"], rel=0.02)


@pytest.fixture
def latents(
    autoencoder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> RunConfig:
    """A run on prepared latents with captions, as the paper's runs are."""
    from zigma.data.folders.plan import PrepareRequest
    from zigma.data.folders.prepare import prepare

    monkeypatch.setenv("ZIGMA_WEIGHTS", str(autoencoder.parent))
    source, shards = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("prepared") / "shards"
    rng = np.random.default_rng(0)
    for i in range(24):
        Image.fromarray(rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(source / f"{i}.png")
        (source / f"{i}.txt").write_text(f"picture {i}\n")
    request = PrepareRequest(str(source), size=16, vae=str(autoencoder), captions=str(source), held_out=0.4)
    prepare(request, shards, say=lambda line: None)
    return CONFIG.replace(
        model=ZigMaConfig(grid=(2, 2), hidden=16, depth=2, scan="zigzag-2", text_width=8, text_tokens=4),
        data=DataConfig(name="celebamm", size=16, root=str(shards), view="latents"),
        evaluation=EvaluationConfig(n_generated=7, n_real=4, metrics=("frechet",)),
    )


def test_latents_are_decoded_before_they_are_judged_and_shown(latents: RunConfig, tmp_path: Path) -> None:
    from zigma.data import load_data, to_uint8
    from zigma.metrics import extract_features, load_extractor

    record = done(latents, tmp_path)
    with Image.open(tmp_path / record["artifacts"]["samples"]) as image:
        assert image.size == (3 * 32 + 2 * 2, 3 * 32 + 2 * 2)  # 16 pixels of 2x2 latents, enlarged twice
    real = Features.load(tmp_path / record["artifacts"]["features"] / "real.digits.safetensors")
    pixels = load_data(latents.data.replace(view="pixels")).held_out.batch([0, 1, 2, 3]).images
    expected = extract_features(load_extractor("digits"), to_uint8(pixels), source="held-out")
    assert torch.equal(real.values, expected.values)
    assert record["fingerprints"]["autoencoder"]


def test_latents_of_another_autoencoder_are_refused(
    latents: RunConfig, autoencoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file, save_file

    other = tmp_path / "weights" / autoencoder.name
    other.mkdir(parents=True)
    for file in autoencoder.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    weights = load_file(other / "diffusion_pytorch_model.safetensors")
    save_file({name: w + 1 for name, w in weights.items()}, other / "diffusion_pytorch_model.safetensors")
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(other.parent))
    before = a_run(latents).identity
    assert "the latents were made by an autoencoder with hash" in failed(latents, tmp_path)
    assert before == a_run(latents).identity


def test_a_missing_autoencoder_says_what_to_fetch_and_where_to_put_it(
    latents: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studies.declare.identity import _fingerprints

    monkeypatch.setenv("ZIGMA_WEIGHTS", str(tmp_path))
    _fingerprints.cache_clear()
    with pytest.raises(
        ValueError, match=r"no folder .*sd-vae-ft-ema.*stabilityai/sd-vae-ft-ema.*huggingface"
    ):
        _ = a_run(latents).identity


def test_damaged_pictures_are_listed_in_the_record(latents: RunConfig, tmp_path: Path) -> None:
    """A shard without a manifest, as released, one of whose latents is cut short."""
    root = Path(str(latents.data.root))
    (root / "manifest.json").unlink()
    [shard] = root.glob("train-*.tar")
    with tarfile.open(shard) as tar:
        members = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    broken = next(name for name in members if name.endswith("npy"))
    members[broken] = members[broken][:20]
    with tarfile.open(shard, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    with pytest.warns(UserWarning, match="skipping"):
        record = done(latents, tmp_path)
    [(name, reason)] = record["skipped"]["training"].items()
    assert name == f"{shard.name}:{broken.split('.')[0]}"
    assert "npy" in reason
    assert json.dumps(record["skipped"]["held-out"]) == "{}"
