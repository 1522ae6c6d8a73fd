"""Table 3: VisionMamba and ZigMa at 1024x1024, and ZigMa with twice the batch (section 4.3)."""

from studies.declare.scales import (
    DECAY_NOTE,
    PAPER_FACESHQ,
    REAL_NOTE,
    SIZE_NOTE,
    SMALL_LARGE,
    STEPS_NOTE,
    TINY_LARGE,
)
from studies.declare.study import Arm, Study

BATCH = "training.batch_images"

STUDY = Study(
    name="faceshq",
    shows="Table 3",
    title="FacesHQ 1024 without captions",
    arms=(
        Arm("VisionMamba", {"model.scan": "bidirectional"}, {"FID": 51.1, "FDD": 66.3}),
        Arm("ZigMa", {"model.scan": "zigzag-8"}, {"FID": 37.8, "FDD": 50.5}),
        Arm(
            "ZigMa batch x2",
            {"model.scan": "zigzag-8"},
            {"FID": 26.6, "FDD": 31.2},
            at={"tiny": {BATCH: 64}, "small": {BATCH: 32}, "paper": {BATCH: 1024}},
        ),
    ),
    scales={
        "tiny": {"digits-16": TINY_LARGE},
        "small": {"photos-64": SMALL_LARGE},
        "paper": {"faceshq-1024": PAPER_FACESHQ},
    },
    stands_for={"digits-16": "FID", "photos-64": "FID", "faceshq-1024": "FID"},
    notes=(
        REAL_NOTE,
        SIZE_NOTE,
        DECAY_NOTE,
        STEPS_NOTE,
        "batch: 512, the caption of Table 3; Table 10 says 32 GPUs with 8 images each, section 4.3 16 GPUs",
        "tokens: 64x64 = 4,096; the caption of Table 3 says 4,094",
    ),
)
