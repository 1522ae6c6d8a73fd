"""Beyond the paper: the same questions on Gaussian fields, where the best network is known exactly (study `exact`)."""

from analysis.claims.claim import Claim
from analysis.claims.kinds import Alike, Order

STUDY = "exact"
ROWS = ("rows-8", "rows-16", "rows-32")
WITH_POSITIONS = tuple(f"{rows}-positions" for rows in ROWS)

CLAIMS = (
    Claim(
        "more-schemes-help-on-fields",
        "as we increased the zigzag scheme from 1 to 8, we saw consistent gains",
        "section 4.2, Table 1",
        "beyond the paper: on fields eight zigzags are nearer to the optimum than two, two than one",
        (Order(STUDY, ("zigzag-8", "zigzag-2", "zigzag-1")),),
    ),
    Claim(
        "zigzag-beats-sweep-on-fields",
        "switching the scanning scheme from sweep to zigzag led to some gains",
        "section 4.2, Table 1",
        "beyond the paper: on fields without positions one zigzag is nearer to the optimum than a sweep",
        (Order(STUDY, ("zigzag-1", "sweep-1"), settings=ROWS),),
    ),
    Claim(
        "positions-make-up-for-continuity",
        "switching the scanning scheme from sweep to zigzag led to some gains",
        "section 4.2, Table 1",
        "beyond the paper: on fields with learned positions one zigzag and a sweep differ by less than 5 %",
        (Alike(STUDY, ("zigzag-1", "sweep-1"), settings=WITH_POSITIONS),),
    ),
    Claim(
        "hilbert-is-hard-on-fields",
        "the Hilbert scan path is difficult to optimize",
        "section 8.4, Table 7",
        "beyond the paper: on fields zigzags are nearer to the optimum than true Hilbert curves",
        (Order(STUDY, ("zigzag-2", "hilbert-2")), Order(STUDY, ("zigzag-8", "hilbert-8"))),
    ),
)
