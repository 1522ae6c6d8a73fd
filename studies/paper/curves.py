"""Figures 3, 5, 9 and 10: the curves themselves, measured on their grids (sections 3.2 and 8.4)."""

from typing import Any

from studies.declare.study import Arm, Study
from zigma.experiment.config import Config, ScanConfig

SIDES = (8, 16, 32)
FRAMES = 8
VIDEOS = ("bidirectional", "video-zigzag3d-8", "video-sst")  # Figure 5 a, b and c
GRIDS: dict[str, Config] = {f"{side}x{side}": ScanConfig(grid=(side, side)) for side in SIDES}


def _video(plan: str) -> Arm:
    """A plan for videos: `FRAMES` frames of the setting's grid."""
    at: dict[str, dict[str, Any]] = {f"{s}x{s}": {"grid": (FRAMES, s, s)} for s in SIDES}
    return Arm(f"{plan} on video", {"scan": plan}, at=at)


STUDY = Study(
    name="curves",
    shows="Figures 3, 5, 9, 10",
    title="Locality of the scan curves, and what their layers reach",
    arms=(
        *(
            Arm(plan, {"scan": plan})
            for plan in (
                "sweep-1",
                "zigzag-1",
                "zigzag-2",
                "zigzag-8",
                "hilbert-8",
                "hilbert-released-8",
                "peano-8",
            )
        ),
        *map(_video, VIDEOS),
    ),
    scales={"tiny": GRIDS, "small": GRIDS, "paper": GRIDS},
    notes=("nothing is trained: the three scales share their runs",),
)
