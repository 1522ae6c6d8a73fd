"""Weights of extractors: looked for, named where they are missing, refused where they are something else."""

import pickle
from pathlib import Path

import pytest
import torch
from made_images import noise_images
from torch import nn

from zigma.common.files import sha256_of
from zigma.experiment import stand_ins
from zigma.metrics import (
    MissingWeights,
    evaluate_images,
    evaluate_videos,
    extractor_identity,
    load_extractor,
)
from zigma.metrics.config import EvaluationConfig
from zigma.metrics.weights import WEIGHTS


def test_wrong_names_name_the_right_ones(digits):
    with pytest.raises(ValueError, match="did you mean 'inception'"):
        load_extractor("incepton")
    with pytest.raises(ValueError, match="did you mean 'digits'"):
        EvaluationConfig(extractors=("digit",))
    with pytest.raises(ValueError, match="did you mean 'frechet'"):
        evaluate_images(
            noise_images(9, 1, 8, 8),
            noise_images(9, 1, 8, 8),
            extractor=digits,
            reference="x",
            metrics=["freche"],
        )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("inception", "weights-inception-2015-12-05-6726825d.pth"),
        ("dinov2", "https://dl.fbaipublicfiles.com/dinov2/"),
        ("i3d", "i3d_torchscript.pt"),
    ],
)
def test_missing_weights_say_what_to_fetch_and_where_to_put_it(name, says, tmp_path, monkeypatch):
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    with pytest.raises(MissingWeights, match=says) as raised:
        load_extractor(name)
    assert str(tmp_path) in str(raised.value)
    assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match=r"no file .*absent"):
        load_extractor(name, weights=tmp_path / "absent")


@pytest.mark.parametrize("name", ["digits", "inception", "dinov2", "i3d"])
def test_files_of_something_else_are_refused(name, tmp_path):
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    (tmp_path / "text").write_text("no weights")
    for path in tmp_path.iterdir():
        with pytest.raises(ValueError, match=r"weights|TorchScript|state dict"):
            load_extractor(name, weights=path)


@pytest.mark.parametrize("name", ["inception", "dinov2", "lite0"])
@pytest.mark.parametrize("text", ["Rate limit exceeded", "error code: 1020", "hello", "<html>", ""])
def test_the_words_of_a_failed_download_are_refused(text, name, tmp_path):
    path = tmp_path / "weights.pth"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"weights\.pth is not a file of PyTorch weights"):
        load_extractor(name, weights=path)


@pytest.mark.parametrize("name", ["inception", "dinov2", "lite0"])
@pytest.mark.parametrize("state", [{1: torch.zeros(1)}, {"cls_token": "x"}, {"a": {"b": torch.zeros(1)}}])
def test_what_is_no_state_dict_is_refused(state, name, tmp_path):
    torch.save(state, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"weights\.pth is no state dict: it holds a \w+ under"):
        load_extractor(name, weights=tmp_path / "weights.pth")


def test_weights_are_found_in_torch_hubs_cache(tmp_path, monkeypatch):
    monkeypatch.delenv("ZIGMA_WEIGHTS", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    path = Path(torch.hub.get_dir()) / "checkpoints" / "i3d_torchscript.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert WEIGHTS["i3d"].find() == path


def test_the_identity_follows_the_folder_that_is_named_now(tmp_path, monkeypatch):
    identities = set()
    for name in ("first", "second"):
        file = tmp_path / name / WEIGHTS["i3d"].filename
        file.parent.mkdir()
        file.write_text(name)
        monkeypatch.setenv("ZIGMA_WEIGHTS", str(file.parent))
        identities.add(extractor_identity("i3d"))
    assert len(identities) == 2


def test_a_pickle_that_runs_code_is_not_opened(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    (tmp_path / "trap.pth").write_bytes(pickle.dumps(Trap()))
    for name in ("inception", "dinov2"):
        with pytest.raises(ValueError, match="not a file of PyTorch weights"):
            load_extractor(name, weights=tmp_path / "trap.pth")
    assert not (tmp_path / "sprung").exists()


def test_inception_from_a_file_of_torch_fidelitys_format(tmp_path):
    stand_ins.extractor("inception", tmp_path)
    path = tmp_path / WEIGHTS["inception"].filename
    extractor = load_extractor("inception", weights=path)
    assert extractor.identity == sha256_of(path)
    images = noise_images(3, 1, 16, 16)
    features = extractor(images)
    assert features.shape == (3, 2048)
    torch.testing.assert_close(extractor(images.expand(-1, 3, -1, -1)), features)
    rows = evaluate_images(images, images, extractor=extractor, reference="x")
    assert [row["name"] for row in rows] == ["fid", "kid"]
    videos = evaluate_videos(
        images.view(1, 3, 1, 16, 16), images.view(1, 3, 1, 16, 16), extractor=extractor, reference="x"
    )
    assert [(row["name"], row["n_real"]) for row in videos] == [("frame_fid", 3), ("frame_kid", 3)]


class TinyI3D(nn.Module):
    """A stand-in with the signature of the customary TorchScript file."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 400)

    def forward(
        self, x: torch.Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
    ):
        assert rescale
        assert resize
        assert return_features
        assert x.dim() == 5
        assert x.shape[1] == 3
        return self.linear(x.mean(dim=(2, 3, 4)) / 255)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_i3d_from_a_torchscript_file(tmp_path):
    path = tmp_path / "i3d.pt"
    torch.jit.script(TinyI3D()).save(str(path))
    extractor = load_extractor("i3d", weights=path)
    videos = noise_images(12, 10, 3, 6, 6), noise_images(11, 10, 3, 6, 6, seed=1)
    rows = evaluate_videos(*videos, extractor=extractor, reference="x", n_generated=10)
    assert [(row["name"], row["n_generated"], row["n_real"]) for row in rows] == [
        ("fvd", 10, 11),
        ("kid_i3d", 10, 11),
    ]
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))
    with pytest.raises(ValueError, match="not the I3D of FVD, which takes rescale, resize, return_features"):
        load_extractor("i3d", weights=path)
    with pytest.raises(ValueError, match="at least 9 frames"):
        extractor(videos[0][:, :8])
    with pytest.raises(ValueError, match="uint8"):
        extractor(noise_images(2, 3, 6, 6))
