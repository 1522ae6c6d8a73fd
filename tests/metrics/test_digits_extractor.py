"""The network that ships: what it has learned, and that distances by it mean something."""

import subprocess
import sys

import pytest
import torch
import torch_fidelity
from made_images import noise_images

from zigma.metrics import (
    evaluate_images,
)
from zigma.metrics.extractors.digits_training import accuracy, train


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
    for of_one_metric in zip(*values, strict=True):
        assert list(of_one_metric) == sorted(of_one_metric)
    assert values[0][0] < 0.5
    assert values[2][0] > 5


def test_size_and_channels_of_images_do_not_matter_to_constant_ones(digits):
    features = [
        digits(torch.full((1, c, h, w), 77, dtype=torch.uint8))
        for c, h, w in [(1, 8, 8), (3, 8, 8), (3, 32, 20)]
    ]
    torch.testing.assert_close(features[1], features[0])
    torch.testing.assert_close(features[2], features[0])


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


def test_identity_of_an_extractor_costs_no_torch(digits):
    code = (
        "import sys; from zigma.metrics import extractor_identity as i; print(i('digits'));"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == digits.identity
