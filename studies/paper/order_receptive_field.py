"""Figures 6 c and d, and 7: k orders over the layers of a network against k in every layer (sections 4.2 and 8.5)."""

from studies.declare.scales import measured
from studies.declare.study import Arm, Study

COUNTS = (1, 2, 4, 8)

STUDY = Study(
    name="order_receptive_field",
    shows="Figures 6cd, 7",
    title="Speed, memory and parameters against the order receptive field",
    arms=(
        *(Arm(f"zigzag-{k}", {"model.scan": f"zigzag-{k}"}) for k in COUNTS),
        *(Arm(f"parallel-{k}", {"model.scan": f"parallel-{k}"}) for k in COUNTS),
        Arm("bidirectional", {"model.scan": "bidirectional"}),
    ),
    scales={
        "tiny": {"16x16": measured((16, 16), "tiny")},
        "small": {"32x32": measured((32, 32), "small")},
        "paper": {"32x32": measured((32, 32), "paper")},
    },
    notes=("small and paper are the same runs: they train nothing",),
)
