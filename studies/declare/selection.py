"""Which runs of a study a person means: her words looked up, before anything is computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from studies.declare.changes import parse_setting
from studies.declare.own_data import OwnData, own_data_faults, with_own_data
from studies.declare.registry import find_study
from studies.declare.scans import with_scans
from studies.declare.study import SCALES, Study
from zigma.common.words import Problems, WordError, unknown


@dataclass(frozen=True)
class Selection:
    """Runs of a study. Every name in it exists; whether the runs can work, `studies.declare.validate.resolve` says."""

    study: Study  # with the arms that are meant, the user's own among them
    scale: str
    settings: tuple[str, ...]
    seeds: tuple[int, ...] = (0,)
    changes: Mapping[str, Any] = field(default_factory=dict)  # dotted path -> value, for every arm


def select(
    study: str,
    scale: str | None = None,
    settings: Sequence[str] = (),
    seeds: Sequence[int] = (0,),
    only: Sequence[str] = (),
    scans: Sequence[str] = (),
    changes: Iterable[str] = (),
    data: OwnData | None = None,
) -> Selection:
    """Look the words up: by default scale tiny (or the study's first), the scale's first setting, and all arms.

    `only` names arms to keep; the arms of `scans` stay beside them. `settings=("all",)` means every one of the scale.
    `data` are images of her own, in the place of the declared settings.

    Raises:
        WordError: a word is wrong, two contradict each other, or an arm can say nothing about `data`.
    """
    declared = find_study(study)
    scale = chosen_scale(declared, scale)
    on_these = declared if data is None else with_own_data(declared, scale, data)
    chosen, asked = with_scans(on_these, scans)
    chosen = _only(chosen, only, asked)
    if data is not None and (faults := own_data_faults(declared, chosen, scale, data)):
        raise Problems(faults)
    return Selection(
        chosen,
        scale,
        _settings(list(on_these.scales[scale]), settings),
        _seeds(seeds),
        read_changes(changes),
    )


def chosen_scale(study: Study, scale: str | None) -> str:
    """The scale that is meant: by default tiny, or the first that the study has. WordError for one that it lacks."""
    if scale is None:
        return "tiny" if "tiny" in study.scales else next(iter(study.scales))
    if scale not in SCALES:
        raise unknown("scale", scale, SCALES)
    if scale not in study.scales:
        raise WordError(
            f"{study.name} is not declared at scale {scale!r}; it is at: {', '.join(study.scales)}"
        )
    return scale


def _only(study: Study, names: Sequence[str], asked: Collection[str]) -> Study:
    arms = [arm.name for arm in study.arms]
    for name in names:
        if name not in arms:
            raise unknown("arm", name, arms)
    kept = {*names, *asked} if names else set(arms)
    return replace(study, arms=tuple(arm for arm in study.arms if arm.name in kept))


def _settings(declared: list[str], names: Sequence[str]) -> tuple[str, ...]:
    for name in names:
        if name not in (*declared, "all"):
            raise unknown("setting", name, [*declared, "all"])
    if "all" in names:
        return tuple(declared)
    return tuple(dict.fromkeys(names)) or tuple(declared[:1])


def _seeds(seeds: Sequence[int]) -> tuple[int, ...]:
    for seed in seeds:
        if seed < 0:
            raise WordError(f"a seed is a number from 0 on, not {seed}")
    return tuple(dict.fromkeys(seeds))


def read_changes(texts: Iterable[str]) -> dict[str, Any]:
    """`training.steps=30` and the like as path -> value; WordError for one that is given twice, and for the seed."""
    changes: dict[str, Any] = {}
    for path, value in map(parse_setting, texts):
        if path == "seed":
            raise WordError(
                f"the seed is no setting: --seed {value} runs that one, --seeds N the seeds 0 to N-1"
            )
        if path in changes:
            raise WordError(
                f"{path} is set twice, to {changes[path]} and to {value}: give the command once for each"
            )
        changes[path] = value
    return changes
