"""Beyond the paper: does another size of the experiment change the order of Table 1's arms?"""

from typing import Any

from studies.declare.scales import PAPER_CELEBA_256, PAPER_NOTES, SMALL_TEXT, TINY_PHOTOS, TINY_SHORT, vary
from studies.declare.study import Study
from studies.paper.scan_ablation import STUDY as SCAN_ABLATION
from zigma.experiment.config import RunConfig


def _settings(base: RunConfig, steps: int, hidden: int, depth: int) -> dict[str, RunConfig]:
    """One change each: longer training, a wider network, a deeper one."""
    changes: dict[str, dict[str, Any]] = {
        f"steps-{steps}": {"training": {"steps": steps}},
        f"hidden-{hidden}": {"model": {"hidden": hidden}},
        f"depth-{depth}": {"model": {"depth": depth}},
    }
    return {setting: vary(base, **parts) for setting, parts in changes.items()}


SCALES = {
    "tiny": {"digits-8-short": TINY_SHORT, **_settings(TINY_SHORT, 2000, 64, 16), "photos-32": TINY_PHOTOS},
    "small": _settings(SMALL_TEXT, 32_000, 256, 16),
    "paper": _settings(PAPER_CELEBA_256, 400_000, 1024, 48),
}

STUDY = Study(
    name="proxy",
    shows="beyond",
    title="Table 1's arms with longer training, a wider and a deeper network, and other images",
    arms=SCAN_ABLATION.arms,
    scales=SCALES,
    stands_for={setting: "256 FID" for settings in SCALES.values() for setting in settings},
    notes=(
        *PAPER_NOTES,
        "each setting changes one thing, for all arms alike: of scan_ablation's first, and at tiny of digits-8-short, "
        "which is trained for a quarter of the steps; there, more tokens are that study's digits-16 and captions its "
        "shapes-16",
    ),
)
