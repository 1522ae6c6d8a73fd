"""Figure 13: patches of 1 to 8, what they do to FID and to speed (section 8.5)."""

from studies.declare.scales import PAPER, PAPER_NOTES, SMALL, TINY_LARGE, measured
from studies.declare.study import Arm, Study

STUDY = Study(
    name="patch_size",
    shows="Figure 13",
    title="FID and images a second against the patch size",
    arms=tuple(Arm(f"patch-{n}", {"model.patch": n}) for n in (1, 2, 4, 8)),
    scales={
        "tiny": {"digits-16": TINY_LARGE, "speed": measured((16, 16), "tiny")},
        "small": {"photos-32": SMALL, "speed": measured((32, 32), "small")},
        "paper": {"celebamm-256": PAPER, "speed": measured((32, 32), "paper")},
    },
    stands_for={"digits-16": "FID", "photos-32": "FID", "celebamm-256": "FID", "speed": "FPS"},
    notes=(
        *PAPER_NOTES,
        "the paper does not name the data set of Figure 13: MultiModal-CelebA 256 without captions",
    ),
)
