"""Distances on feature arrays against closed forms."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zigma.metrics import fd_infinity, frechet_distance, kid, prdc

MEASURES = (frechet_distance, kid, prdc)


def with_statistics(rng, n, mean, covariance):
    """Samples (n, d) whose mean and unbiased covariance are exactly the given ones."""
    x = rng.normal(size=(n, len(mean)))
    x = x - x.mean(0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.atleast_2d(np.cov(x, rowvar=False)))).T
    return mean + x @ np.linalg.cholesky(covariance).T


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**16), st.integers(1, 12))
def test_frechet_distance_of_gaussians_in_closed_form(seed, d):
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(d, d)))[0]
    means = rng.normal(size=(2, d))
    variances = rng.uniform(0.1, 3, size=(2, d))
    # covariances that commute: the trace term is a sum of (s - s')^2 over their eigenvalues
    a, b = (with_statistics(rng, 3 * d + k, means[k], rotation * variances[k] @ rotation.T) for k in (0, 1))
    truth = ((means[0] - means[1]) ** 2).sum() + ((variances[0] ** 0.5 - variances[1] ** 0.5) ** 2).sum()
    assert frechet_distance(generated=a, real=b) == pytest.approx(truth, rel=1e-9)


@pytest.mark.parametrize(("n", "d"), [(400, 8), (20, 64), (50, 200)])
def test_frechet_distance_with_fewer_samples_than_dimensions(n, d):
    # tr (S_a S_b)^(1/2) is the sum of the singular values of A B^T, A and B the centred samples: exact for any rank.
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(n, d)), 0.3 + 1.5 * rng.normal(size=(n + 5, d))
    centred = [(x - x.mean(0)) / math.sqrt(len(x) - 1) for x in (a, b)]
    traces = sum((x**2).sum() for x in centred) - 2 * np.linalg.svd(centred[0] @ centred[1].T)[1].sum()
    truth = ((a.mean(0) - b.mean(0)) ** 2).sum() + traces
    assert frechet_distance(generated=a, real=b) == pytest.approx(truth, rel=1e-6)
    assert frechet_distance(generated=a, real=a) == pytest.approx(0, abs=1e-5)


def test_features_far_from_the_origin_keep_their_precision():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 200, 4))
    near = frechet_distance(generated=a, real=b)
    assert frechet_distance(generated=a + 1e5, real=b + 1e5) == pytest.approx(near, rel=1e-5)


def test_kid_of_whole_sets_by_its_definition():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 6)), rng.normal(size=(30, 6)) + 0.5

    def kernel(a, b):
        return (a @ b.T / 6 + 1) ** 3

    xx, yy = (kernel(a, a) for a in (x, y))
    truth = (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (30 * 29) - 2 * kernel(x, y).mean()
    assert kid(generated=x, real=y) == pytest.approx(truth, rel=1e-9)


def test_kid_is_unbiased():
    rng = np.random.default_rng(0)
    values = [kid(generated=a, real=b, subsets=1) for a, b in rng.normal(size=(300, 2, 20, 3))]
    assert abs(np.mean(values)) < 4 * np.std(values) / math.sqrt(len(values))


def test_prdc_of_identical_sets():
    x = np.random.default_rng(0).normal(size=(40, 5))
    scores = prdc(generated=x, real=x)
    assert scores["precision"] == scores["recall"] == scores["coverage"] == 1
    assert scores["density"] == pytest.approx(1)  # each open ball holds itself and its k - 1 nearest


def test_prdc_of_sets_far_apart():
    x = np.random.default_rng(0).normal(size=(40, 5))
    assert prdc(generated=x + 1000, real=x) == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}


def test_prdc_by_hand():
    real = np.array([[0.0], [1.0], [2.0], [10.0]])  # radii to the nearest other: 1, 1, 1, 8
    generated = np.array([[0.5], [5.0], [100.0]])  # radii: 4.5, 4.5, 95
    scores = prdc(generated=generated, real=real, nearest=1)
    assert scores["precision"] == pytest.approx(2 / 3)  # 0.5 near 0 and 1; 5 within 8 of 10; 100 nowhere
    assert scores["density"] == pytest.approx((2 + 1 + 0) / 3)
    assert scores["recall"] == pytest.approx(3 / 4 + 1 / 4)  # 10 lies within 95 of 100
    assert scores["coverage"] == pytest.approx(3 / 4)


def test_fd_infinity_removes_the_bias_of_few_samples():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(20000, 6))
    generated = rng.normal(size=(150, 6)) + 0.5  # the true distance is 6 * 0.25 = 1.5
    extrapolated = fd_infinity(generated=generated, real=real)
    plain = frechet_distance(generated=generated, real=real)
    assert extrapolated.low < 1.5 < extrapolated.high
    assert extrapolated.low < extrapolated.value < min(extrapolated.high, plain)
    assert extrapolated == fd_infinity(generated=generated, real=real)


def test_fd_infinitys_interval_holds_the_truth_without_being_idle():
    """Of generators whose distance to these very real samples is known; 95 % of intervals should hold it."""
    held, widths, errors = 0, [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        real, generated = rng.normal(size=(500, 8)), rng.normal(size=(300, 8)) + 0.2
        spectrum = np.linalg.eigvalsh(np.cov(real, rowvar=False))
        truth = ((real.mean(0) - 0.2) ** 2).sum() + 8 + spectrum.sum() - 2 * np.sqrt(spectrum).sum()
        extrapolated = fd_infinity(generated=generated, real=real)
        held += extrapolated.low < truth < extrapolated.high
        widths.append((extrapolated.high - extrapolated.low) / 2)
        errors.append(extrapolated.value - truth)
    assert held >= 18
    assert np.mean(widths) < 4 * np.std(errors)
    assert abs(np.mean(errors)) < np.std(errors)


def test_prdc_reads_the_real_samples_a_chunk_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    sides = {"generated": rng.normal(size=(41, 3)), "real": rng.normal(size=(50, 3)) + 0.3}
    whole = prdc(**sides)
    monkeypatch.setattr("zigma.metrics.neighbours.CHUNK", 7)
    assert prdc(**sides) == whole


@pytest.mark.parametrize("measure", MEASURES)
def test_features_too_large_for_the_arithmetic_never_give_a_number(measure):
    huge = np.random.default_rng(0).normal(size=(20, 3)) * 1e150
    with pytest.raises(ValueError, match=r"generated features reach \de\+1\d\d: beyond 1e\+50"):
        measure(generated=huge, real=huge)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("kind", [np.asarray, torch.tensor])
def test_values_that_are_not_finite_never_give_a_number(measure, bad, kind):
    good = np.random.default_rng(0).normal(size=(20, 3))
    broken = good.copy()
    broken[7, 1] = bad
    with pytest.raises(ValueError, match="1 of 20 generated feature vectors are not finite"):
        measure(generated=kind(broken), real=kind(good))
    with pytest.raises(ValueError, match="1 of 20 real feature vectors are not finite"):
        measure(generated=kind(good), real=kind(broken))


@pytest.mark.parametrize("measure", MEASURES)
def test_wrong_shapes_and_too_few_samples_say_so(measure):
    x = np.random.default_rng(0).normal(size=(20, 3))
    with pytest.raises(ValueError, match="generated has 1 samples"):
        measure(generated=x[:1], real=x)
    with pytest.raises(ValueError, match=r"must be \(n, d\)"):
        measure(generated=x, real=x[0])
    with pytest.raises(ValueError, match="both must have the same"):
        measure(generated=x, real=x[:, :2])
    with pytest.raises(ValueError, match="subset_size"):
        kid(generated=x, real=x, subset_size=21)
    with pytest.raises(ValueError, match="whole subset_size"):
        kid(generated=x, real=x, subset_size=10.5)
    with pytest.raises(ValueError, match="seed of KID"):
        kid(generated=x, real=x, seed=-1)
    with pytest.raises(ValueError, match=r"k=2\.5"):
        prdc(generated=x, real=x, nearest=2.5)
    with pytest.raises(ValueError, match="seed from 0 on"):
        fd_infinity(generated=x, real=x, seed="a")
    with pytest.raises(ValueError, match="k=20"):
        prdc(generated=x, real=x, nearest=20)
    with pytest.raises(ValueError, match="too few"):
        fd_infinity(generated=x[:9], real=x)


@pytest.mark.parametrize("kind", [np.longdouble, np.dtype(">f8"), "sparse", torch.float8_e5m2])
def test_real_numbers_of_any_kind_are_read(kind):
    x = np.random.default_rng(0).integers(-4, 5, (20, 3)).astype(float)  # each kind holds them exactly
    if kind == "sparse":
        other = torch.tensor(x).to_sparse()
    else:
        other = torch.tensor(x).to(kind) if isinstance(kind, torch.dtype) else x.astype(kind)
    real = x[::-1] + 1
    expected = frechet_distance(generated=x, real=real)
    assert frechet_distance(generated=other, real=real) == expected


@pytest.mark.parametrize("rows", [[[1.0, 2.0], [3.0]], torch.zeros(3, 4, device="meta")])
def test_what_holds_no_rows_of_numbers_is_one_line(rows):
    with pytest.raises(ValueError, match="generated features cannot be read"):
        frechet_distance(generated=rows, real=np.eye(4))


@pytest.mark.parametrize("measure", [*MEASURES, fd_infinity])
@pytest.mark.parametrize("kind", [np.complex128, np.complex64, "complex tensor", str])
def test_what_is_no_real_number_is_refused(measure, kind):
    x = np.random.default_rng(0).normal(size=(40, 3))
    other = torch.tensor(x, dtype=torch.complex64) if kind == "complex tensor" else x.astype(kind)
    with pytest.raises(ValueError, match="generated features must be real numbers"):
        measure(generated=other, real=x)
    with pytest.raises(ValueError, match="real features must be real numbers"):
        measure(generated=x, real=other)


def prdc_by_definition(generated, real, nearest):
    """Row by row, from differences."""
    radii = [
        np.sort([np.sqrt(((row - x) ** 2).sum(1)) for row in x], axis=1)[:, nearest]
        for x in (real, generated)
    ]
    across = np.array([np.sqrt(((row - generated) ** 2).sum(1)) for row in real])
    in_real, in_generated = across < radii[0][:, None], across < radii[1][None]
    return {
        "precision": in_real.any(0).mean(),
        "recall": in_generated.any(1).mean(),
        "density": in_real.sum(0).mean() / nearest,
        "coverage": in_real.any(1).mean(),
    }


@pytest.mark.parametrize("shift", [0.0, 1e4, 1e7])
@pytest.mark.parametrize("repeats", [1, 4])
def test_prdc_by_its_definition_wherever_the_features_lie(shift, repeats):
    """Features far from the origin, and images that occur several times: a matrix product alone would be wrong."""
    rng = np.random.default_rng(0)
    real = np.tile(rng.normal(size=(60 // repeats, 8)), (repeats, 1))
    generated = np.concatenate([real[:20], rng.normal(size=(30, 8)) * 1.1]) + shift
    result = prdc(generated=generated, real=real + shift)
    assert result == pytest.approx(prdc_by_definition(generated, real + shift, 5))


@pytest.mark.parametrize(("d", "seed"), [(3, 2), (3, 14), (4, 0), (5, 1)])
def test_prdc_of_whole_numbers_is_that_of_exact_arithmetic(d, seed):
    """Many distances are tied with a radius, which is outside an open ball; the mean of the features is a fraction."""
    rng = np.random.default_rng(seed)
    generated, real = (rng.integers(0, 3, (rows, d)) for rows in (50, 70))
    limits = [np.sort(((x[:, None] - x) ** 2).sum(2), axis=1)[:, 5] for x in (real, generated)]
    across = ((real[:, None] - generated) ** 2).sum(2)
    in_real, in_generated = across < limits[0][:, None], across < limits[1]
    assert prdc(generated=generated, real=real) == pytest.approx(
        {
            "precision": in_real.any(0).mean(),
            "recall": in_generated.any(1).mean(),
            "density": in_real.sum() / (5 * 50),
            "coverage": in_real.any(1).mean(),
        },
        abs=1e-7,
    )


def test_prdc_of_one_far_cluster_and_one_near():
    """Distances of 1e-6 beside vectors of 1e3: the squares of the matrix product know nothing of them."""
    rng = np.random.default_rng(0)
    real = np.concatenate([rng.normal(size=(30, 4)) * 1e-6, 1e3 + rng.normal(size=(30, 4)) * 1e-6])
    generated = np.concatenate([rng.normal(size=(25, 4)) * 1e-6, 1e3 + rng.normal(size=(25, 4)) * 2e-6])
    assert prdc(generated=generated, real=real) == pytest.approx(prdc_by_definition(generated, real, 5))


@pytest.mark.parametrize(
    ("n", "m", "d"), [(60, 50, 200), (120, 300, 16), (40, 300, 64), (90, 30, 20), (64, 65, 64)]
)
def test_fd_infinity_is_the_line_through_frechet_distances(n, m, d):
    """The same intercept from `frechet_distance` of every subset, whichever of n, m and d is the smallest."""
    rng = np.random.default_rng(3)
    generated, real = rng.normal(size=(n, d)) + 5, rng.normal(size=(m, d)) * 1.2 + 5.1
    shuffled = generated[np.random.default_rng(0).permutation(n)]
    sizes = np.linspace(n / 2, n, 4).astype(int)

    def distance(part):
        return frechet_distance(generated=part, real=real)

    values = [(distance(shuffled[:size]) + distance(shuffled[n - size :])) / 2 for size in sizes]
    expected = np.polyfit(1 / sizes, values, 1)[1]
    assert fd_infinity(generated=generated, real=real).value == pytest.approx(expected, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize(("n", "m", "d", "decomposed"), [(60, 90, 20, 1), (60, 15, 20, 0)])
def test_fd_infinity_decomposes_the_real_part_once_and_each_subset_once(monkeypatch, n, m, d, decomposed):
    """At 2,000 samples of 2,048 features sixty distances take half a minute, from scratch a quarter of an hour."""
    sizes = {"eigh": [], "eigvalsh": []}
    for name, calls in sizes.items():
        plain = getattr(torch.linalg, name)
        monkeypatch.setattr(
            torch.linalg, name, lambda x, plain=plain, calls=calls: calls.append(len(x)) or plain(x)
        )
    x = torch.randn(n + m, d, generator=torch.Generator().manual_seed(0))
    fd_infinity(generated=x[:n], real=x[n:], points=4, groups=5)
    assert len(sizes["eigh"]) == decomposed  # fewer real samples than features are their own root
    assert len(sizes["eigvalsh"]) == (2 * 4 - 1) * (5 + 1)
    assert max(sizes["eigvalsh"]) <= min(n, m, d)


def test_fd_infinity_of_more_groups_than_samples_says_so():
    x = np.random.default_rng(0).normal(size=(40, 3))
    with pytest.raises(ValueError, match="40 generated samples cannot make 41 groups"):
        fd_infinity(generated=x, real=x, groups=41)
    assert math.isfinite(fd_infinity(generated=x, real=x, groups=40).high)


@pytest.mark.parametrize("measure", MEASURES)
def test_inputs_are_left_as_they_were(measure):
    x = torch.randn(20, 3)
    before = x.clone()
    measure(generated=x, real=x)
    assert torch.equal(x, before)
