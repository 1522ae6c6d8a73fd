"""Table 6 and section 8.6: how videos are scanned, and other factorisations than the paper's sst."""

from studies.declare.scales import (
    DECAY_NOTE,
    DESK_VIDEO,
    PAPER_VIDEO,
    REAL_NOTE,
    SIZE_NOTE,
    SMALL_VIDEO,
    STEPS_NOTE,
    TINY_VIDEO,
)
from studies.declare.study import Arm, Study

FOUR_TIMES = {
    "tiny": {"training.batch_images": 4 * TINY_VIDEO.training.batch_images},
    "desk": {"training.batch_images": 4 * DESK_VIDEO.training.batch_images},
    "small": {"training.batch_images": 4 * SMALL_VIDEO.training.batch_images},
    "paper": {"training.batch_images": 4 * PAPER_VIDEO.training.batch_images},
}

STUDY = Study(
    name="video_scan",
    shows="Table 6",
    title="Video scan schemes on UCF-101",
    arms=(
        Arm("bidirectional", {"model.scan": "bidirectional"}, {"Frame-FID": 256.1, "FVD": 320.2}),
        Arm("zigzag-3d", {"model.scan": "video-zigzag3d-8"}, {"Frame-FID": 238.1, "FVD": 282.3}),
        Arm("sst", {"model.scan": "video-sst"}, {"Frame-FID": 216.1, "FVD": 210.2}),
        Arm(
            "bidirectional batch x4",
            {"model.scan": "bidirectional"},
            {"Frame-FID": 146.2, "FVD": 201.1},
            at=FOUR_TIMES,
        ),
        Arm("sst batch x4", {"model.scan": "video-sst"}, {"Frame-FID": 121.2, "FVD": 140.1}, at=FOUR_TIMES),
        Arm("st", {"model.scan": "video-st"}),
        Arm("sstt", {"model.scan": "video-sstt"}),
        Arm("ststst", {"model.scan": "video-st"}),
    ),
    scales={
        "tiny": {"moving-digits-16": TINY_VIDEO},
        "desk": {"moving-digits-16": DESK_VIDEO},
        "small": {"moving-digits-32": SMALL_VIDEO},
        "paper": {"ucf101-256": PAPER_VIDEO},
    },
    stands_for={"moving-digits-16": "Frame-FID", "moving-digits-32": "Frame-FID", "ucf101-256": "FVD"},
    notes=(
        REAL_NOTE,
        SIZE_NOTE,
        DECAY_NOTE,
        STEPS_NOTE,
        "batch: 32 (Table 6, and 4 GPUs with 8 videos each); Table 10's 16 GPUs with 8 each are the batch x4",
        "the paper calls sst 'Our' and 'ZigMa'",
        "st and ststst are one run: a plan is repeated over the layers, so they name the same ones",
    ),
)
