"""Table 2: VisionMamba and ZigMa with no, a cosine and a learned position embedding (section 4.2)."""

from studies.declare.scales import DESK, DESK_FIELDS, DESK_SMALL, PAPER, PAPER_NOTES, SMALL, TINY
from studies.declare.study import Arm, Study


def _arm(name: str, scan: str, position: str, fid: float, fdd: float) -> Arm:
    changes = {"model.scan": scan, "model.position": position}
    return Arm(f"{name} {position}", changes, {"FID": fid, "FDD": fdd})


STUDY = Study(
    name="position_embedding",
    shows="Table 2",
    title="Position embeddings on MultiModal-CelebA 256 without captions",
    arms=(
        _arm("VisionMamba", "bidirectional", "none", 21.33, 21.00),
        _arm("VisionMamba", "bidirectional", "cosine", 18.47, 19.90),
        _arm("VisionMamba", "bidirectional", "learned", 16.38, 18.20),
        _arm("ZigMa", "zigzag-8", "none", 14.27, 18.00),
        _arm("ZigMa", "zigzag-8", "cosine", 14.04, 17.91),
        _arm("ZigMa", "zigzag-8", "learned", 13.32, 17.40),
    ),
    scales={
        "tiny": {"digits-8": TINY},
        "desk": {"digits-8": DESK_SMALL, "fields-16": DESK_FIELDS, "mnist-16": DESK},
        "small": {"photos-32": SMALL},
        "paper": {"celebamm-256": PAPER},
    },
    stands_for={"digits-8": "FID", "mnist-16": "FID", "photos-32": "FID", "celebamm-256": "FID"},
    notes=(
        *PAPER_NOTES,
        "the paper prints the run 'ZigMa none' in Table 5 too, and 'ZigMa learned' in Table 7",
    ),
)
