"""Statistics as functions of values and matrices, apart from tables and plots: named results, seeded generators.

scipy and statsmodels compute; they are imported inside the functions, for they take a second to load.
"""

from analysis.stats.families import corrected, holm
from analysis.stats.flips import sign_flip_p
from analysis.stats.orders import (
    bootstrap,
    friedman,
    kendall,
    line_slope,
    order_by_pairs,
    order_p,
    rank_correlation,
    spearman,
    trend,
)
from analysis.stats.pairs import (
    equivalence,
    mean_over_seeds,
    paired,
    paired_ratio,
    seeds_to_be_alike,
    seeds_to_differ,
    unpaired_ratio,
    welch,
    welch_p,
)
from analysis.stats.results import (
    ALPHA,
    LEVEL,
    Array,
    Equivalence,
    Friedman,
    Interval,
    OrderOfColumns,
    Paired,
    PairOfColumns,
    Power,
    RankCorrelation,
    Ratio,
    SeedMean,
    Trend,
)

__all__ = [
    "ALPHA",
    "LEVEL",
    "Array",
    "Equivalence",
    "Friedman",
    "Interval",
    "OrderOfColumns",
    "PairOfColumns",
    "Paired",
    "Power",
    "RankCorrelation",
    "Ratio",
    "SeedMean",
    "Trend",
    "bootstrap",
    "corrected",
    "equivalence",
    "friedman",
    "holm",
    "kendall",
    "line_slope",
    "mean_over_seeds",
    "order_by_pairs",
    "order_p",
    "paired",
    "paired_ratio",
    "rank_correlation",
    "seeds_to_be_alike",
    "seeds_to_differ",
    "sign_flip_p",
    "spearman",
    "trend",
    "unpaired_ratio",
    "welch",
    "welch_p",
]
