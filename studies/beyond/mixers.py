"""Beyond the paper: do scan paths serve other linear mixers than Mamba, as section 6 expects?

Every mixer along eight zigzags, along a sweep, and along eight orders drawn by chance: does the order matter less as
the mixer gets stronger?
"""

from studies.declare.scales import DESK, DESK_FIELDS, PAPER, PAPER_NOTES, SMALL, TINY_LARGE, TINY_SHORT
from studies.declare.study import Arm, Study
from zigma.models.config import (
    GatedDeltaNetSpec,
    GatedLinearAttentionSpec,
    HGRN2Spec,
    Mamba2Spec,
    MambaSpec,
    MLSTMSpec,
    RWKV6Spec,
)

MIXERS = (
    MambaSpec(),
    GatedLinearAttentionSpec(),
    Mamba2Spec(),
    GatedDeltaNetSpec(),
    HGRN2Spec(),
    MLSTMSpec(),
    RWKV6Spec(),
)
PLANS = {"": "zigzag-8", " sweep": "sweep-1", " random": "random-8"}

STUDY = Study(
    name="mixers",
    shows="section 6",
    title="Mixers along zigzags, along a sweep and along orders drawn by chance",
    arms=tuple(
        Arm(f"{mixer.kind}{name}", {"model.mixer": mixer, "model.scan": plan})
        for name, plan in PLANS.items()
        for mixer in MIXERS
    ),
    scales={
        "tiny": {"digits-8-short": TINY_SHORT, "digits-16": TINY_LARGE},
        "desk": {"fields-16": DESK_FIELDS, "mnist-16": DESK},
        "small": {"photos-32": SMALL},
        "paper": {"celebamm-256": PAPER},
    },
    notes=(
        "all mixers have one hidden width, so that their parameters differ: for each hidden channel squared about 6 in "
        "Mamba, Mamba-2, gated DeltaNet and mLSTM, 5 in RWKV-6, 4 in HGRN2 and gated linear attention",
        *PAPER_NOTES,
    ),
)
