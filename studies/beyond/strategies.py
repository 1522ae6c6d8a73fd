"""Beyond the paper: the scan strategies of published networks, each in the paper's network."""

from studies.declare.scales import (
    DESK_FIELDS,
    DESK_FIELDS_SMALL,
    PAPER,
    PAPER_NOTES,
    SMALL,
    TINY_LARGE,
    TINY_SHORT,
)
from studies.declare.study import Arm, Study

# name in zigma.scans.strategies -> source; a test compares both
PUBLISHED = {
    "visionmamba": "Vim, arXiv 2401.09417: there and back in every layer",
    "vmamba": "VMamba's cross-scan, arXiv 2401.10166: four in every layer",
    "vmamba-over-layers": "VMamba's four, arXiv 2401.10166, a layer for each",
    "localvim": "LocalMamba, arXiv 2403.09338: rows and windows of 2x2, without its search",
    "efficientvmamba": "EfficientVMamba, arXiv 2403.09977: every second token of every second row",
    "plainmamba": "PlainMamba, arXiv 2403.17695: continuous in 2D, parameters shared, without its directions in B",
    "mamba-nd": "Mamba-ND, arXiv 2402.05892: H+H-W+W- over the layers",
    "eamamba": "EAMamba, arXiv 2506.22246: eight groups of channels, rows, columns and diagonals",
    "mair": "MaIR, arXiv 2412.20066: nested S-shaped stripes, without its attention over sequences",
    "fractalmamba": "FractalMamba, arXiv 2405.14480: Hilbert's curve, without its shifts (no public code)",
}

STUDY = Study(
    name="strategies",
    shows="beyond",
    title="The scan strategies of published networks",
    arms=(
        Arm("sweep-1", {"model.scan": "sweep-1"}),
        Arm("zigzag-1", {"model.scan": "zigzag-1"}),
        Arm("zigzag-8", {"model.scan": "zigzag-8"}),
        *(Arm(name, {"model.scan": name}) for name in PUBLISHED),
        Arm("sorted-brightness", {"model.scan": "sweep@0,0r", "model.ordering": "brightness"}),
        Arm("sorted-score", {"model.scan": "sweep@0,0r", "model.ordering": "score"}),
        Arm("arcee", {"model.scan": "zigzag-1", "model.mixer.carry_state": True}),
    ),
    scales={
        "tiny": {"digits-8-short": TINY_SHORT, "digits-16": TINY_LARGE},
        "desk": {"fields-8": DESK_FIELDS_SMALL, "fields-16": DESK_FIELDS},
        "small": {"photos-32": SMALL},
        "paper": {"celebamm-256": PAPER},
    },
    notes=(
        *PAPER_NOTES,
        *(f"{name}: {source}" for name, source in PUBLISHED.items()),
        "sorted-brightness, sorted-score: ours: each sample's tokens from dark to bright and back over the layers, or "
        "by a score that each layer learns",
        "arcee: Arcee, arXiv 2511.11243: one zigzag, each layer begins in the state in which the one before ended; "
        "without its optional modulation by that state",
    ),
)
