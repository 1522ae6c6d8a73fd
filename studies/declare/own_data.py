"""A person's own images as a setting of a study: labelled as what they are, with no column of the paper beside them.

`studies.run.own_data` prepares a folder as shards and writes `own.json` beside them; here that is read, and becomes a
configuration: one that fits the images, judged by an extractor that suits photographs, by counts that they have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from studies.declare.registry import add_study, studies
from studies.declare.study import Study
from zigma.common.files import read_json
from zigma.common.words import WordError
from zigma.experiment.config import Config, RunConfig

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


def as_json(data: OwnData) -> dict[str, Any]:
    """As it stands in its file."""
    return asdict(data)


def is_own(config: Config) -> bool:
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
    config = configured(study, scale, data)
    declared = {} if alone else dict(study.scales[scale])
    return replace(study, scales={**study.scales, scale: {**declared, data.setting: config}})


def configured(study: Study, scale: str, data: OwnData) -> RunConfig:
    """The scale's configuration with everything changed that these images ask for."""
    declared = study.scales[scale].values()
    bases = [config for config in declared if isinstance(config, RunConfig) and _of_images(config)]
    if not bases:
        raise WordError(f"{study.name} trains nothing on images at scale {scale}, so it takes no --data")
    told = [config for config in bases if config.model.text_width is not None]
    base = told[0] if told and data.caption_words else bases[0]
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
    return base.replace(
        model=base.model.replace(**model),
        data=base.data.replace(name=NAME, size=data.size, root=data.root, view=base.data.view),
        evaluation=base.evaluation.replace(**evaluation),
    )


def _of_images(config: RunConfig) -> bool:
    return config.data.name != "fields" and config.data.frames is None


def _patch(side: int, tokens: int) -> int:
    """The smallest patch that leaves no more tokens a side than the scale has."""
    return next(patch for patch in range(1, side + 1) if side % patch == 0 and side // patch <= tokens)
