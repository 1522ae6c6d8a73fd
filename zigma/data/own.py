"""Data sets of a person's own file or of an installed package, held to what those of this package keep."""

from __future__ import annotations

from dataclasses import replace

import torch

from zigma.common.plugged import DATA, short
from zigma.common.words import one_line
from zigma.data.config import DataConfig
from zigma.data.dataset import Batch, Dataset, MemorySplit, Split, from_uint8
from zigma.data.fingerprints import fingerprint

LOOKED_AT = 8  # items of each part
BLOCK = 1024  # images whose pixels are looked at together
_loaded: dict[DataConfig, Dataset] = {}  # the latest one


def load_own(config: DataConfig) -> Dataset:
    """What `FILE.py:NAME` makes of a configuration: a function (config) -> `zigma.data.Dataset`.

    Its parts are often `zigma.data.dataset.MemorySplit(images, classes, captions)`. The fingerprint is set here.

    Raises:
        ValueError: in one line, where the file or name is missing, or what it makes is no such data set.
    """
    name, identity = short(config.name), fingerprint(config)
    if config in _loaded and _loaded[config].fingerprint == identity:
        return _loaded[config]
    make = DATA.load(config.name)
    try:
        made = make(config)
        if isinstance(made, Dataset):
            for part, split in (("train", made.train), ("held-out", made.held_out)):
                _check(config, made, part, split)
    except Exception as error:  # it may be anybody's
        kind = "" if isinstance(error, _Fault) else f"{type(error).__name__}: "
        raise ValueError(f"data set {name} at size {config.size}: {kind}{one_line(error)}") from error
    if not isinstance(made, Dataset):
        raise ValueError(f"data set {name} makes a {type(made).__name__}: it must make a zigma.data.Dataset")
    _loaded.clear()
    _loaded[config] = replace(made, fingerprint=identity)
    return _loaded[config]


class _Fault(ValueError):
    """What is wrong with a data set, in words of this module."""


def _check(config: DataConfig, data: Dataset, part: str, split: Split) -> None:
    if not len(split):
        raise _Fault(f"its {part} part is empty")
    if isinstance(split, MemorySplit):  # looked at as a whole: what is wrong need not be among the first
        _check_values(data, part, split)
    indices = list(range(min(LOOKED_AT, len(split))))
    batch = split.batch(indices)
    frames = () if config.frames is None else (config.frames,)
    shape = (len(indices), *frames, data.channels, *config.sides)
    if tuple(batch.images.shape) != shape or batch.images.dtype != torch.float32:
        given = f"{batch.images.dtype} {tuple(batch.images.shape)}"
        raise _Fault(f"its {part} images must be torch.float32 {shape}, not {given}")
    if not torch.equal(split.batch(indices).images, batch.images):
        raise _Fault(f"its {part} images are others the second time: an index must always give the same")
    _check_values(data, part, batch)


def _check_values(data: Dataset, part: str, items: Batch | MemorySplit) -> None:
    for images in items.images.split(BLOCK):
        pixels = from_uint8(images)
        if not (pixels.isfinite().all() and pixels.abs().max() <= 1):
            raise _Fault(f"its {part} images must lie in [-1, 1]")
    if (items.classes is None) != (data.classes is None):
        raise _Fault("classes must be given with every batch and as their number, or with neither")
    for what, values in (("classes", items.classes), ("captions", items.captions)):
        if values is not None and len(values) != len(items):
            raise _Fault(f"its {part} part gives {len(values)} {what} for {len(items)} images")
    if items.classes is not None and data.classes is not None:
        in_range = 0 <= int(items.classes.min()) <= int(items.classes.max()) < data.classes
        if items.classes.dtype != torch.int64 or not in_range:
            raise _Fault(f"its {part} classes must be int64 in 0..{data.classes - 1}")
    if not all(isinstance(caption, str) for caption in items.captions or ()):
        raise _Fault(f"its {part} captions must be texts")
