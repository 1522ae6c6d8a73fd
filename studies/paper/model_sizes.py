"""Table 9: how many parameters the variants have, with the sizes as released and as printed (section 8.5)."""

from studies.declare.study import Arm, Study
from zigma.experiment.config import MeasurementConfig
from zigma.models.config import CAPTION_WIDTH, ZIGMA_MILLIONS, ZIGMA_SIZES, Preset, ZigMaConfig


def _arm(size: str, text: bool, preset: Preset) -> Arm:
    hidden, layers = ZIGMA_SIZES["printed"][size]
    name = f"{'CA-' if text else ''}{size}{' printed' if preset == 'printed' else ''}"
    model = ZigMaConfig.preset(size, preset, text_width=CAPTION_WIDTH if text else None)
    printed = {"Layers": layers, "Hidden size": hidden, "Parameters (M)": ZIGMA_MILLIONS[size][text]}
    return Arm(name, {"model": model}, printed)


_PARAMETERS = {"parameters": MeasurementConfig(quantities=("parameters",))}

STUDY = Study(
    name="model_sizes",
    shows="Table 9",
    title="Parameters of the model variants at 4x32x32",
    arms=tuple(
        _arm(size, text, preset)
        for preset in ("released", "printed")
        for text in (False, True)
        for size in ZIGMA_MILLIONS
    ),
    scales={"tiny": _PARAMETERS, "small": _PARAMETERS, "paper": _PARAMETERS},
    stands_for={"parameters": "Parameters (M)"},
    notes=(
        "sizes: the counts printed belong to the released (hidden, layers) = S (368, 24), B (768, 24), L (1024, 48), "
        "XL (1536, 48); 'S printed' and so on have the layers and hidden size that the table prints",
        "CA: the counts printed leave out the projection of the captions (parameters_as_paper); a count is the same "
        "on every machine, so the three scales share their runs",
    ),
)
