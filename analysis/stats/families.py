"""Many tests at once: p values corrected for their number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Correction = Literal["holm", "fdr_bh", "fdr_by"]


def corrected(ps: Sequence[float], method: Correction = "holm") -> list[float]:
    """p values corrected for their number, in the same order; nan, which is no test, stays and does not count.

    `holm` bounds the chance of any false verdict of the family, under any dependence; `fdr_bh` (Benjamini and
    Hochberg) the expected share of false ones, and `fdr_by` (Benjamini and Yekutieli) so under any dependence.
    """
    tested = [i for i, p in enumerate(ps) if not math.isnan(p)]
    if not tested:
        return list(ps)
    from statsmodels.stats.multitest import multipletests

    after = multipletests([ps[i] for i in tested], method=method)[1]
    values = list(ps)
    for i, p in zip(tested, after, strict=True):
        values[i] = float(p)
    return values


def holm(ps: Sequence[float]) -> list[float]:
    """`corrected` by Holm."""
    return corrected(ps, "holm")
