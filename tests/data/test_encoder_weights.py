"""Where the autoencoder of samples is looked for, and what is said when it is nowhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from zigma.data.weights import autoencoder_folder, autoencoder_identity, weights_folder, weights_identity

NAME = "diffusion_pytorch_model.safetensors"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))


def put(folder: Path, contents: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / NAME).write_bytes(contents)
    return folder


def test_it_lies_in_the_users_folder_of_weights(tmp_path: Path) -> None:
    folder = put(tmp_path / "weights" / "sd-vae-ft-ema", b"a")
    assert autoencoder_folder() == folder
    assert autoencoder_identity() == weights_identity(folder, "vae")


def test_or_in_the_hugging_face_cache(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--stabilityai--sd-vae-ft-ema"
    folder = put(repository / "snapshots" / "abc", b"b")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    assert autoencoder_folder() == folder


def test_or_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="sd-vae-ft-ema") as told:
        autoencoder_folder()
    for part in (str(tmp_path / "weights"), "config.json", "stabilityai/sd-vae-ft-ema", "huggingface.co"):
        assert part in str(told.value)
    monkeypatch.delenv("ZIGMA_WEIGHTS")
    with pytest.raises(ValueError, match=r"\$ZIGMA_WEIGHTS/sd-vae-ft-ema"):
        autoencoder_folder()


def test_the_identity_is_of_the_contents_wherever_they_lie(tmp_path: Path) -> None:
    one, same, other = (put(tmp_path / name, text) for name, text in (("a", b"1"), ("b", b"1"), ("c", b"2")))
    assert weights_identity(one, "vae") == weights_identity(same, "vae") != weights_identity(other, "vae")


def test_a_whole_pipeline_holds_its_parts_in_folders(tmp_path: Path) -> None:
    part = put(tmp_path / "pipeline" / "vae", b"1")
    assert weights_folder(tmp_path / "pipeline", "vae") == part
    with pytest.raises(ValueError, match="no CLIP text encoder"):
        weights_folder(tmp_path / "pipeline", "text_encoder")


def test_the_identity_costs_no_torch(tmp_path: Path) -> None:
    put(tmp_path / "weights" / "sd-vae-ft-ema", b"a")
    code = (
        "import sys; from zigma.data import autoencoder_identity as i; i(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_identity_follows_the_folder_that_is_named_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    put(first / "sd-vae-ft-ema", b"one"), put(second / "sd-vae-ft-ema", b"another")
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(first))
    before = autoencoder_identity()
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(second))
    assert autoencoder_identity() != before
