"""Figure 14: loss and FID while networks train, at two resolutions; the runs of `scan_ablation` (section 8.5)."""

from studies.declare.study import Arm, Study
from studies.paper.scan_ablation import STUDY as ABLATION

TRENDS = {
    "tiny": ("digits-16", "shapes-16"),
    "desk": ("fields-16", "mnist-16"),
    "small": ("shapes-32", "shapes-64"),
    "paper": ("celebamm-256", "celebamm-512"),
}

STUDY = Study(
    name="training_trends",
    shows="Figure 14",
    title="Loss and FID against the training step on MultiModal-CelebA",
    arms=(
        Arm("sweep-1", {"model.scan": "sweep-1"}),
        Arm("sweep-2", {"model.scan": "bidirectional"}),
        Arm("zigzag-8", {"model.scan": "zigzag-8"}),
    ),
    scales={scale: {name: ABLATION.scales[scale][name] for name in names} for scale, names in TRENDS.items()},
    stands_for={
        name: column
        for name, column in ABLATION.stands_for.items()
        if any(name in names for names in TRENDS.values())
    },
    notes=(
        "the runs of study scan_ablation, and one more: their curves, not their last numbers",
        "sweep-2 is what the released code calls so, a sweep and its reverse in each layer, that is VisionMamba",
    ),
)
