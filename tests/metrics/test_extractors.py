"""Extractors, and the way from images to numbers that carry their protocol."""

import math
import pickle
import subprocess
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
import torch_fidelity
from PIL import Image
from torch import nn

from zigma.common.files import sha256_of
from zigma.experiment import stand_ins
from zigma.metrics import (
    FeatureCollector,
    Features,
    MissingWeights,
    evaluate_features,
    evaluate_images,
    evaluate_videos,
    evaluation,  # the module, for its table of measures
    extract_features,
    extractor_identity,
    load_extractor,
)
from zigma.metrics.config import EvaluationConfig
from zigma.metrics.extractors.digits_training import accuracy, digits_split, train
from zigma.metrics.extractors.dinov2 import DINOv2, dinov2_features, dinov2_from_state_dict
from zigma.metrics.weights import WEIGHTS

PROTOCOL = ("n_generated", "n_real", "extractor", "extractor_identity", "resize", "reference")


@pytest.fixture(scope="module")
def digits():
    return load_extractor("digits")


@pytest.fixture(scope="module")
def split():
    return digits_split()


def noise_images(n, *shape, seed=0):
    return torch.randint(
        0, 256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


def test_shipped_network_reads_digits_it_has_not_seen(digits, split):
    assert accuracy(digits.network.network, *split[1]) > 0.98


def test_features_have_the_promised_scale(digits, split):
    assert digits(split[0][0]).square().mean() == pytest.approx(1, rel=1e-3)


def test_split_is_a_partition(split):
    (learn, _), (judge, _) = split
    assert (len(learn), len(judge)) == (1297, 500)
    rows = {row.tobytes() for row in learn.numpy()} & {row.tobytes() for row in judge.numpy()}
    assert not rows  # no picture in both


def test_training_is_repeatable_and_leaves_the_global_generator_alone(split):
    images, classes = (x[:200] for x in split[0])
    before = torch.get_rng_state()
    a, b = (train(images, classes, epochs=2) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )


def test_better_images_have_smaller_distances(digits, split):
    real, judge = split[0][0][:600], split[1][0]
    blurred = (real.float() * 0.5 + real.float().roll(1, -1) * 0.5).to(torch.uint8)
    values = [
        [row["value"] for row in evaluate_images(images, judge, extractor=digits, reference="held-out")]
        for images in (real, blurred, noise_images(600, 1, 8, 8))
    ]
    assert values == sorted(values)
    assert values[0][0] < 0.5
    assert values[2][0] > 5


def test_every_number_carries_its_protocol(digits, split):
    rows = evaluate_images(
        split[0][0][:60],
        split[1][0][:50],
        extractor="digits",
        reference="held-out",
        metrics=("frechet", "kernel", "prdc", "infinity"),
    )
    assert [row["name"] for row in rows] == [
        *(
            "fd_digits",
            "kid_digits",
            "precision_digits",
            "recall_digits",
            "density_digits",
            "coverage_digits",
        ),
        "fd_digits_infinity",
    ]
    for row in rows:
        assert isinstance(row["value"], float)
        assert [row[key] for key in PROTOCOL] == [
            60,
            50,
            "digits",
            digits.identity,
            digits.resize,
            "held-out",
        ]


def test_size_and_channels_of_images_do_not_matter_to_constant_ones(digits):
    features = [
        digits(torch.full((1, c, h, w), 77, dtype=torch.uint8))
        for c, h, w in [(1, 8, 8), (3, 8, 8), (3, 32, 20)]
    ]
    torch.testing.assert_close(features[1], features[0])
    torch.testing.assert_close(features[2], features[0])


def test_features_stream_in_batches_and_stop_at_n(digits):
    images = noise_images(50, 1, 8, 8)

    def batches():
        yield images[:7]
        yield images[7:33]
        raise AssertionError("read further than it had to")

    streamed = extract_features(digits, batches(), source="generated", n=20, batch_images=8)
    whole = extract_features(digits, images, source="generated", n=20)
    torch.testing.assert_close(streamed.values, whole.values)
    with pytest.raises(ValueError, match="60 generated images are needed and there are 50"):
        extract_features(digits, images, source="generated", n=60)
    with pytest.raises(ValueError, match="some held-out images are needed and there are 0"):
        extract_features(digits, iter([]), source="held-out")


@pytest.mark.parametrize("sizes", [[1] * 50, [7, 0, 43], [50], [16, 16, 16, 2], [49, 1]])
def test_the_sizes_in_which_images_come_change_no_bit(digits, sizes):
    images = torch.randint(256, (50, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    collector = FeatureCollector(digits, batch_images=16)
    for part in images.split(sizes):
        collector.add(part)
    expected = extract_features(digits, images, source="x", batch_images=16)
    assert torch.equal(collector.values(), expected.values)


def test_a_collector_of_nothing_holds_no_features(digits):
    assert FeatureCollector(digits).values().shape == (0, 0)


def test_frames_and_images_do_not_meet(digits):
    videos = torch.zeros(4, 3, 1, 8, 8, dtype=torch.uint8)
    frames = extract_features(digits, videos, source="x", unit="frames")
    assert (frames.unit, len(frames.values)) == ("frames", 12)
    images = extract_features(digits, videos.flatten(0, 1), source="x")
    with pytest.raises(ValueError, match="unit 'frames' and 'images'"):
        evaluate_features(frames, images)


def test_saved_features_give_the_same_numbers(digits, split, tmp_path):
    sides = [
        extract_features(digits, part[0][:40], source=s)
        for part, s in zip(split, ("generated", "x"), strict=True)
    ]
    for side, name in zip(sides, "ab", strict=True):
        side.save(tmp_path / name)
    assert evaluate_features(*(Features.load(tmp_path / name) for name in "ab")) == evaluate_features(*sides)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}
    (tmp_path / "c").write_text("not features")
    with pytest.raises(ValueError, match="not a file of saved features"):
        Features.load(tmp_path / "c")
    with pytest.raises(ValueError, match="not a file of saved features"):
        Features.load(tmp_path / "missing")


@pytest.mark.parametrize("metric", ["frechet", "kernel"])
def test_a_metric_that_is_no_number_is_an_error_and_never_a_row(metric, monkeypatch):
    huge = torch.randn(20, 3, dtype=torch.float64) * 1e200
    sides = [Features(values, "digits", "a", "none", "x") for values in (huge, torch.randn(20, 3))]
    with pytest.raises(ValueError, match=r"generated features reach .* overflow"):
        evaluate_features(*sides, metrics=[metric])
    nothing = {"name": metric, "value": math.nan}
    monkeypatch.setitem(evaluation._MEASURES, metric, lambda generated, real: iter([nothing]))
    with pytest.raises(FloatingPointError, match=f"{metric} is nan"):
        evaluate_features(sides[1], sides[1], metrics=[metric])


@pytest.mark.parametrize("word", ["extractor", "identity", "resize"])
def test_different_protocols_do_not_meet(word):
    same = {"extractor": "digits", "identity": "a", "resize": "none"}
    sides = [Features(torch.randn(9, 3), **(same | change), source="x") for change in ({}, {word: "other"})]
    with pytest.raises(ValueError, match=f"do not compare: {word}"):
        evaluate_features(*sides)


def test_torch_fidelity_knows_the_extractor_and_agrees(digits, split):
    class Images(torch.utils.data.Dataset):
        def __init__(self, images):
            self.images = images.expand(-1, 3, -1, -1)

        def __len__(self):
            return len(self.images)

        def __getitem__(self, i):
            return self.images[i]

    a, b = split[0][0][:100], split[1][0][:80]
    theirs = torch_fidelity.calculate_metrics(
        input1=Images(a),
        input2=Images(b),
        feature_extractor="digits",
        fid=True,
        kid=True,
        isc=True,
        kid_subset_size=80,
        cuda=False,
        cache=False,
        save_cpu_ram=True,
        verbose=False,
    )
    ours = evaluate_images(a, b, extractor=digits, reference="x")
    assert ours[0]["value"] == pytest.approx(theirs["frechet_inception_distance"], rel=1e-4)
    assert ours[1]["value"] == pytest.approx(theirs["kernel_inception_distance_mean"], rel=1e-3, abs=1e-5)
    assert theirs["inception_score_mean"] > 2


@pytest.mark.parametrize(
    ("images", "says"),
    [
        (torch.rand(4, 1, 8, 8), "torch.float32"),
        (noise_images(4, 2, 8, 8), "1 or 3 channels"),
        (noise_images(4, 8, 8), r"\(4, 8, 8\)"),
    ],
)
def test_other_things_than_images_are_refused(digits, images, says):
    with pytest.raises(ValueError, match=says):
        digits(images)


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


def test_identity_of_an_extractor_costs_no_torch(digits):
    code = (
        "import sys; from zigma.metrics import extractor_identity as i; print(i('digits'));"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == digits.identity


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


@pytest.fixture
def small_dinov2():
    torch.manual_seed(0)
    network = DINOv2(width=128, depth=2, positions=9 * 9, patch=14)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.05)
    return network


def test_dinov2_from_a_file(small_dinov2, tmp_path):
    path = tmp_path / "dinov2.pth"
    torch.save(small_dinov2.state_dict(), path)
    extractor = load_extractor("dinov2", weights=path)
    images = noise_images(2, 3, 30, 20)
    features = extractor(images)
    assert features.shape == (2, 128)
    # dgm-eval's transform, one image at a time: Pillow's bicubic, then ImageNet's mean and deviation.
    pixels = Image.fromarray(images[0].permute(1, 2, 0).numpy()).resize((224, 224), Image.Resampling.BICUBIC)
    normal = (np.asarray(pixels) / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        alone = extractor.network(torch.from_numpy(normal).float().permute(2, 0, 1).unsqueeze(0))
    torch.testing.assert_close(features[:1], alone, rtol=1e-3, atol=1e-4)
    rows = evaluate_images(images, images, extractor=extractor, reference="x")
    assert [row["name"] for row in rows] == ["fdd", "kid_dinov2"]


def test_fdd_is_dgm_evals_where_that_is_installed(monkeypatch):
    torch.manual_seed(0)
    sides = [Features(torch.randn(30, 4) + k, "dinov2", "a", "b", "x") for k in (0, 1)]
    own = evaluate_features(*sides, metrics=["frechet"])[0]
    assert own["settings"] == {"routine": "torch-fidelity"}
    fd = types.ModuleType("dgm_eval.metrics.fd")
    fd.compute_efficient_FD_with_reps = lambda real, generated: float((real.mean() - generated.mean()) * 100)
    monkeypatch.setitem(sys.modules, "dgm_eval", types.ModuleType("dgm_eval"))
    monkeypatch.setitem(sys.modules, "dgm_eval.metrics", types.ModuleType("dgm_eval.metrics"))
    monkeypatch.setitem(sys.modules, "dgm_eval.metrics.fd", fd)
    theirs = evaluate_features(*sides, metrics=["frechet"])[0]
    assert theirs["settings"] == {"routine": "dgm-eval"}
    assert theirs["value"] == pytest.approx(100, abs=50)
    assert own["value"] == pytest.approx(4, abs=2)


def test_dinov2_needs_no_interpolation_at_its_own_size(small_dinov2):
    grid = small_dinov2._positions(9, 9)
    torch.testing.assert_close(grid.flatten(2).transpose(1, 2), small_dinov2.pos_embed[:, 1:])
    assert small_dinov2._positions(4, 16).shape[-2:] == (4, 16)


def test_dinov2_stretches_its_positions_as_published(small_dinov2):
    # Row i of h reads the learned rows at (i + 0.5) * 9 / (h + 0.1) - 0.5, by cubic convolution with a = -0.75.
    def weight(distance):
        d = abs(distance)
        near, far = 1.25 * d**3 - 2.25 * d**2 + 1, -0.75 * (d**3 - 5 * d**2 + 8 * d - 4)
        return near if d <= 1 else far if d < 2 else 0.0

    ramp = torch.arange(9.0)
    with torch.no_grad():
        small_dinov2.pos_embed[:, 1:] = ramp.repeat_interleave(9).view(1, -1, 1)
        rows = small_dinov2._positions(4, 9)[0, 0, 1:3, 4]
    places = [(i + 0.5) * 9 / 4.1 - 0.5 for i in (1, 2)]
    truth = [sum(weight(place - row) * row for row in range(9)) for place in places]
    torch.testing.assert_close(rows, torch.tensor(truth))


def test_dinov2_with_registers_is_refused(small_dinov2):
    state = small_dinov2.state_dict() | {"register_tokens": torch.zeros(1, 4, 128)}
    with pytest.raises(ValueError, match="without registers"):
        dinov2_from_state_dict(state)


def test_dinov2_features_take_grey_images(small_dinov2):
    grey = noise_images(1, 1, 14, 14)
    with torch.no_grad():
        features = (
            dinov2_features(small_dinov2, grey),
            dinov2_features(small_dinov2, grey.expand(-1, 3, -1, -1)),
        )
    assert torch.equal(*features)


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
    with pytest.raises(ValueError, match="at least 9 frames"):
        extractor(videos[0][:, :8])
    with pytest.raises(ValueError, match="uint8"):
        extractor(noise_images(2, 3, 6, 6))


def test_frames_of_videos_are_images(digits):
    videos = noise_images(6, 4, 1, 8, 8), noise_images(5, 4, 1, 8, 8, seed=1)
    rows = evaluate_videos(*videos, extractor=digits, reference="x", n_generated=5)
    images = evaluate_images(*(v[:5].flatten(0, 1) for v in videos), extractor=digits, reference="x")
    assert rows == [row | {"name": f"frame_{row['name']}"} for row in images]
    with pytest.raises(ValueError, match="videos must be"):
        evaluate_videos(videos[0][0], videos[1], extractor=digits, reference="x")
