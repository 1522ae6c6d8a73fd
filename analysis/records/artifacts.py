"""The files that a record names: its samples, features and weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from analysis.records.sheet import Sheet
from studies.declare.shipped import published_folder
from studies.run.record import Record
from zigma.common.plugged import leave_out
from zigma.common.words import WordError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

GAP = 2  # white pixels between two images of a grid, as `zigma.data.pictures` lays them
LARGEST = 40_000_000  # pixels; a larger grid is refused rather than loaded
WIDEST_PIXELS = 20_000  # of a side


def artifact(results: Path, record: Record, name: str) -> Path | None:
    """Where such a file of a record lies; None if it names none, or one that is not there (any more).

    Paths in a record start from the folder that holds `records/`, those of a published one from `published/`. Only a
    file below the results folder, or below what ships, is one, whatever links may lie on the way.
    """
    named = (record.data.get("artifacts") or {}).get(name)
    if not isinstance(named, str) or "\0" in named:
        return None
    published = published_folder(results)
    home = published if record.path.is_relative_to(published) else results
    allowed = (results.resolve(), published.resolve())
    try:
        path = (home / named).resolve()
        return path if any(map(path.is_relative_to, allowed)) and path.is_file() else None
    except (OSError, RuntimeError):  # a name that is too long, links in a circle, a folder not to be read
        return None


def sample_file(results: Path, record: Record) -> Path | None:
    """Where a record's sample grid lies; None if it names none, or one that is no PNG or not there (any more)."""
    path = artifact(results, record, "samples")
    return path if path is not None and path.suffix == ".png" else None


def first_grids(sheet: Sheet, results: Path) -> dict[str, tuple[Record, Path]]:
    """Arm -> the run of the lowest seed that saved a sample grid, and the grid."""
    first: dict[str, tuple[Record, Path]] = {}
    for arm in sheet.arms:
        for record in sheet.done(arm):
            if (file := sample_file(results, record)) is not None:
                first[arm] = record, file
                break
    return first


def shown_grid(
    path: Path | None, side: int | None = None, rows: int | None = None
) -> npt.NDArray[np.uint8] | None:
    """A grid as by `read_grid`; None where there is no file, or one that is no picture, which is said."""
    try:
        return None if path is None else read_grid(path, side, rows)
    except WordError as fault:  # an artifact may be anybody's: the others are shown
        leave_out(fault)
        return None


def read_grid(path: Path, side: int | None = None, rows: int | None = None) -> npt.NDArray[np.uint8]:
    """A grid, or its first rows of images, as (H, W, 3), made smaller where a `side` is given that it exceeds.

    Raises:
        WordError: it is no PNG, or larger than a grid has reason to be; names the file.
    """
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path, formats=("PNG",)) as image:
            width, height = image.size
            if width * height <= LARGEST and max(width, height) <= WIDEST_PIXELS:
                shown = image.convert("RGB")
                if rows is not None:
                    high = rows * (cell_size(np.asarray(shown))[0] + GAP) - GAP
                    shown = shown.crop((0, 0, width, min(high, height)))
                if side is not None:
                    shown.thumbnail((side, side))
                return np.asarray(shown)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise WordError(f"{path} is no image: {error}") from error
    raise WordError(f"{path} has {width}x{height} pixels, more than a grid of samples has reason to have")


def cell_size(pixels: npt.NDArray[np.uint8]) -> tuple[int, int]:
    """Height and width of one image of a grid (H, W, 3), by the white between; of the whole where there is none."""
    lines = (pixels.min(axis=(1, 2)), pixels.min(axis=(0, 2)))
    return _between(lines[0]), _between(lines[1])


def _between(darkest: npt.NDArray[np.uint8]) -> int:
    """How many lines lie between gaps that return at one distance, given the darkest value of each line."""
    white, whole = darkest == 255, len(darkest) + GAP
    for size in range(1, len(darkest)):
        step = size + GAP
        if whole % step == 0 and all(white[k - GAP : k].all() for k in range(step, whole, step)):
            return size
    return len(darkest)
