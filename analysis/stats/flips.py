"""Tests by trying what could as well have been, apart from any law."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

DRAWN = 20_000  # permutations; all are tried where there are no more


def sign_flip_p(difference: Sequence[float]) -> float:
    """Two-sided p of a mean of zero when each difference could as well have had the other sign.

    By all flips where there are at most 20,000, which is up to 14 pairs; else by so many drawn ones.
    """
    from scipy.stats import permutation_test

    if len(difference) < 2:
        return 1.0
    test = permutation_test(
        (np.asarray(difference, dtype=float),),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=DRAWN,
        rng=np.random.default_rng(0),
    )
    return min(1.0, float(test.pvalue))
