"""The way from images to features, and to numbers that carry their protocol."""

import math

import pytest
import torch
from made_images import noise_images

from zigma.metrics import (
    FeatureCollector,
    Features,
    evaluate_features,
    evaluate_images,
    evaluate_videos,
    evaluation,  # the module, for its table of measures
    extract_features,
)

PROTOCOL = ("n_generated", "n_real", "extractor", "extractor_identity", "resize", "reference")


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


def test_what_are_no_images_of_one_shape_is_refused(digits):
    image = torch.zeros(2, 1, 8, 8, dtype=torch.uint8)
    for batches, says in (
        ([image, image[..., 1:]], r"one shape, \(1, 8, 8\), not \(1, 8, 7\)"),
        ([image.numpy()], "come as tensors, not as ndarray"),
        ([(image, 3)], "come as tensors, not as tuple"),
    ):
        with pytest.raises(ValueError, match=says):
            extract_features(digits, batches, source="x")
    for n in (2.0, 0, True):
        with pytest.raises(ValueError, match="whole and at least 1"):
            extract_features(digits, image, source="x", n=n)
    with pytest.raises(ValueError, match="unknown unit 'frame': did you mean 'frames'"):
        extract_features(digits, image, source="x", unit="frame")


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


def test_frames_of_videos_are_images(digits):
    videos = noise_images(6, 4, 1, 8, 8), noise_images(5, 4, 1, 8, 8, seed=1)
    rows = evaluate_videos(*videos, extractor=digits, reference="x", n_generated=5)
    images = evaluate_images(*(v[:5].flatten(0, 1) for v in videos), extractor=digits, reference="x")
    assert rows == [row | {"name": f"frame_{row['name']}"} for row in images]
    with pytest.raises(ValueError, match="videos must be"):
        evaluate_videos(videos[0][0], videos[1], extractor=digits, reference="x")
