"""Beyond the paper: do scan paths serve other linear mixers than Mamba, as section 6 expects?

Every mixer along eight zigzags, along a sweep, and along eight orders drawn by chance: does the order matter less as
the mixer gets stronger? At equal width, and (settings that end in `-equal`) at as many parameters as Mamba has.
"""

from typing import Any

from studies.declare.equal_parameters import equal_parameters
from studies.declare.scales import (
    DESK,
    DESK_FIELDS,
    DESK_FIELDS_SMALL,
    PAPER,
    PAPER_NOTES,
    SMALL,
    TINY_LARGE,
    TINY_SHORT,
)
from studies.declare.study import Arm, Study
from zigma.experiment.config import MeasurementConfig, RunConfig
from zigma.models.config import ZigMaConfig
from zigma.models.specs import (
    GatedDeltaNetSpec,
    GatedLinearAttentionSpec,
    HGRN2Spec,
    Mamba2Spec,
    MambaSpec,
    MixerSpec,
    MLSTMSpec,
    OwnMixerSpec,
    RWKV6Spec,
)

MIXERS: tuple[MixerSpec, ...] = (
    MambaSpec(),
    GatedLinearAttentionSpec(),
    Mamba2Spec(),
    GatedDeltaNetSpec(),
    HGRN2Spec(),
    MLSTMSpec(),
    RWKV6Spec(),
)
PLANS = {"": "zigzag-8", " sweep": "sweep-1", " random": "random-8"}
EQUAL = "-equal"  # ends the name of a setting


def _twice(settings: dict[str, RunConfig]) -> dict[str, RunConfig | MeasurementConfig]:
    """Each of the settings, and what its networks cost: at equal width, and at equal parameters."""
    both: dict[str, RunConfig | MeasurementConfig] = dict(settings)
    for config in settings.values():
        grid = "x".join(map(str, config.model.token_grid))
        both[f"cost-{grid}"] = MeasurementConfig(model=config.model, quantities=("parameters", "flops"))
    return both | {f"{name}{EQUAL}": config for name, config in both.items()}


SCALES = {
    "tiny": _twice({"digits-8-short": TINY_SHORT, "digits-16": TINY_LARGE}),
    "desk": _twice({"fields-8": DESK_FIELDS_SMALL, "fields-16": DESK_FIELDS, "mnist-16": DESK}),
    "small": _twice({"photos-32": SMALL}),
    "paper": _twice({"celebamm-256": PAPER}),
}


def _at_equal_parameters(mixer: MixerSpec) -> dict[str, dict[str, Any]]:
    """What gives a mixer the parameters of Mamba, in the settings that ask for it."""
    if isinstance(mixer, MambaSpec | OwnMixerSpec):
        return {}
    return {
        f"{scale}/{setting}": equal_parameters(config.model, mixer)
        for scale, settings in SCALES.items()
        for setting, config in settings.items()
        if setting.endswith(EQUAL) and isinstance(config.model, ZigMaConfig)
    }


PLACES = {mixer.kind: _at_equal_parameters(mixer) for mixer in MIXERS}

STUDY = Study(
    name="mixers",
    shows="section 6",
    title="Mixers along zigzags, along a sweep and along orders drawn by chance",
    arms=tuple(
        Arm(f"{mixer.kind}{name}", {"model.mixer": mixer, "model.scan": plan}, at=PLACES[mixer.kind])
        for name, plan in PLANS.items()
        for mixer in MIXERS
    ),
    scales=SCALES,
    fixed={
        setting: "its networks have equal parameters as they are declared"
        for settings in SCALES.values()
        for setting in settings
        if setting.endswith(EQUAL)
    },
    notes=(
        "all mixers have one hidden width, so that their parameters differ: for each hidden channel squared about 6 in "
        "Mamba, Mamba-2, gated DeltaNet and mLSTM, 5 in RWKV-6, 4 in HGRN2 and gated linear attention",
        "settings that end in -equal: the inner width of a mixer, and in narrow networks the hidden width too, is such "
        "that the network has the parameters that it has with Mamba, within 1 %",
        "cost: parameters and FLOPs of those networks, recurrences in chunks; Mamba's scan is in `FLOPs, all` alone",
        *PAPER_NOTES,
    ),
)
