"""Least losses against plain regression, against each other, and against the numbers of the audit."""

import time
from typing import Any

import numpy as np
import pytest
import torch
from covariances_for_tests import exponential, regression, singular

from zigma.data.fields import field_covariance
from zigma.optimum import (
    least_excess,
    least_loss,
    one_token_sight,
    patch_tokens,
    path_sight,
    plan_sight,
    time_midpoints,
)
from zigma.optimum.checks import as_covariance
from zigma.scans import ScanOrder, scan_order, scan_plan

TIMES = (0, 0.01, 0.3, 0.7, 0.99, 1)
ORDER = np.random.default_rng(1).permutation(12)
SEEN = np.random.default_rng(2).random((12, 12)) < 0.5
SEEN[0] = False  # sees nothing
SIGHTS: dict[str, tuple[dict[str, Any], Any]] = {
    "everything": ({}, np.ones((12, 12), bool)),
    "path": ({"order": ORDER}, path_sight(ORDER)),
    "memory of 1": ({"order": ORDER, "lags": 1}, np.eye(12, dtype=bool)),
    "memory of 5": ({"order": ORDER, "lags": 5}, path_sight(ORDER, 5)),
    "memory beyond the path": ({"order": ORDER, "lags": 99}, path_sight(ORDER)),
    "any": ({"seen": SEEN}, SEEN),
}
COVARIANCES = {"exponential": exponential(4, 3, 2.0), "singular": singular(12, 5)}


@pytest.mark.parametrize("sight", SIGHTS)
@pytest.mark.parametrize("covariance", COVARIANCES)
@pytest.mark.parametrize("t", TIMES)
def test_it_is_the_residual_of_the_regression(covariance: str, sight: str, t: float) -> None:
    words, matrix = SIGHTS[sight]
    expected = regression(COVARIANCES[covariance], t, matrix)
    loss = least_loss(COVARIANCES[covariance], t, **words)
    assert isinstance(loss, float)
    assert loss == pytest.approx(expected, rel=1e-8)
    # many times at once go another way: an eigendecomposition instead of a factor for each
    many = least_loss(COVARIANCES[covariance], np.full((2, 300), t), **words)
    assert many.shape == (2, 300)
    np.testing.assert_allclose(many, expected, rtol=1e-8)


def test_it_is_what_least_squares_reaches_on_samples() -> None:
    covariance, t, rng = exponential(2, 3, 2.0), 0.6, np.random.default_rng(0)
    order = np.array([2, 0, 1, 5, 3, 4])
    data = rng.multivariate_normal(np.zeros(6), covariance, size=200_000)
    noise = rng.normal(size=data.shape)
    x, v = t * data + (1 - t) * noise, data - noise
    left = []
    for place, i in enumerate(order):
        seen = x[:, order[: place + 1]]
        left.append(np.mean((v[:, i] - seen @ np.linalg.lstsq(seen, v[:, i], rcond=None)[0]) ** 2))
    assert least_loss(covariance, t, order=order) == pytest.approx(np.mean(left), rel=0.01)


def test_the_last_token_of_a_path_sees_everything() -> None:
    covariance, times = exponential(4, 3, 2.0), np.array([0.2, 0.5, 0.8])
    rows = np.zeros((12, 12), bool)
    rows[ORDER[-1]] = True
    nothing_else = least_loss(covariance, times, seen=rows)  # eleven see nothing: K_ii + 1
    full = least_loss(covariance, times, seen=np.ones((12, 12), bool))
    np.testing.assert_allclose(full, least_loss(covariance, times), rtol=1e-12)
    by_path = path_sight(ORDER)
    by_path[ORDER[:-1]] = False
    np.testing.assert_allclose(nothing_else, least_loss(covariance, times, seen=by_path), rtol=1e-12)


@pytest.mark.parametrize("positions", [True, False])
def test_more_memory_never_loses_more(positions: bool) -> None:
    covariance, order = exponential(5, 5, 3.0), scan_order("hilbert", (5, 5))
    losses = [least_loss(covariance, 0.4, order=order, lags=m, positions=positions) for m in range(1, 27)]
    assert (np.diff(losses) <= 1e-12).all()
    assert losses[0] > losses[-1] + 0.01
    whole = least_loss(covariance, 0.4, order=order, positions=positions)
    assert losses[-1] == pytest.approx(whole, rel=1e-12)
    assert whole >= least_loss(covariance, 0.4)


def test_knowing_ones_place_never_hurts_and_serves_no_one_where_all_places_are_alike() -> None:
    covariance, order = exponential(5, 5, 3.0), scan_order("zigzag", (5, 5))
    with_places = least_loss(covariance, 0.4, order=order, lags=6)
    assert with_places < least_loss(covariance, 0.4, order=order, lags=6, positions=False)
    alone = least_loss(covariance, 0.4, order=order, lags=1)
    assert least_loss(covariance, 0.4, order=order, lags=1, positions=False) == pytest.approx(alone)


