"""Beyond the paper: what Table 1 leaves open, arm by arm, under its own settings.

Does one zigzag, or do eight, lose to as many sweeps for want of positions? Do two and eight schemes help a sweep as
they help a zigzag? What does reading both ways give at the cost of reading one? The rows of Table 1 stand beside the
answers.
"""

from studies.declare.study import Arm, Study
from studies.paper.scan_ablation import STUDY as SCAN_ABLATION

LEARNED = {"model.position": "learned"}

STUDY = Study(
    name="scan_controls",
    shows="beyond",
    title="Controls for Table 1: positions, sweeps in two and eight schemes, both ways at the cost of one",
    arms=(
        *(Arm(arm.name, arm.changes) for arm in SCAN_ABLATION.arms),
        Arm("sweep learned", {"model.scan": "sweep-1", **LEARNED}),
        Arm("zigzag-1 learned", {"model.scan": "zigzag-1", **LEARNED}),
        Arm("sweep-2", {"model.scan": "sweep-2"}),
        Arm("sweep-8", {"model.scan": "sweep-8"}),
        Arm("sweep-8 learned", {"model.scan": "sweep-8", **LEARNED}),
        Arm("zigzag-8 learned", {"model.scan": "zigzag-8", **LEARNED}),
        Arm("both ways", {"model.scan": "channels-sweep@0,6"}),
    ),
    scales=SCAN_ABLATION.scales,
    notes=(
        "the settings are those of scan_ablation, and the first four rows are its runs",
        "both ways: half of the channels read there, half back, at the cost of one scan; "
        "the paper's VisionMamba ('bidirectional') has the parameters and the cost of two",
        *SCAN_ABLATION.notes,
    ),
)
