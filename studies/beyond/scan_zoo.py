"""Beyond the paper: every curve of `zigma.scans` in one network, its eight variants over the layers."""

from studies.declare.scales import (
    DESK,
    DESK_FIELDS,
    DESK_FIELDS_SMALL,
    DESK_SMALL,
    PAPER,
    PAPER_NOTES,
    SMALL,
    TINY_LARGE,
    TINY_SHORT,
)
from studies.declare.study import Arm, Study

CURVES = (
    "sweep",
    "zigzag",
    "hilbert",
    "hilbert-released",
    "peano",
    "moore",
    "morton",
    "gray",
    "diagonal",
    "diagonal-zigzag",
    "spiral",
    "spiral-in",
    "random",
    "windowed",
    "atrous",
    "grouped",
)

STUDY = Study(
    name="scan_zoo",
    shows="beyond",
    title="Every curve, eight variants over the layers",
    arms=tuple(Arm(f"{curve}-8", {"model.scan": f"{curve}-8"}) for curve in CURVES),
    scales={
        "tiny": {"digits-8-short": TINY_SHORT, "digits-16": TINY_LARGE},
        "desk": {
            "fields-8": DESK_FIELDS_SMALL,
            "digits-8": DESK_SMALL,
            "fields-16": DESK_FIELDS,
            "mnist-16": DESK,
        },
        "small": {"photos-32": SMALL},
        "paper": {"celebamm-256": PAPER},
    },
    notes=PAPER_NOTES,
)
