"""What a person tries: a curve, a plan or a mixer, as an arm beside those of the study `trial`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from studies.declare.changes import change
from studies.declare.levels import has_levels
from studies.declare.own_data import OwnData, with_own_data
from studies.declare.registry import find_study
from studies.declare.scans import called
from studies.declare.study import Arm, Study
from zigma.common.configuration import kinds
from zigma.common.words import WordError
from zigma.experiment.config import RunConfig
from zigma.models.config import ZigMaConfig

if TYPE_CHECKING:
    from zigma.scans import Plan

STUDY = "trial"
SCALE = "tiny"
_MIXES = {"model.scan": "zigzag-8"}  # along which a mixer is tried


@dataclass(frozen=True)
class Trial:
    """An arm to be tried, and the study in which it stands last."""

    arm: Arm
    study: Study
    plan: Plan | None  # None where a mixer is tried
    own_images: str = ""  # the setting of a person's own images, where it is tried on these

    @property
    def name(self) -> str:
        """Of the page: no two trials share one."""
        return f"{self.arm.name} on {self.own_images}" if self.own_images else self.arm.name

    @property
    def beside(self) -> tuple[str, ...]:
        """The arms that it is compared with."""
        return tuple(arm.name for arm in self.study.arms if arm.name != self.arm.name)


def mixers() -> tuple[str, ...]:
    """The names of the mixers that a network can have."""
    return tuple(kind for kind in kinds(ZigMaConfig, "mixer") if kind != "own")


def trial(word: str, data: OwnData | None = None) -> Trial:
    """Look a word up: `my_curves.py:my-spiral`, `hilbert-4`, `peano` (its eight variants) or a mixer, `mamba-2`.

    `data` are images of her own, in the place of the digits.

    Raises:
        WordError: it is none of these, or reads videos only.
    """
    from zigma.scans import parse_plan, scan_names

    study = find_study(STUDY)
    if data is not None:
        fields = {name: config for name, config in study.scales[SCALE].items() if not has_levels(config)}
        own = with_own_data(study, SCALE, data).scales[SCALE]
        study = replace(study, scales={SCALE: {**fields, **own}})
    config = next(iter(study.scales[SCALE].values()))
    assert isinstance(config, RunConfig)
    base = config.model
    assert isinstance(base, ZigMaConfig)
    plan: Plan | None = None
    if word == base.mixer.kind:
        raise WordError(f"{word} is the mixer of the arms beside it: try one of {', '.join(mixers())}")
    if word in mixers():
        arm = Arm(word, _MIXES | {"model.mixer": word})
    else:
        try:
            plan = parse_plan(f"{word}-8" if word in scan_names() else word)
            plan.layers(base.token_grid, base.depth)
            arm = Arm(called(word, plan), {"model.scan": plan.text})
        except ValueError as error:  # a mixer's function may look like a curve until it is drawn
            if not _is_own_mixer(config, word):
                of_a_file = plan is not None or ".py" in word  # whose fault has nothing to do with mixers
                or_mixer = f"; a mixer is one of {', '.join(mixers())}, or FILE.py:NAME"
                raise WordError(f"{error}{'' if of_a_file else or_mixer}") from error
            plan = None
            arm = Arm(word.rpartition(".py:")[2].replace(":", " "), _MIXES | {"model.mixer": word})
    arms = tuple(each for each in study.arms if each.name != arm.name)
    if len(arms) < len(study.arms):
        raise WordError(
            f"{arm.name} is one of the arms beside which yours is put: {', '.join(a.name for a in study.arms)}"
        )
    return Trial(arm, replace(study, arms=(*arms, arm)), plan, data.setting if data is not None else "")


def _is_own_mixer(config: RunConfig, word: str) -> bool:
    """Whether a word names a mixer of a file: a class or a function in it."""
    from studies.declare.validate import config_faults

    try:
        return ".py:" in word and not config_faults(change(config, {"model.mixer": word}))
    except (ValueError, FileNotFoundError):
        return False