def test_without_positions_it_is_the_best_filter_along_the_path() -> None:
    covariance, t, lags = exponential(3, 4, 2.0), 0.35, 3
    order, s = scan_order("spiral", (3, 4)), 1 - 0.35
    walked = covariance[np.ix_(order, order)]
    noisy, cross = t**2 * walked + s**2 * np.eye(12), t * walked - s * np.eye(12)
    shift = [np.eye(12, k=-m) for m in range(lags)]  # row i takes the token m steps before
    normal = np.array([[np.trace(a @ noisy @ b.T) for b in shift] for a in shift])
    right = np.array([np.trace(cross @ a.T) for a in shift])
    best = (np.trace(walked) + 12 - right @ np.linalg.solve(normal, right)) / 12
    loss = least_loss(covariance, t, order=order, lags=lags, positions=False)
    assert loss == pytest.approx(best, rel=1e-10)


@pytest.mark.parametrize("words", [{}, {"order": [1, 0, 2, 3]}, {"order": [3, 2, 1, 0], "lags": 2}])
def test_patches_are_seen_whole(words: dict[str, Any]) -> None:
    """Against the regression with each value's sight written out: 2 channels of 4x4 in patches of 2x2."""
    tokens = patch_tokens((4, 4), patch=2, channels=2)
    covariance = singular(32, 20)
    sight = path_sight(words["order"], words.get("lags")) if words else np.ones((4, 4), bool)
    loss = least_loss(covariance, 0.4, token_of=tokens, **words)
    assert loss == pytest.approx(regression(covariance, 0.4, sight[np.ix_(tokens, tokens)]), rel=1e-8)
    # how the values are numbered makes no difference
    shuffled = np.random.default_rng(0).permutation(32)
    again = least_loss(
        covariance[np.ix_(shuffled, shuffled)], 0.4, token_of=torch.from_numpy(tokens[shuffled]), **words
    )
    assert again == pytest.approx(loss, rel=1e-10)


def test_patch_tokens_count_row_by_row() -> None:
    assert patch_tokens((2, 4), patch=2, channels=1).tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert patch_tokens((1, 2), channels=3).tolist() == [0, 1, 0, 1, 0, 1]
    with pytest.raises(ValueError, match="must divide the grid 3x4"):
        patch_tokens((3, 4), patch=2)


def test_segments_of_a_factorised_video_are_walked_apart() -> None:
    covariance = np.kron(exponential(1, 3, 4.0), exponential(2, 2, 2.0))
    scan = scan_plan("video-s", (3, 2, 2), depth=1)[0]
    assert isinstance(scan, ScanOrder)
    apart, one_frame = least_loss(covariance, 0.5, order=scan), least_loss(exponential(2, 2, 2.0), 0.5)
    frame_path = least_loss(exponential(2, 2, 2.0), 0.5, order=scan_order("zigzag", (2, 2)))
    assert apart == pytest.approx(frame_path, rel=1e-12)
    assert apart > one_frame > least_loss(covariance, 0.5)


@pytest.mark.parametrize(
    "kind", [np.float32, np.float64, torch.float32, torch.float64, "list", "strided", "transposed"]
)
def test_any_array_or_tensor_will_do(kind: Any) -> None:
    matrix, order = exponential(4, 3, 2.0), ORDER
    expected = least_loss(matrix, [0.25, 0.75], order=order)
    given: Any = matrix
    times: Any = np.array([0.25, 0.75])
    if kind == "list":
        given, times, order = matrix.tolist(), (0.25, 0.75), order.tolist()
    elif kind == "strided":
        given = np.repeat(matrix, 2, axis=0)[::2]
    elif kind == "transposed":
        given = np.asfortranarray(matrix)
    elif isinstance(kind, torch.dtype):
        given, times = torch.from_numpy(matrix).to(kind).requires_grad_(), torch.tensor([0.25, 0.75])
        order = torch.from_numpy(order)
    else:
        given = matrix.astype(kind)
    before = np.array(matrix)
    np.testing.assert_allclose(least_loss(given, times, order=order), expected, rtol=1e-5)
    assert np.array_equal(matrix, before)


