"""Sample grids as data that the page carries, small enough for all of them together."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path

from analysis.figures.samples import read_grid

BUDGET = 900_000  # bytes of all samples of a page
SIDES = (384, 256, 192, 128)  # pixels of the longer side, tried in turn


def data_uris(paths: Sequence[Path]) -> list[str]:
    """Each picture as a `data:` address; all are made smaller alike until they fit the budget.

    A picture below the size is kept as it is, pixel for pixel.
    """
    encoded: list[str] = []
    for side in SIDES:
        encoded = [_encode(path, side) for path in paths]
        if sum(map(len, encoded)) <= BUDGET:
            break
    return encoded


def _encode(path: Path, side: int) -> str:
    from PIL import Image

    image = Image.fromarray(read_grid(path))
    image.thumbnail((side, side))
    found = []
    for kind in ("png", "jpeg"):
        out = io.BytesIO()
        image.save(out, format=kind, optimize=True)
        found.append((out.tell(), kind, out.getvalue()))
    _, kind, data = min(found)
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
