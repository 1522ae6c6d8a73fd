"""Runs on latents: decoded before they are judged, and never by another autoencoder."""

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_runs import CONFIG, a_run, done, failed

from zigma.data.config import DataConfig
from zigma.experiment.config import RunConfig
from zigma.metrics import Features
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig


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
