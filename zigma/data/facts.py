"""What is known of a data set before it is loaded, so that a run that cannot work is refused at once. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zigma.data.config import DataConfig
from zigma.data.names import EMBEDDED, PREPARED, is_own
from zigma.data.shards.manifest import read_manifest
from zigma.data.shards.sources import shards_root


@dataclass(frozen=True)
class Facts:
    """Of a data set as a configuration sees it; None for what only reading the shards would tell."""

    channels: int
    classes: int | None = None  # how many; 0 for none
    captions: bool | None = None
    caption_words: int | None = None  # of the longest
    train: int | None = None  # images or videos
    held_out: int | None = None


# channels, classes, words of the longest caption of an image and of a video, images of the two parts
_EMBEDDED = {
    "digits": (1, 10, 3, 3, 1297, 500),
    "mnist": (1, 10, 3, 3, 4000, 1000),
    "moving-digits": (1, 10, 5, 5, 1297, 500),
    "photos": (3, 10, 7, 7, 4096, 1024),
    "shapes": (3, 12, 10, 12, 4096, 1024),
}
FIELDS_HELD_OUT = 1024
_FEWER_VIDEOS = ("photos", "shapes")  # a quarter


def data_facts(config: DataConfig) -> Facts:
    """What is known of the data that `config` names.

    Raises ValueError, saying what to make and where, when prepared data is not there.
    """
    if config.field is not None:
        field = config.field
        return Facts(field.channels, len(field.components), captions=False, held_out=FIELDS_HELD_OUT)
    if config.name in EMBEDDED:
        channels, classes, words, video_words, train, held_out = _EMBEDDED[config.name]
        fewer = 4 if config.frames is not None and config.name in _FEWER_VIDEOS else 1
        words = words if config.frames is None else video_words
        return Facts(channels, classes, True, words, train // fewer, held_out // fewer)
    if is_own(config.name):
        return _of_own(config)
    return _of_shards(config, shards_root(config))


def _of_own(config: DataConfig) -> Facts:
    """By loading it, which needs torch."""
    from zigma.data.own import load_own

    data = load_own(config)
    captions = data.train.batch([0]).captions is not None
    return Facts(data.channels, data.classes or 0, captions, None, len(data.train), len(data.held_out))


def _of_shards(config: DataConfig, root: Path) -> Facts:
    channels = 4 if config.view == "latents" else 3
    manifest = read_manifest(root)
    if manifest is None:  # laid out as released: what the paper conditions on is there
        condition = PREPARED[config.name].condition
        return Facts(channels, captions=True if condition == "captions" else None)
    return Facts(
        channels,
        classes=len(manifest.classes),
        captions=manifest.request.captions is not None,
        train=manifest.counts.train,
        held_out=manifest.counts.held_out,
    )
