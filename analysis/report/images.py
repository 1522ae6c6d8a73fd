"""Sample grids as data that the page carries, small enough for all of them together."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from analysis.records.artifacts import read_grid

if TYPE_CHECKING:
    from PIL.Image import Image

Pixels = npt.NDArray[np.uint8]
BUDGET = 900_000  # bytes of all samples of a page
LARGEST, SMALLEST = 384, 64  # pixels of a grid's longer side
PER_PIXEL = 0.25  # bytes that a pixel of samples takes, about: where to begin
FLAT = 2  # a picture is kept exact where that costs at most so many times as much


def data_uris(paths: Sequence[Path]) -> list[str]:
    """Each picture as a `data:` address; all are made smaller alike until they fit the budget.

    Below the size that fits, a picture of few colours is kept as it is, pixel for pixel.
    """
    side = max(SMALLEST, min(LARGEST, int(math.sqrt(BUDGET / max(1, len(paths)) / PER_PIXEL))))
    while True:
        encoded = [encode(read_grid(path, side)) for path in paths]
        spent = sum(map(len, encoded))
        if spent <= BUDGET or side == SMALLEST:
            return encoded
        side = max(SMALLEST, int(0.9 * side * math.sqrt(BUDGET / spent)))


def smaller(uri: str) -> str:
    """The `data:` address of a PNG as that of a smaller file, where there is one."""
    from PIL import Image

    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        return min(uri, encode(np.asarray(image.convert("RGB"))), key=len)


def encode(pixels: Pixels) -> str:
    """A picture as a `data:` address: WebP, or PNG where exactness costs little."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(pixels))
    lossy = _saved(image, "webp", quality=70)
    exact = _saved(image, "png")
    kind, data = ("png", exact) if len(exact) <= FLAT * len(lossy) else ("webp", lossy)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _saved(image: Image, kind: str, **options: int) -> bytes:
    out = io.BytesIO()
    image.save(out, format=kind, **options)
    return out.getvalue()
