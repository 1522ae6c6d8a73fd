"""Drawn scenes of two coloured shapes, whose captions cannot be shuffled: who is where matters.

a small red circle left of a large blue square
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zigma.data.config import DataConfig
from zigma.data.dataset import Dataset, MemorySplit
from zigma.data.fingerprints import fingerprint

SHAPES = ("circle", "square", "triangle")
COLOURS = {"red": (230, 40, 40), "green": (40, 190, 70), "blue": (50, 90, 240), "yellow": (240, 215, 50)}
SIZES = {"small": (0.08, 0.11), "large": (0.15, 0.19)}  # radius, in widths of the picture
# Where the first shape is, seen from the second: (x, y), y downwards.
RELATIONS = {"left of": (-1, 0), "right of": (1, 0), "above": (0, -1), "below": (0, 1)}
DRIFTS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}  # of a video's whole scene
_CLASS_NAMES = tuple(f"{colour} {shape}" for shape in SHAPES for colour in COLOURS)  # of the first shape
_SEED = 3
_CHUNK = 256  # scenes drawn at a time


@dataclass(frozen=True)
class Scenes:
    """N scenes as numbers; lengths in widths of the picture. The second axis of (N, 2) is the shape."""

    shape: np.ndarray  # (N, 2) index into SHAPES
    colour: np.ndarray  # (N, 2) index into COLOURS, two different ones
    size: np.ndarray  # (N, 2) index into SIZES
    relation: np.ndarray  # (N,) index into RELATIONS
    drift: np.ndarray  # (N,) index into DRIFTS
    radius: np.ndarray  # (N, 2)
    centre: np.ndarray  # (N, 2, 2), last axis (x, y)
    speed: np.ndarray  # (N,) way of the scene in a whole video
    background: np.ndarray  # (N,) grey level


def draw_scenes(count: int, rng: np.random.Generator) -> Scenes:
    """`count` scenes; the two shapes never touch each other and stay inside the picture."""
    colour = np.stack([rng.integers(4, size=count), rng.integers(1, 4, size=count)], axis=1)
    colour[:, 1] = (colour[:, 0] + colour[:, 1]) % 4
    size, relation = rng.integers(2, size=(count, 2)), rng.integers(4, size=count)
    low, high = np.array(list(SIZES.values())).T
    direction = np.array(list(RELATIONS.values()))[relation]
    # At least 0.40 apart, more than two large radii; at most 0.25 from the middle, 0.30 with a video's drift.
    centre = 0.5 + 0.21 * np.stack([direction, -direction], axis=1) + rng.uniform(-0.01, 0.01, (count, 2, 2))
    centre += rng.uniform(-0.03, 0.03, (count, 1, 2))
    return Scenes(
        shape=rng.integers(3, size=(count, 2)),
        colour=colour,
        size=size,
        relation=relation,
        drift=rng.integers(4, size=count),
        radius=rng.uniform(low[size], high[size]),
        centre=centre,
        speed=rng.uniform(0.06, 0.1, count),
        background=rng.uniform(10, 70, count),
    )


def captions_of(scenes: Scenes, video: bool) -> list[str]:
    """What a scene shows, such as "a small red circle left of a large blue square" (", moving up")."""
    sizes, colours, relations, drifts = list(SIZES), list(COLOURS), list(RELATIONS), list(DRIFTS)

    def one(i: int, j: int) -> str:
        return f"a {sizes[scenes.size[i, j]]} {colours[scenes.colour[i, j]]} {SHAPES[scenes.shape[i, j]]}"

    return [
        f"{one(i, 0)} {relations[scenes.relation[i]]} {one(i, 1)}"
        + (f", moving {drifts[scenes.drift[i]]}" if video else "")
        for i in range(len(scenes.shape))
    ]


def render(scenes: Scenes, size: int, frames: int | None) -> Tensor:
    """The scenes as uint8 (N, 3, size, size), or (N, T, 3, size, size): edges are antialiased."""
    count = len(scenes.shape)
    pixel = (np.arange(size, dtype=np.float32) + 0.5) / size
    way = np.array(list(DRIFTS.values()))[scenes.drift] * scenes.speed[:, None]
    pictures = np.empty((count, frames or 1, size, size, 3), dtype=np.uint8)
    for begin in range(0, count, _CHUNK):
        rows = slice(begin, begin + _CHUNK)
        for t, when in enumerate(np.linspace(-0.5, 0.5, frames) if frames and frames > 1 else [0.0]):
            canvas = np.broadcast_to(
                scenes.background[rows, None, None, None].astype(np.float32),
                (len(scenes.background[rows]), size, size, 3),
            )
            for j in (0, 1):
                centre = scenes.centre[rows, j] + when * way[rows]
                x = pixel[None, None, :] - centre[:, 0, None, None].astype(np.float32)
                y = pixel[None, :, None] - centre[:, 1, None, None].astype(np.float32)
                radius = scenes.radius[rows, j, None, None].astype(np.float32)
                distance = _signed_distance(scenes.shape[rows, j], x, y, radius)
                cover = np.clip(0.5 - distance * size, 0, 1)[..., None]  # a linear edge one pixel wide
                ink = np.array(list(COLOURS.values()), dtype=np.float32)[scenes.colour[rows, j]]
                canvas = canvas + cover * (ink[:, None, None, :] - canvas)
            pictures[rows, t] = canvas.round().astype(np.uint8)
    videos = torch.from_numpy(pictures).permute(0, 1, 4, 2, 3).contiguous()
    return videos if frames is not None else videos[:, 0]


def _signed_distance(shape: np.ndarray, x: np.ndarray, y: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """How far points (n, H, W) lie outside shapes that fit a circle of `radius`; inside is negative."""
    x, y = np.broadcast_arrays(x, y)
    circle = np.hypot(x, y) - radius
    square = np.maximum(np.abs(x), np.abs(y)) - radius / np.sqrt(2)
    # An equilateral triangle, tip up: the largest distance to the lines through its three sides.
    triangle = np.maximum(y, np.abs(x) * (np.sqrt(3) / 2) - y / 2) - radius / 2
    return np.choose(shape[:, None, None], [circle, square, triangle])


def load(config: DataConfig) -> Dataset:
    """4,096 training and 1,024 held-out scenes (a quarter as many videos), drawn from separate seeds.

    The class is the first shape and its colour. In a video the whole scene drifts, and the caption says so.
    """
    fewer = 1 if config.frames is None else 4

    def part(count: int, stream: int) -> MemorySplit:
        scenes = draw_scenes(count, np.random.default_rng((_SEED, stream)))
        classes = scenes.shape[:, 0] * len(COLOURS) + scenes.colour[:, 0]
        return MemorySplit(
            render(scenes, config.size, config.frames),
            torch.as_tensor(classes, dtype=torch.int64),
            captions_of(scenes, video=config.frames is not None),
        )

    return Dataset(
        train=part(4096 // fewer, stream=0),
        held_out=part(1024 // fewer, stream=1),
        classes=len(_CLASS_NAMES),
        channels=3,
        fingerprint=fingerprint(config),
        class_names=_CLASS_NAMES,
    )
