"""Figures 12 and 15 to 17: uncurated samples of the networks of other studies, and of Landscape-HQ (section 8.3)."""

from studies.declare.scales import (
    PAPER_CELEBA_512,
    PAPER_COCO,
    PAPER_FACESHQ,
    PAPER_LANDSCAPES,
    PAPER_NOTES,
    PAPER_VIDEO,
    SMALL,
    SMALL_LARGE,
    SMALL_TEXT,
    SMALL_TEXT_LARGE,
    SMALL_VIDEO,
    TINY,
    TINY_LARGE,
    TINY_TEXT,
    TINY_VIDEO,
    vary,
    wholly,
)
from studies.declare.study import Arm, Study

SST = {"scan": "video-sst"}

STUDY = Study(
    name="samples",
    shows="Figures 12, 15-17",
    title="Uncurated samples",
    arms=(
        Arm(
            "FacesHQ 1024",
            {},
            at={
                "tiny": wholly(TINY_LARGE),
                "small": wholly(SMALL_LARGE),
                "paper": wholly(vary(PAPER_FACESHQ, training={"batch_images": 1024})),
            },
        ),
        Arm(
            "MultiModal-CelebA 512",
            {},
            at={
                "tiny": wholly(TINY_TEXT),
                "small": wholly(SMALL_TEXT_LARGE),
                "paper": wholly(PAPER_CELEBA_512),
            },
        ),
        Arm(
            "MS-COCO 256",
            {},
            at={"tiny": wholly(TINY_TEXT), "small": wholly(SMALL_TEXT), "paper": wholly(PAPER_COCO)},
        ),
        Arm(
            "Landscape-HQ",
            {},
            {"FID": 10.07},
            at={"tiny": wholly(TINY), "small": wholly(SMALL), "paper": wholly(PAPER_LANDSCAPES)},
        ),
        Arm(
            "UCF-101",
            {},
            at={
                "tiny": wholly(vary(TINY_VIDEO, model=SST)),
                "small": wholly(vary(SMALL_VIDEO, model=SST)),
                "paper": wholly(vary(PAPER_VIDEO, model=SST, training={"batch_images": 128})),
            },
        ),
    ),
    scales={"tiny": {"samples": TINY}, "small": {"samples": SMALL}, "paper": {"samples": PAPER_LANDSCAPES}},
    stands_for={"samples": "FID"},
    notes=(
        *PAPER_NOTES,
        "the runs of other studies with zigzag-8 (sst for video), the largest batch of each; at tiny and small their "
        "stand-ins",
        "Landscape-HQ: the paper prints nothing but a FID of 10.07 in the caption of Figure 17; trained here as "
        "FacesHQ in Table 10",
    ),
)
