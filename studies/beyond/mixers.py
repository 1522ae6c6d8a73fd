"""Beyond the paper: does the scan path serve another linear mixer than Mamba, as section 6 expects?"""

from studies.declare.scales import DESK, DESK_FIELDS, PAPER, PAPER_NOTES, SMALL, TINY, TINY_LARGE
from studies.declare.study import Arm, Study
from zigma.models.config import GatedLinearAttentionSpec, MambaSpec

MAMBA, GATED = MambaSpec(), GatedLinearAttentionSpec()

STUDY = Study(
    name="mixers",
    shows="section 6",
    title="Mamba and gated linear attention along zigzags and along a sweep",
    arms=(
        Arm("mamba", {"model.mixer": MAMBA, "model.scan": "zigzag-8"}),
        Arm("gated-linear-attention", {"model.mixer": GATED, "model.scan": "zigzag-8"}),
        Arm("mamba sweep", {"model.mixer": MAMBA, "model.scan": "sweep-1"}),
        Arm("gated-linear-attention sweep", {"model.mixer": GATED, "model.scan": "sweep-1"}),
    ),
    scales={
        "tiny": {"digits-8": TINY, "digits-16": TINY_LARGE},
        "desk": {"fields-16": DESK_FIELDS, "mnist-16": DESK},
        "small": {"photos-32": SMALL},
        "paper": {"celebamm-256": PAPER},
    },
    notes=PAPER_NOTES,
)
