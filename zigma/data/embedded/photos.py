"""Random crops of the ten colour photographs that ship with scikit-image and scikit-learn.

Every photograph is cut in two along its longer side: training crops come from the first part, held-out crops
from the second, so the two never share a pixel.

What they are good for: real colour, texture and edges without a download, to see that an arm learns and that metrics
react. What not: ten scenes are no distribution of images. A network can learn them by heart, held-out crops show the
same ten scenes, and an order of arms on them says little about faces or landscapes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from zigma.data.config import DataConfig
from zigma.data.dataset import Dataset, MemorySplit
from zigma.data.embedded.shipped import shipped_file
from zigma.data.fingerprints import fingerprint
from zigma.data.names import PHOTOGRAPHS

# In the order of PHOTOGRAPHS.
_SUBJECTS = (
    "an astronaut",
    "a cat",
    "a cup of coffee",
    "distant galaxies",
    "stained tissue",
    "a motorcycle",
    "a retina",
    "a rocket",
    "a temple",
    "a flower",
)
_SEED = 2
_HELD_OUT_SHARE = 1 / 4  # of a photograph's longer side, or more where a crop needs more
_FACTORS = (1, 2, 4)  # crops are taken at full, half and quarter resolution
_CONTRAST = 16  # grey levels that a crop spans at least
_PAN = 2  # a video's window moves by at most this many pixels per frame and axis


def cut(photograph: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The training and the held-out part of a photograph (H, W, 3), each at least `size` high and wide.

    A photograph too short to be cut gives a training part only.
    """
    long = int(photograph.shape[1] >= photograph.shape[0])  # axis of the longer side
    length = photograph.shape[long]
    at = length - max(size, round(length * _HELD_OUT_SHARE))
    if at < size:
        return photograph, None
    first, second = np.split(photograph, [at], axis=long)
    return first, second


def load(config: DataConfig) -> Dataset:
    """Crops of `size` pixels with the photograph as class, captions such as "a photograph of a cat".

    4,096 training and 1,024 held-out crops, evenly from every photograph; a quarter as many videos, in which
    the window pans at a constant speed. Photographs too short to be cut in two at this size (the cat at 256)
    are trained on only.
    """
    photographs = [_read(shipped_file(*file)) for file in PHOTOGRAPHS]
    parts = [cut(photograph, config.size) for photograph in photographs]
    fewer = 1 if config.frames is None else 4
    train = {i: first for i, (first, _) in enumerate(parts)}
    held_out = {i: second for i, (_, second) in enumerate(parts) if second is not None}
    return Dataset(
        train=_crops(train, 4096 // fewer, config, stream=0),
        held_out=_crops(held_out, 1024 // fewer, config, stream=1),
        classes=len(PHOTOGRAPHS),
        channels=3,
        fingerprint=fingerprint(config),
        class_names=_SUBJECTS,
    )


def _read(file: Path) -> np.ndarray:
    with Image.open(file, formats=("JPEG", "PNG")) as image:
        return np.asarray(image.convert("RGB"))


def _crops(regions: dict[int, np.ndarray], count: int, config: DataConfig, stream: int) -> MemorySplit:
    """`count` crops of the regions in turn; `regions` maps a class to its pixels (H, W, 3)."""
    rng = np.random.default_rng((_SEED, stream))
    levels = {i: _pyramid(region, config.size) for i, region in regions.items()}
    labels = np.resize(list(regions), count)
    items = [_window(levels[i], config, rng) for i in labels.tolist()]
    captions = [f"a photograph of {_SUBJECTS[i]}" for i in labels.tolist()]
    return MemorySplit(torch.stack(items), torch.as_tensor(labels, dtype=torch.int64), captions)


def _pyramid(region: np.ndarray, size: int) -> list[np.ndarray]:
    """The region at full, half and quarter resolution (means of squares of pixels), as far as a crop fits.

    Made from the region alone, so that a reduced training pixel holds nothing of a held-out pixel.
    """
    levels = []
    for factor in _FACTORS:
        height, width = (n // factor for n in region.shape[:2])
        if min(height, width) >= size:
            squares = region[: height * factor, : width * factor].reshape(height, factor, width, factor, 3)
            levels.append(squares.mean((1, 3)).round().astype(np.uint8))
    return levels


def _window(levels: list[np.ndarray], config: DataConfig, rng: np.random.Generator) -> Tensor:
    """One crop (3, size, size), or (T, 3, size, size) of a window that pans, as uint8.

    Drawn again when it shows next to nothing: the black corners around the retina are all alike.
    """
    while True:
        level = levels[rng.integers(len(levels))]
        crops = torch.stack([_crop(level, corner, config.size) for corner in _corners(level, config, rng)])
        if crops.max() - crops.min() >= _CONTRAST:
            return crops[0] if config.frames is None else crops


def _corners(level: np.ndarray, config: DataConfig, rng: np.random.Generator) -> np.ndarray:
    """Upper left corners (T, 2) of the window on its way, evenly between two random places."""
    frames = config.frames or 1
    room = np.array(level.shape[:2]) - config.size
    start = rng.integers(room + 1)
    reach = _PAN * (frames - 1)
    end = rng.integers(np.maximum(start - reach, 0), np.minimum(start + reach, room) + 1)
    return np.linspace(start, end, frames).round().astype(int)


def _crop(level: np.ndarray, corner: np.ndarray, size: int) -> Tensor:
    y, x = corner
    return torch.from_numpy(np.ascontiguousarray(level[y : y + size, x : x + size])).permute(2, 0, 1)
