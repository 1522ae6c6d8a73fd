"""Beyond Mamba's blocks: the same paths for other mixers (study `mixers`), and a state that layers hand on."""

from analysis.claims.claim import Claim
from analysis.claims.kinds import MattersLess, NoWorse, Order

# beside Mamba itself
MIXERS = ("gated-linear-attention", "mamba-2", "gated-delta-net", "hgrn-2", "mlstm", "rwkv-6")

CLAIMS = (
    Claim(
        "paths-suit-other-mixers",
        "we anticipate that our scan path will be suitable for other linear attention models",
        "section 6",
        "six other mixers are better along eight zigzags than along a sweep or eight orders drawn by chance",
        tuple(
            Order("mixers", (mixer, f"{mixer} {plan}")) for mixer in MIXERS for plan in ("sweep", "random")
        ),
    ),
    Claim(
        "stronger-mixers-need-the-order-less",
        "we anticipate that our scan path will be suitable for other linear attention models",
        "section 6",
        "beyond the paper: the better a mixer is, the less it loses along a sweep, or along orders drawn by chance, as "
        "a ratio and as a difference",
        tuple(
            MattersLess("mixers", tuple((mixer, f"{mixer} {plan}") for mixer in ("mamba", *MIXERS)), by)
            for plan in ("sweep", "random")
            for by in ("ratio", "difference")
        ),
    ),
    Claim(
        "carried-state-helps",
        "as we increased the zigzag scheme from 1 to 8, we saw consistent gains",
        "section 4.2, Table 1",
        "beyond the paper: one zigzag gains where layers hand their last state on (Arcee, arXiv 2511.11243)",
        (Order("strategies", ("arcee", "zigzag-1")), Order("exact", ("zigzag-1 state", "zigzag-1"))),
    ),
    Claim(
        "carried-state-replaces-schemes",
        "as we increased the zigzag scheme from 1 to 8, we saw consistent gains",
        "section 4.2, Table 1",
        "beyond the paper: with that state one zigzag is at most 5 % worse than eight without",
        (NoWorse("strategies", ("arcee", "zigzag-8")), NoWorse("exact", ("zigzag-1 state", "zigzag-8"))),
    ),
)
