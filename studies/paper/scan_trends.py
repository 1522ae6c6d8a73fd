"""Figure 8: how FID falls while Hilbert, sweep and zigzag networks train; the runs of `hilbert` (section 8.4)."""

from studies.declare.study import Study
from studies.paper.hilbert import STUDY as HILBERT

TRENDS = {"tiny": "digits-16", "desk": "fields-16", "small": "photos-32", "paper": "celebamm-256"}

STUDY = Study(
    name="scan_trends",
    shows="Figure 8",
    title="FID against the training step: Hilbert, sweep and zigzag",
    arms=tuple(arm for arm in HILBERT.arms if arm.name.endswith("-8") or arm.name == "sweep"),
    scales={scale: {name: HILBERT.scales[scale][name]} for scale, name in TRENDS.items()},
    stands_for={name: HILBERT.stands_for[name] for name in TRENDS.values() if name in HILBERT.stands_for},
    notes=("the runs of study hilbert: their curves, not their last numbers", *HILBERT.notes),
)
