"""A picture of each arm's first samples below real images."""

from __future__ import annotations

from pathlib import Path

from analysis.records import Sheet
from analysis.records.artifacts import shown_grid
from analysis.records.standing import REAL, sample_rows
from zigma.common.files import replacing
from zigma.common.words import printable

WIDTH, HEIGHT, HEAD = 540, 66, 14  # pixels: of a grid, what is shown, and the words above it


def draw_strip(sheet: Sheet, results: Path, path: Path) -> Path | None:
    """Write the picture; None where there are no samples to show.

    Raises:
        OSError: the disk refuses.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    grids = {name: shown_grid(file) for name, file in sample_rows(sheet, results).items()}
    shown = {name: grid[:HEIGHT, :WIDTH] for name, grid in grids.items() if grid is not None}
    if not set(shown) - {REAL}:
        return None
    width = max(len(grid[0]) for grid in shown.values())
    whole = Image.new("RGB", (width, (HEIGHT + HEAD + 4) * len(shown)), "white")
    draw = ImageDraw.Draw(whole)
    for i, (name, grid) in enumerate(shown.items()):
        top = i * (HEIGHT + HEAD + 4)
        plain = printable(name).encode("latin-1", "replace").decode("latin-1")  # what Pillow's own font has
        draw.text((2, top + 1), plain, fill="black")
        whole.paste(Image.fromarray(np.ascontiguousarray(grid)), (0, top + HEAD))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as scratch:
        whole.save(scratch, format="PNG")
    return path
