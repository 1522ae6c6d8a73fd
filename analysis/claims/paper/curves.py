"""Hilbert curves and spatial continuity: Table 7, Figures 8 and 11."""

from analysis.claims.claim import Claim
from analysis.claims.kinds import Order

CLAIMS = (
    Claim(
        "hilbert-is-hard",
        "the performance of the Hilbert scan path drops significantly, even if we decrease the Order of Receptive "
        "Field",
        "section 8.4, Table 7",
        "with the true Hilbert curve: zigzags are better, with two schemes as with eight",
        (Order("hilbert", ("zigzag-2", "hilbert-2")), Order("hilbert", ("zigzag-8", "hilbert-8"))),
    ),
    Claim(
        "hilbert-released-is-hard",
        "the Hilbert scan path is difficult to optimize",
        "section 8.4, Table 7",
        "with the released code's Hilbert, the inverse of the curve: zigzags are better",
        (
            Order("hilbert", ("zigzag-2", "hilbert-released-2")),
            Order("hilbert", ("zigzag-8", "hilbert-released-8")),
        ),
    ),
    Claim(
        "hilbert-is-not-the-released",
        "the Hilbert scan path is difficult to optimize",
        "section 8.4, Table 7",
        "beyond the paper: the true curve is better than the inverse that the released code scans",
        (
            Order("hilbert", ("hilbert-2", "hilbert-released-2")),
            Order("hilbert", ("hilbert-8", "hilbert-released-8")),
        ),
    ),
    Claim(
        "structure-over-locality",
        "structure may hold greater significance than locality in generative tasks",
        "section 8.4, Table 7",
        "with eight schemes each, a sweep is better than the true Hilbert curve, the most local of all",
        (Order("scan_zoo", ("sweep-8", "hilbert-8")),),
    ),
    Claim(
        "spatial-continuity-is-critical",
        "spatial continuity is a critical requirement when applying Mamba in 2D sequences",
        "section 8.2, Figure 11",
        "each larger group of neighbours is better, and all are better than shuffled patches",
        (Order("spatial_continuity", (*(f"groups of {n}x{n}" for n in (16, 8, 4, 2)), "random")),),
    ),
    Claim(
        "continuity-beyond-directions",
        "spatial continuity is a critical requirement when applying Mamba in 2D sequences",
        "section 8.2, Figure 11",
        "beyond the paper: with eight schemes each, the zigzag is better than the sweep, which jumps back at every row",
        (Order("scan_zoo", ("zigzag-8", "sweep-8")),),
    ),
)
