"""A person's own images as a setting of a study: labelled as what they are, with no column of the paper beside them.

`studies.run.own_data` prepares a folder as shards and writes `own.json` beside them; here that is read, and becomes a
configuration: one that fits the images, judged by an extractor that suits photographs, by counts that they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from studies.declare.registry import add_study, studies
from studies.declare.study import Arm, Study
from zigma.common.files import read_json
from zigma.common.words import WordError
from zigma.experiment.config import Config, RunConfig
from zigma.models.config import NetworkConfig, ZigMaConfig

FOLDER = "data"  # below a results folder; git ignores it
FILE = "own.json"
NAME = "shards"  # of the data set, in a configuration: no data set of the paper
MOST_WORDS = 77  # of a caption


@dataclass(frozen=True)
class OwnData:
    """A prepared folder."""

    setting: str  # its name and size: `birds-32`
    root: str
    size: int  # pixels
    train: int
    held_out: int
    classes: int = 0
    caption_words: int = 0  # of the longest caption; 0 without captions
    latents: bool = False


def own_data(results: Path) -> Iterator[OwnData]:
    """What has been prepared below a results folder."""
    for path in sorted((results / FOLDER).glob(f"*/{FILE}")):
        values: Mapping[str, Any] = read_json(path)
        try:
            yield replace(OwnData(**values), root=str(path.parent.absolute()))
        except TypeError:  # of another version, or half a file
            continue


def is_own_images(config: Config) -> bool:
    """Whether a configuration's images are a person's own, beside which no column of the paper can stand."""
    return isinstance(config, RunConfig) and config.data.name == NAME


def declare_own_data(results: Path, used: Iterable[tuple[str, str, str]]) -> None:
    """Let this process see, as settings more, the prepared images that records are of.

    `used` are studies, scales and settings of records.
    """
    prepared = {data.setting: data for data in own_data(results)}
    for name, scale, setting in used:
        study = studies().get(name)
        if setting not in prepared or study is None or setting in study.scales.get(scale, {setting: None}):
            continue
        add_study(with_own_data(study, scale, prepared[setting], alone=False))


def with_own_data(study: Study, scale: str, data: OwnData, alone: bool = True) -> Study:
    """The study on these images at a scale: `alone`, or as a setting more.

    Raises:
        WordError: the study trains nothing on images at that scale.
    """
    setting, config = configured(study, scale, data)
    declared = {} if alone else dict(study.scales[scale])
    arms = tuple(_carried_over(arm, scale, setting, data.setting, config) for arm in study.arms)
    return replace(study, arms=arms, scales={**study.scales, scale: {**declared, data.setting: config}})


def _carried_over(arm: Arm, scale: str, setting: str, own: str, config: RunConfig) -> Arm:
    """The arm with what it changes in the setting that these images take the place of: its networks made to fit."""
    changes = {**arm.at.get(setting, {}), **arm.at.get(f"{scale}/{setting}", {})}
    model = changes.get("model", arm.at.get(scale, {}).get("model"))
    if isinstance(model, NetworkConfig):
        fits = {name: getattr(config.model, name) for name in ("grid", "in_channels", "patch")}
        told = {name: getattr(config.model, name) for name in ("text_width", "text_tokens", "classes")}
        known = type(model).model_fields
        changes["model"] = model.replace(**fits, **{name: v for name, v in told.items() if name in known})
    return replace(arm, at={**arm.at, f"{scale}/{own}": changes}) if changes else arm


def own_data_faults(declared: Study, chosen: Study, scale: str, data: OwnData) -> list[str]:
    """Why arms of a study can say nothing about a person's images; a line for each reason, none where all can.

    `chosen` is `declared` on these images, with the arms that are meant. Arms that are one run there too stay so.
    """
    setting, base = configured(declared, scale, data)
    having: dict[str, list[str]] = {}  # fault -> the arms that have it
    first: dict[Config, Arm] = {}
    for arm in chosen.arms:
        config = chosen.config(arm, scale, data.setting)
        fault = ""
        if not isinstance(config, RunConfig) or config.data != base.data:
            fault = "data of its own"
        elif (config.model.grid, config.model.in_channels) != (base.model.grid, base.model.in_channels):
            fault = "a network that does not fit these images"
        else:
            other = first.setdefault(_untold(config), arm)
            if declared.config(other, scale, setting) != declared.config(arm, scale, setting):
                fault = f"the same network as {other.name} on these images"
        if fault:
            having.setdefault(fault, []).append(arm.name)
    return [
        f"{declared.name} has arms that take no --data: {', '.join(arms)}: {fault}"
        for fault, arms in having.items()
    ]


def _untold(config: RunConfig) -> RunConfig:
    """The configuration without what says how captions enter, where there are none."""
    model = config.model
    if isinstance(model, ZigMaConfig) and model.text_width is None:
        return config.replace(model=model.replace(conditioning="cross-attention"))
    return config


def configured(study: Study, scale: str, data: OwnData) -> tuple[str, RunConfig]:
    """The setting whose place these images take, and its configuration with everything changed that they ask for."""
    bases = of_images(study, scale)
    told = [(name, of) for name, of in bases if of.model.text_width is not None]
    setting, base = told[0] if told and data.caption_words else bases[0]
    latents = base.data.view == "latents"
    if latents and not data.latents:
        raise WordError(f"scale {scale} reads latents: {data.setting} was prepared without the autoencoder")
    side = data.size // 8 if latents else data.size
    model: dict[str, Any] = {
        "grid": (side, side),
        "in_channels": 4 if latents else 3,
        "patch": _patch(side, base.model.token_grid[-1]),
    }
    if not data.caption_words:
        model["text_width"] = None
    elif base.model.text_width is not None and not latents:
        model["text_tokens"] = min(MOST_WORDS, data.caption_words)
    n_real = min(
        base.evaluation.n_real, data.held_out if base.evaluation.reference == "held-out" else data.train
    )
    evaluation: dict[str, Any] = {"n_real": n_real}
    if not latents:  # at scale paper the extractors are the paper's
        evaluation |= {"extractors": ("lite0",), "n_generated": min(base.evaluation.n_generated, n_real)}
    return setting, base.replace(
        model=base.model.replace(**model),
        data=base.data.replace(name=NAME, size=data.size, root=data.root, view=base.data.view),
        evaluation=base.evaluation.replace(**evaluation),
    )


def of_images(study: Study, scale: str) -> list[tuple[str, RunConfig]]:
    """The settings of a scale that train on images, with their configurations; WordError where there is none."""
    declared = study.scales.get(scale, {}).items()
    settings = [(name, of) for name, of in declared if isinstance(of, RunConfig) and _of_images(of)]
    if not settings:
        raise WordError(f"{study.name} trains nothing on images at scale {scale}, so it takes no --data")
    return settings


def _of_images(config: RunConfig) -> bool:
    return config.data.name != "fields" and config.data.frames is None


def _patch(side: int, tokens: int) -> int:
    """The smallest patch that leaves no more tokens a side than the scale has."""
    return next(patch for patch in range(1, side + 1) if side % patch == 0 and side // patch <= tokens)
