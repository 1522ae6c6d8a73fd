"""The least loss that any network can reach on Gaussian data, by what it may look at.

With s = 1 - t, x_t has the covariance S = t^2 K + s^2 I and v = x_1 - x_0 the covariance C = t K - s I with it.
For the tokens J in sight, min E (v_i - f_i)^2 = K_ii + 1 - C_iJ S_JJ^-1 C_Ji. Three forms of it are used:

    i in J, with K_JJ = Q diag(lambda) Q^T:     sum_m Q_im^2 lambda_m / (t^2 lambda_m + s^2)        (all times at once)
    i not in J:                                 1 + K_ii - t^2 K_iJ S_JJ^-1 K_Ji
    J the path up to i, S = G G^T in its order: p_i / (t^2 p_i + s^2), p_i = K_ii - sum_{k<i} G_ik^2 / t^2

The last needs one Cholesky factor for all prefixes of a path: p_i is the variance of x_1,i given the noisy tokens
before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from zigma.optimum.checks import (
    BoolArray,
    FloatArray,
    IntArray,
    as_covariance,
    as_order,
    as_sight,
    as_times,
    as_tokens,
)
from zigma.optimum.nested import nested_losses
from zigma.optimum.sight import path_sight
from zigma.optimum.spectrum import eigen, noisy_factor, seen_part
from zigma.optimum.unplaced import unplaced_losses
from zigma.scans import ScanOrder
from zigma.scans.order import at_least_1

WINDOW_VALUES = 2**22  # of the covariances of windows that are decomposed at once: 32 MiB


def time_midpoints(n: int = 64) -> FloatArray:
    """The middles of n equal parts of [0, 1]: a mean over them stands for the mean over the times of training.

    Raises ValueError for an n that is no whole number of at least 1.
    """
    return (np.arange(at_least_1("n", n)) + 0.5) / n


def least_loss(
    covariance: Any,
    t: Any,
    *,
    order: Any = None,
    lags: int | None = None,
    seen: Any = None,
    token_of: Any = None,
    positions: bool = True,
) -> Any:
    """The mean over tokens of min E (v_i - f_i)^2, with v = x_1 - x_0, data N(0, K) and noise N(0, I).

    f_i may look at all of x_t. With `order` it may look only at tokens up to and including i along the path; with
    `lags` too, only at the latest `lags` of those, i among them. `seen` says freely what it may look at.

    Args:
        covariance: K, (N, N); array or tensor of any float dtype. Singular ones are fine.
        t: a time in [0, 1], or an array of them; 0 is noise, 1 is data.
        order: (L,) row-major indices in the order of the walk, or a `zigma.scans.ScanOrder` (segments are walked
            apart).
        lags: the memory in tokens.
        seen: (L, L) boolean; row i holds the tokens that the output at i may look at.
        token_of: (N,) the token that each value belongs to, for tokens of several values, such as patches
            (`patch_tokens`). A token is seen with all its values, and the mean is over values. None: N = L.
        positions: whether the predictor knows where on the path it is. False, with `order` (and `lags`), gives the
            best one that weights what it sees by how many steps ago it came, alike at every step.

    Returns:
        a float for one t, an array of t's shape for several.

    Raises:
        ValueError: in one line, for a covariance that is not symmetric and positive semi-definite, an order that is
            no permutation, a t outside [0, 1], or words that exclude each other.
    """
    matrix, times = as_covariance(covariance), as_times(t)
    tokens, count = as_tokens(token_of, len(matrix))
    by_token = np.argsort(tokens, kind="stable")
    matrix, tokens = matrix[np.ix_(by_token, by_token)], tokens[by_token]
    if seen is not None and (order is not None or lags is not None):
        raise ValueError("seen says all of what is in sight: order and lags must be left out beside it")
    if lags is not None and order is None:
        raise ValueError(f"lags={lags!r} are counted along a path: order must be given too")
    if not positions and order is None:
        raise ValueError("positions=False is about places on a path: order must be given too")
    memory = None if lags is None else at_least_1("lags", lags)
    moments = times.ravel()
    if seen is not None:
        losses = _by_sight(matrix, moments, as_sight(seen, count), tokens)
    elif order is None:
        losses = _in_full(matrix, moments)
    else:
        losses = _along(matrix, moments, order, memory, tokens, count, positions)
    return float(losses[0]) if times.ndim == 0 else losses.reshape(times.shape)


def least_excess(covariance: Any, t: Any = None, **sight: Any) -> Any:
    """How far the best predictor with this sight stays from the best one of all, squared, a value.

    It is the difference of their least losses, and what a trained network's `excess_velocity` cannot go below.

    Args:
        t: None for the mean over the times of training, [0, 1] evenly; else as in `least_loss`.
        sight: `order`, `lags`, `seen`, `token_of`, `positions` of `least_loss`.
    """
    times = time_midpoints() if t is None else t
    excess = least_loss(covariance, times, **sight) - least_loss(covariance, times)
    return float(np.mean(excess)) if t is None else excess


def _along(
    matrix: FloatArray,
    times: FloatArray,
    order: Any,
    lags: int | None,
    tokens: IntArray,
    count: int,
    positions: bool,
) -> FloatArray:
    """Least losses (T,) along a path, for the forms of memory."""
    scan = order if isinstance(order, ScanOrder) else None
    indices = as_order(scan.order if scan else order, count)
    single = count == len(matrix)
    if not positions:
        if not single or (scan is not None and scan.segments > 1):
            raise ValueError("positions=False is for paths of one segment, with tokens of one value")
        return unplaced_losses(matrix[np.ix_(indices, indices)], times, lags or count)
    if single and (scan is None or scan.segments == 1):
        walked = matrix[np.ix_(indices, indices)]
        if lags is None or lags >= count:
            return _prefixes(walked, times)
        return _windows(walked, times, lags)
    return _by_sight(matrix, times, path_sight(scan or indices, lags), tokens)


def _in_full(matrix: FloatArray, times: FloatArray) -> FloatArray:
    return seen_part(eigen(matrix)[0], times).mean(-1)


def _prefixes(walked: FloatArray, times: FloatArray) -> FloatArray:
    """Each token sees all before it and itself; `walked` is K in the order of the walk."""
    losses, diagonal = np.empty(len(times)), np.diag(walked)
    for moment, t in enumerate(times):
        if t == 1 or t**2 == 0:  # v = x_1 - x_0, of which x_t tells x_1 or x_0
            losses[moment] = 1.0 if t == 1 else diagonal.mean()
            continue
        factor = noisy_factor(walked, t)
        if factor is None:
            sight = np.tri(len(walked), dtype=bool)
            losses[moment] = nested_losses(walked, times[moment : moment + 1], sight)[0]
            continue
        np.fill_diagonal(factor, 0)
        left = np.maximum(diagonal - np.einsum("ij,ij->i", factor, factor) / t**2, 0)
        losses[moment] = (left / (t**2 * left + (1 - t) ** 2)).mean()
    return losses


def _windows(walked: FloatArray, times: FloatArray, lags: int) -> FloatArray:
    """Each token sees the latest `lags`, itself among them.

    Of a stationary field most windows have one covariance, which is decomposed once.
    """
    tokens = len(walked)
    total = np.zeros(len(times))
    for length in range(1, lags):  # the beginning of the path, where there are fewer
        total += _last_of(walked[None, :length, :length], times)[:, 0]
    windows = np.lib.stride_tricks.sliding_window_view(walked, (lags, lags))
    alike: dict[bytes, list[int]] = {}  # starts of the windows that have one covariance
    for start in range(tokens - lags + 1):
        alike.setdefault(windows[start, start].tobytes(), []).append(start)
    groups = list(alike.values())
    at_once = max(1, WINDOW_VALUES // lags**2)
    for first in range(0, len(groups), at_once):
        part = groups[first : first + at_once]
        losses = _last_of(np.stack([windows[starts[0], starts[0]] for starts in part]), times)
        total += losses @ np.array([len(starts) for starts in part], dtype=np.float64)
    return total / tokens


def _last_of(windows: FloatArray, times: FloatArray) -> FloatArray:
    """The loss (T, n) at the last token of each of n windows (n, M, M) that is seen as a whole."""
    values, vectors = eigen(windows)
    weights = vectors[:, -1, :] ** 2
    return np.einsum("tnm,nm->tn", seen_part(values, times), weights)


def _by_sight(matrix: FloatArray, times: FloatArray, sight: BoolArray, tokens: IntArray) -> FloatArray:
    """The general case: a sight of tokens (L, L), which each of their values shares."""
    return nested_losses(matrix, times, sight[np.ix_(tokens, tokens)])
