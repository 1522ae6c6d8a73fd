"""Figure 11: zigzags over groups of patches, from small groups to large, and a shuffle (section 8.2)."""

from studies.declare.scales import (
    DESK,
    DESK_FIELDS,
    PAPER_CELEBA_256,
    PAPER_CELEBA_512,
    PAPER_NOTES,
    SMALL_TEXT,
    SMALL_TEXT_LARGE,
    TINY_LARGE,
)
from studies.declare.study import Arm, Study

SIDES = {"tiny": 16, "desk": 8}  # of the whole grid, in tokens, where a group may be no smaller

STUDY = Study(
    name="spatial_continuity",
    shows="Figure 11",
    title="Zigzag-8 over groups of NxN patches, and over shuffled patches",
    arms=(
        *(
            Arm(
                f"groups of {n}x{n}",
                {"model.scan": f"grouped-8:group={n}"},
                at={scale: {"model.scan": "zigzag-8"} for scale, side in SIDES.items() if n >= side},
            )
            for n in (2, 4, 8, 16)
        ),
        Arm("random", {"model.scan": "random-8"}),
        Arm("zigzag-8", {"model.scan": "zigzag-8"}),
    ),
    scales={
        "tiny": {"digits-16": TINY_LARGE},
        "desk": {"fields-16": DESK_FIELDS, "mnist-16": DESK},
        "small": {"shapes-32": SMALL_TEXT, "shapes-64": SMALL_TEXT_LARGE},
        "paper": {"celebamm-256": PAPER_CELEBA_256, "celebamm-512": PAPER_CELEBA_512},
    },
    stands_for={
        "digits-16": "FID",
        "mnist-16": "FID",
        "shapes-32": "256 FID",
        "shapes-64": "512 FID",
        "celebamm-256": "256 FID",
        "celebamm-512": "512 FID",
    },
    notes=(
        *PAPER_NOTES,
        "groups: the paper does not say in which order the patches of a group are read; a zigzag, so that the largest "
        "group is the plain zigzag, which is what groups of 16x16 are at tiny, and those of 8x8 and 16x16 at desk",
        "random: another shuffle in each of eight layers; the paper does not say whether its layers share one",
    ),
)
