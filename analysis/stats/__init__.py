"""Statistics as functions of values and matrices, apart from tables and plots: named results, seeded generators.

scipy and statsmodels compute; they are imported inside the functions, for they take a second to load.
"""

from analysis.stats.families import holm
from analysis.stats.orders import (
    agreement_ps,
    bootstrap,
    count_pairs,
    friedman,
    kendall,
    order_p,
    rank_correlation,
    spearman,
    trend,
)
from analysis.stats.pairs import (
    mean_over_seeds,
    paired,
    paired_ratio,
    seeds_to_be_alike,
    seeds_to_differ,
    welch,
    welch_p,
)
from analysis.stats.results import (
    ALPHA,
    LEVEL,
    Array,
    Friedman,
    Interval,
    Paired,
    RankCorrelation,
    Ratio,
    SeedMean,
    Trend,
    exp,
)

__all__ = [
    "ALPHA",
    "LEVEL",
    "Array",
    "Friedman",
    "Interval",
    "Paired",
    "RankCorrelation",
    "Ratio",
    "SeedMean",
    "Trend",
    "agreement_ps",
    "bootstrap",
    "count_pairs",
    "exp",
    "friedman",
    "holm",
    "kendall",
    "mean_over_seeds",
    "order_p",
    "paired",
    "paired_ratio",
    "rank_correlation",
    "seeds_to_be_alike",
    "seeds_to_differ",
    "spearman",
    "trend",
    "welch",
    "welch_p",
]
