"""Many tests at once: p values corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence


def holm(ps: Sequence[float]) -> list[float]:
    """p values corrected for their number by Holm, in the same order; nan, which is no test, stays and does not count.

    It bounds the chance of any false verdict of the family, under any dependence.
    """
    tested = [i for i, p in enumerate(ps) if not math.isnan(p)]
    if not tested:
        return list(ps)
    from statsmodels.stats.multitest import multipletests

    after = multipletests([ps[i] for i in tested], method="holm")[1]
    values = list(ps)
    for i, p in zip(tested, after, strict=True):
        values[i] = float(p)
    return values