@pytest.mark.parametrize("words", [{}, {"order": ORDER}, {"order": ORDER, "lags": 3}, {"seen": SEEN}])
def test_extreme_scales_and_times_stay_finite_and_in_order(words: dict[str, Any]) -> None:
    times = np.array([0.0, 1e-300, 1e-160, 1e-9, 0.5, 1 - 1e-9, 1.0])
    for scale in (0.0, 1e-12, 1.0, 1e9):
        for matrix in COVARIANCES.values():
            losses = least_loss(scale * matrix, times, **words)
            assert np.isfinite(losses).all()
            best = least_loss(scale * matrix, times)
            assert (losses >= best - 1e-6 * (1 + scale)).all()
    assert least_loss(COVARIANCES["exponential"], np.empty((0,)), **words).shape == (0,)


def test_the_audits_numbers() -> None:
    """FINDINGS V4: 16x16, exponential of length 8; V3: with positions and all memory both ways lose alike."""
    covariance, grid = exponential(16, 16, 8.0), (16, 16)
    assert least_excess(covariance, seen=one_token_sight(256)) == pytest.approx(0.749, abs=0.0005)
    sweep, zigzag = (least_excess(covariance, order=scan_order(name, grid)) for name in ("sweep", "zigzag"))
    assert sweep == pytest.approx(0.162, abs=0.0005)
    assert sweep == pytest.approx(zigzag, rel=1e-10)  # the prefixes are each other's mirror images


@pytest.mark.parametrize(("lags", "ratio"), [(4, 1.14), (8, 1.19), (12, 1.18), (17, 0.79)])
def test_without_positions_the_row_decides_between_zigzag_and_sweep(lags: int, ratio: float) -> None:
    """FINDINGS V3: the zigzag is better while the memory is shorter than a row of 16."""
    covariance, times = exponential(16, 16, 8.0), time_midpoints(32)
    sweep, zigzag = (
        least_excess(covariance, times, order=scan_order(name, (16, 16)), lags=lags, positions=False).mean()
        for name in ("sweep", "zigzag")
    )
    assert sweep / zigzag == pytest.approx(ratio, abs=0.01)


def test_a_long_path_is_fast() -> None:
    covariance, order = exponential(32, 32, 8.0), scan_order("hilbert", (32, 32))
    began = time.process_time()
    losses = least_loss(covariance, time_midpoints(64), order=order)
    assert time.process_time() - began < 10  # seconds of the processor: 2 on an idle one
    assert losses.shape == (64,)


