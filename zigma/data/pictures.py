"""Samples as files: grids of images (Figures 12, 15, 16, 17) and videos.

Grids are uncurated: they show the first samples of a seed in the order they were drawn.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from zigma.common.files import replacing

_GAP = 2  # white pixels between the samples of a grid


def grid(images: Tensor, columns: int | None = None) -> Tensor:
    """Images (N, C, H, W) or videos (N, T, C, H, W), uint8, side by side as (3, H', W') or (T, 3, H', W').

    Filled row by row in the given order; without `columns` as square as can be. One channel becomes grey.
    Raises ValueError for another type or shape.
    """
    if (
        images.dtype != torch.uint8
        or images.ndim not in (4, 5)
        or images.shape[-3] not in (1, 3)
        or not len(images)
    ):
        raise ValueError(
            "a grid takes uint8 images (N, C, H, W) or videos (N, T, C, H, W) of 1 or 3 channels, "
            f"got {images.dtype} {tuple(images.shape)}"
        )
    count, height, width = len(images), *images.shape[-2:]
    columns = min(count, columns or math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    size = (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP)
    sheet = torch.full((*images.shape[1:-3], 3, *size), 255, dtype=torch.uint8)
    for i, image in enumerate(images):
        y, x = (i // columns) * (height + _GAP), (i % columns) * (width + _GAP)
        sheet[..., y : y + height, x : x + width] = image
    return sheet


def save_grid(images: Tensor, path: str | Path, columns: int | None = None, note: str | None = None) -> Path:
    """Save uint8 images (N, C, H, W) as one PNG, all of them and in their order.

    `note` (such as the run and the seed) is kept inside the file. Raises ValueError as `grid` does.
    """
    path = _target(path, {".png"})
    info = PngInfo()
    info.add_text("Description", f"{len(images)} samples in the order they were drawn. {note or ''}".strip())
    sheet = grid(images, columns)
    if sheet.ndim != 3:
        raise ValueError("save_grid takes images; videos are saved by save_video")
    with replacing(path) as beside:
        Image.fromarray(sheet.permute(1, 2, 0).cpu().numpy()).save(beside, pnginfo=info)
    return path


def save_video(videos: Tensor, path: str | Path, fps: int = 8, columns: int | None = None) -> Path:
    """Save uint8 videos (N, T, C, H, W), or one (T, C, H, W), side by side as a .gif or an .mp4.

    A GIF needs nothing more and holds 256 colours per frame; MP4 needs `imageio[ffmpeg]`.
    Raises ValueError for another ending, another type or shape, or when the encoder is not installed.
    """
    path = _target(path, {".gif", ".mp4"})
    videos = videos[None] if videos.ndim == 4 else videos
    if videos.ndim != 5:
        raise ValueError(f"save_video takes (N, T, C, H, W) or (T, C, H, W), got {tuple(videos.shape)}")
    frames = grid(videos, columns).permute(0, 2, 3, 1).cpu().numpy()
    if path.suffix == ".gif":
        first, *others = (Image.fromarray(frame) for frame in frames)
        with replacing(path) as beside:
            first.save(beside, save_all=True, append_images=others, duration=round(1000 / fps), loop=0)
        return path
    try:
        import imageio.v3 as imageio

        height, width = frames.shape[1:3]  # H.264 wants even sides
        even = np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
        with replacing(path) as beside:
            imageio.imwrite(beside, even, plugin="FFMPEG", fps=fps, macro_block_size=1)
    except ImportError as error:
        raise ValueError("an .mp4 needs imageio[ffmpeg]: pip install it, or save a .gif") from error
    return path


def _target(path: str | Path, suffixes: set[str]) -> Path:
    path = Path(path)
    if path.suffix not in suffixes:
        raise ValueError(f"{path.name} must end in {' or '.join(sorted(suffixes))}")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
