"""The least loss of a predictor that does not know where on the path it is.

It weights a token by how many steps ago it was visited, with the same weights at every step, as a network without
positions does that does not see the beginning of the path. What lies before the beginning counts as zero.
"""

from __future__ import annotations

import numpy as np

from zigma.optimum.checks import FloatArray


def unplaced_losses(walked: FloatArray, times: FloatArray, lags: int) -> FloatArray:
    """Mean losses (T,) of the best weights a_0..a_{M-1}: f_i = sum_m a_m x_{t,i-m}.

    `walked` (L, L) is the covariance in the order of the walk. The normal equations hold on average over the path:
    A a = b with A_mn = mean_i Cov(x_{i-m}, x_{i-n}) and b_m = mean_i Cov(v_i, x_{i-m}).
    """
    tokens = len(walked)
    lags = min(lags, tokens)
    together = _mean_by_lags(walked, lags)
    ones = np.diag((tokens - np.arange(lags)) / tokens)  # the same mean of the identity
    losses = np.empty(len(times))
    for moment, t in enumerate(times):
        s = 1 - t
        covariances = t**2 * together + s**2 * ones
        right = t * together[0]
        right[0] -= s
        weights = np.linalg.lstsq(covariances, right, rcond=None)[0]
        losses[moment] = together[0, 0] + 1 - right @ weights
    return losses


def _mean_by_lags(walked: FloatArray, lags: int) -> FloatArray:
    """(M, M): the mean over i of K_{i-m, i-n}, where both have been visited."""
    tokens, means = len(walked), np.empty((lags, lags))
    for apart in range(lags):
        sums = np.cumsum(np.diagonal(walked, -apart))  # of K_{j+d, j} over j up to each
        later = np.arange(apart, lags)  # n, the older of the two: j = i - n runs up to L - 1 - n
        means[later - apart, later] = means[later, later - apart] = sums[tokens - 1 - later] / tokens
    return means