def test_next_to_the_data_a_singular_covariance_loses_no_digits() -> None:
    """There v is left along the directions of the data alone: the projector on what the prefix spans."""
    covariance, t = singular(12, 5), 1 - 1e-9
    assert least_loss(covariance, t) * 12 == pytest.approx(5, rel=1e-6)
    factor = np.linalg.cholesky(covariance[:5, :5])
    spanned = np.vstack([factor, np.linalg.solve(factor, covariance[:5, 5:]).T])[ORDER]
    left = [(rows := spanned[:n])[-1] @ np.linalg.pinv(rows)[:, -1] for n in range(1, 13)]
    assert 5 < sum(left) < 12
    assert least_loss(covariance, t, order=ORDER) * 12 == pytest.approx(sum(left), rel=1e-6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"covariance": np.ones((3, 4))}, r"square matrix \(N, N\), not of shape \(3, 4\)"),
        ({"covariance": np.array([[1.0, 0.5], [0.2, 1.0]])}, "must be symmetric: .* 0.3"),
        ({"covariance": np.array([[1.0, 2.0], [2.0, 1.0]])}, "smallest eigenvalue is -1"),
        ({"covariance": np.array([[1.0, np.nan], [np.nan, 1.0]])}, "must be finite, and holds 2"),
        ({"covariance": np.eye(2) * 1j}, "real numbers, not complex128"),
        ({"covariance": np.ma.masked_array(np.eye(3), mask=np.eye(3))}, "has 3 masked entries"),
        ({"t": 1.5}, "must lie in .0, 1., 0 is noise and 1 is data, not 1.5"),
        ({"t": [0.5, float("nan")]}, "not nan"),
        ({"t": True}, "not bool"),
        ({"t": "now"}, "t must be a number"),
        ({"order": [0, 0, 1]}, "visits some token twice"),
        ({"order": [0, 1]}, "each of the 3 tokens once, and has 2"),
        ({"order": [0.0, 1.0, 2.0]}, "whole numbers, not float64"),
        ({"lags": 2}, "order must be given too"),
        ({"order": [0, 1, 2], "lags": 0}, "at least 1, not 0"),
        ({"order": [0, 1, 2], "lags": 2.5}, "lags is a whole number of at least 1, not 2.5"),
        ({"order": [0, 1, 2], "lags": True}, "not True"),
        ({"seen": np.eye(2, dtype=bool)}, r"boolean matrix \(3, 3\), one row a token, not \(2, 2\)"),
        ({"seen": np.full((3, 3), 0.5)}, "seen must be boolean, not float64"),
        ({"seen": np.eye(3, dtype=bool), "order": [0, 1, 2]}, "order and lags must be left out"),
        ({"positions": False}, "order must be given too"),
        ({"token_of": [0, 2, 2]}, r"tokens 0\.\.2, each with at least one value"),
        ({"token_of": [0, 1]}, "the token of each of the 3 values"),
    ],
)
def test_faults_are_told_in_a_line(words: dict[str, Any], message: str) -> None:
    arguments = {"covariance": np.eye(3), "t": 0.5} | words
    with pytest.raises(ValueError, match=message) as caught:
        least_loss(arguments.pop("covariance"), arguments.pop("t"), **arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_a_covariance_may_be_as_rough_as_its_type(dtype: torch.dtype) -> None:
    """Rounded to 8 bits, a smooth covariance has eigenvalues below zero."""
    smooth = field_covariance("matern", (8, 8), length=4.0)
    exact = least_loss(smooth, 0.5)
    assert least_loss(torch.tensor(smooth).to(dtype), 0.5) == pytest.approx(exact, rel=0.02)


HALVES = [torch.float16, torch.bfloat16]


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("side", [8, 16])
@pytest.mark.parametrize("length", [0.3, 3.0, 16.0, 500.0])
@pytest.mark.parametrize("name", ["exponential", "matern", "power-law"])
def test_covariances_rounded_to_16_bits_are_covariances(
    name: str, length: float, side: int, dtype: torch.dtype
) -> None:
    rounded = torch.from_numpy(field_covariance(name, (side, side), length=length)).to(dtype)
    assert as_covariance(rounded).shape == (side**2, side**2)
    assert as_covariance(300 * rounded).shape == (side**2, side**2)


@pytest.mark.parametrize("dtype", HALVES)
@pytest.mark.parametrize("size", [2, 16, 256])
@pytest.mark.parametrize(
    ("first", "says"),
    [
        ([[1.0, 0.7], [0.0, 1.0]], "must be symmetric: .* (0.7|0.699)"),
        ([[1.0, 0.7], [0.6, 1.0]], "must be symmetric: .* 0.(1|09)"),
        ([[1.0, 3.0], [3.0, 1.0]], "smallest eigenvalue is -2,"),
        ([[1.0, 1.1], [1.1, 1.0]], "smallest eigenvalue is -0.(1|09)"),
    ],
)
def test_16_bits_do_not_make_a_covariance_of_another_matrix(
    first: list[list[float]], says: str, size: int, dtype: torch.dtype
) -> None:
    """Those of 16 bits are rounded at the third digit: this must not excuse the first."""
    matrix = torch.eye(size, dtype=dtype)
    matrix[:2, :2] = torch.tensor(first)
    with pytest.raises(ValueError, match=says):
        as_covariance(matrix)


@pytest.mark.parametrize("dtype", [*HALVES, torch.float32])
def test_no_loss_or_excess_is_negative_where_rounding_left_negative_eigenvalues(dtype: torch.dtype) -> None:
    cells = np.indices((8, 8)).reshape(2, -1)
    smooth = np.exp(-((cells[:, :, None] - cells[:, None]) ** 2).sum(0) / 32)
    rounded, sight = torch.from_numpy(smooth).to(dtype), plan_sight("sweep@0,1", (8, 8), 2)
    assert np.linalg.eigvalsh(rounded.double().numpy())[0] < 0
    times = np.append(time_midpoints(), 1 - np.geomspace(1e-2, 1e-5, 20))
    assert least_loss(rounded, times, seen=sight).min() > 0
    assert least_excess(rounded, times, seen=sight).min() > -1e-9


def test_a_covariance_keeps_every_bit_where_its_eigenvalues_are_none_or_its_type_has_no_rounding_to_mend() -> (
    None
):
    flat = np.ones((9, 9))  # one eigenvalue of 9, and others of 0 that rounding moves below
    smooth = exponential(4, 4, 2.0)
    assert np.linalg.eigvalsh(flat)[0] < 0 < np.linalg.eigvalsh(smooth.astype(np.float32))[0]
    for kept in (flat, flat.astype(np.float32), smooth, smooth.astype(np.float32), smooth.astype(np.float16)):
        assert np.array_equal(as_covariance(kept), kept.astype(np.float64))
    below = singular(12, 5) - 1e-13 * np.eye(12)
    assert np.linalg.eigvalsh(below)[0] < 0
    assert np.array_equal(as_covariance(below), (below + below.T) / 2)


@pytest.mark.parametrize("n", [0, -1, 2.5, True])
def test_midpoints_are_of_a_whole_number_of_parts(n: Any) -> None:
    with pytest.raises(ValueError, match="n is a whole number of at least 1"):
        time_midpoints(n)
