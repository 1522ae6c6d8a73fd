"""What a study, an arm and a run are. No torch is imported here."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from studies.declare.changes import change
from studies.declare.identity import identity
from zigma.common.words import WordError, unknown
from zigma.experiment.config import Config

SCALES = ("tiny", "desk", "small", "paper")


@dataclass(frozen=True)
class Arm:
    """A row of a study's table: what is changed from the study's configuration, and what the paper printed.

    `at` holds further changes at one scale (`"tiny"`), in one setting (`"speed"`) or in one setting at one scale
    (`"tiny/speed"`), made in that order after `changes`.
    """

    name: str
    changes: Mapping[str, Any]  # dotted path of the configuration -> value
    paper: Mapping[str, float] = field(default_factory=dict)  # column of the paper's table -> printed value
    at: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """An experiment of the paper: its arms, and at each scale the settings under which they are compared.

    A setting is one data set at one size (the paper's Table 1 has two: 256 and 512).
    """

    name: str
    shows: str  # the table or figure it rebuilds
    title: str
    arms: tuple[Arm, ...]
    # scale -> setting -> configuration; the first one is run by default
    scales: Mapping[str, Mapping[str, Config]]
    # setting -> the paper's column that it stands in for
    stands_for: Mapping[str, str] = field(default_factory=dict)
    # which source the presets follow where the paper disagrees with itself, and why
    notes: tuple[str, ...] = ()
    # arm -> the arm beside which the same row of the paper stands too: its numbers count once
    second_readings: Mapping[str, str] = field(default_factory=dict)
    # setting -> why nobody may change its networks: what its name promises would no longer hold
    fixed: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, Any] = field(default_factory=dict)  # the user's own, made last (`with_settings`)
    file: str = ""  # that declares it, where it is a person's own and no part of this package

    @property
    def rebuilds_paper(self) -> bool:
        """Whether it stands for a table or figure of the paper."""
        return self.shows.startswith(("Table", "Figure"))

    @property
    def word(self) -> str:
        """How a command line names it."""
        return shlex.quote(self.file or self.name)

    def config(self, arm: Arm | None, scale: str, setting: str) -> Config:
        """What an arm computes under a setting at a scale; without an arm, what all of them start from.

        Raises:
            Problems: changes do not fit the setting's configuration.
        """
        config = self.scales[scale][setting]
        layers: list[Mapping[str, Any]] = []
        if arm is not None:
            places = (scale, setting, f"{scale}/{setting}")
            layers = [arm.changes, *(arm.at.get(place, {}) for place in places)]
        parts = type(config).model_fields
        layers.append({path: v for path, v in self.changes.items() if path.partition(".")[0] in parts})
        for changes in layers:
            config = change(config, changes) if changes else config
        return config


@dataclass(frozen=True)
class Run:
    """An arm with setting, scale and seed."""

    study: str
    arm: str
    scale: str
    setting: str
    config: Config

    @property
    def about(self) -> dict[str, Any]:
        """Which run this is, in the words of a record, a claim and a submission."""
        return {
            "study": self.study,
            "arm": self.arm,
            "scale": self.scale,
            "setting": self.setting,
            "seed": self.config.seed,
        }

    @property
    def label(self) -> str:
        return label_of(self.about)

    @property
    def identity(self) -> str:
        return identity(self.config)


def label_of(about: Mapping[str, Any]) -> str:
    """A run's name in a line, from what a file says of it."""
    return f"{about.get('arm', '?')} {about.get('setting', '?')} seed {about.get('seed', '?')}"


def runs(
    study: Study,
    scale: str,
    seeds: Iterable[int] = (0,),
    changes: Mapping[str, Any] | None = None,
    settings: Iterable[str] | None = None,
) -> list[Run]:
    """Every run of a study at a scale, seed by seed; `changes` are the user's own, made last.

    `settings` names the settings; by default all.
    """
    if scale not in study.scales:
        raise unknown("scale", scale, study.scales)
    study, chosen = with_settings(study, changes or {}), list(settings or study.scales[scale])
    return [
        Run(study.name, arm.name, scale, setting, study.config(arm, scale, setting).replace(seed=seed))
        for seed in seeds
        for setting in chosen
        for arm in study.arms
    ]


def with_settings(study: Study, changes: Mapping[str, Any]) -> Study:
    """The study with the user's changes made last, in every setting whose kind of run has that field.

    Raises:
        WordError: no setting of the study has such a field.
    """
    bases = [config for settings in study.scales.values() for config in settings.values()]
    for error in unknown_parts(bases, changes).values():
        raise error
    return replace(study, changes={**study.changes, **changes})


def where_it_fits(study: Study, changes: Mapping[str, Any]) -> Study:
    """The study with the user's changes, without the settings and arms that they do not fit.

    An arm stays that they fit somewhere, and a setting in which they fit all arms that stay: what one run was given
    (`--only`, `--setting`) need not fit what was never run.

    Raises:
        WordError: they fit no setting of the study.
    """
    changed = with_settings(study, changes)
    places = [(scale, setting) for scale, settings in study.scales.items() for setting in settings]
    misfits: dict[tuple[str, ...], WordError] = {}  # of an arm at a place, and of a place for all of them
    for place in places:
        for arm in (None, *changed.arms):
            try:
                changed.config(arm, *place)
            except WordError as error:
                misfits[(*place, arm.name) if arm else place] = error
    arms = tuple(arm for arm in changed.arms if any((*place, arm.name) not in misfits for place in places))
    fit = [
        place
        for place in places
        if place not in misfits and not any((*place, arm.name) in misfits for arm in arms)
    ]
    roots = {path.partition(".")[0] for path in changes}
    told = [place for place in fit if roots & type(study.scales[place[0]][place[1]]).model_fields.keys()]
    if not (arms and told):  # what trains nothing is none the wiser
        raise next(iter(misfits.values()))
    scales = {
        scale: {name: config for name, config in settings.items() if (scale, name) in fit}
        for scale, settings in study.scales.items()
    }
    kept = {scale: settings for scale, settings in scales.items() if settings}
    return replace(changed, arms=arms, scales=kept)


def unknown_parts(configs: Iterable[Config], changes: Iterable[str]) -> dict[str, WordError]:
    """Path -> error of each change whose first word is no part of any of the configurations."""
    parts = dict.fromkeys(name for config in configs for name in type(config).model_fields)
    roots = {path: path.partition(".")[0] for path in changes}
    return {path: unknown("field", root, parts) for path, root in roots.items() if root not in parts}
