"""Beyond the paper: is the order of Table 1 that of the scans, or of the one learning rate that all of them share?"""

from studies.declare.study import Arm, Study
from studies.paper.scan_ablation import STUDY as SCAN_ABLATION
from zigma.experiment.config import RunConfig

SCANS = {"sweep": "sweep-1", "zigzag-1": "zigzag-1", "zigzag-8": "zigzag-8"}
RATES = {"half": 0.5, "twice": 2.0}  # of what each setting of Table 1 has


def _arm(name: str, scan: str, factor: float) -> Arm:
    rates = {
        f"{scale}/{setting}": {"training.learning_rate": factor * config.training.learning_rate}
        for scale, settings in SCAN_ABLATION.scales.items()
        for setting, config in settings.items()
        if isinstance(config, RunConfig)
    }
    return Arm(name, {"model.scan": scan}, at=rates)


STUDY = Study(
    name="learning_rates",
    shows="beyond",
    title="Table 1 at half and at twice its learning rate",
    arms=(
        *(Arm(name, {"model.scan": scan}) for name, scan in SCANS.items()),
        *(_arm(f"{name} {word}", scan, by) for word, by in RATES.items() for name, scan in SCANS.items()),
    ),
    scales=SCAN_ABLATION.scales,
    notes=(
        "the settings are those of scan_ablation, and the first three rows are its runs",
        *SCAN_ABLATION.notes,
    ),
)
