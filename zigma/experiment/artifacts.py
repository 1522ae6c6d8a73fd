"""What a run leaves beside its record: pictures to look at, features to measure again, weights to draw more from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from zigma.common.files import save_tensors
from zigma.data import save_grid, save_video
from zigma.metrics import Features

LARGEST_GRID = 1024  # pixels of a side that a grid may fill with small samples
MOST, FEWEST = 64, 4  # samples of a grid
VIDEOS = 4
VISIBLE = 32  # pixels of a side below which a sample is enlarged by a whole factor


@dataclass(frozen=True)
class Places:
    """Where a run keeps its files, named like its record (`name` is SCALE/STUDY/ARM.SETTING.seedN.IDENTITY)."""

    results: Path
    name: str
    work: Path  # checkpoint; nothing there is needed once the record is written

    @property
    def samples(self) -> Path:
        return self.results / "samples" / f"{self.name}.png"

    @property
    def video(self) -> Path:
        return self.results / "samples" / f"{self.name}.gif"

    @property
    def features(self) -> Path:
        return self.results / "features" / self.name

    @property
    def weights(self) -> Path:
        return self.results / "weights" / f"{self.name}.safetensors"


def shown(n: int, side: int, video: bool) -> int:
    """How many of `n` samples of `side` pixels a grid shows: the file should stay small."""
    most = VIDEOS if video else max(FEWEST, min(MOST, (LARGEST_GRID // side) ** 2))
    return min(n, most)


def save_artifacts(
    places: Places, samples: Tensor, features: list[tuple[Features, Features]], model: nn.Module
) -> dict[str, str]:
    """Write the first samples, uint8 (N, C, H, W) or (N, T, C, H, W), the features of both sides, and the weights.

    Videos are shown moving, and still with a row for each. Returns the record's `artifacts`: paths relative to
    the results folder.
    """
    saved: dict[str, Path] = {}
    if samples.shape[-3] not in (1, 3):  # fields may have any number of channels: grey, side by side
        samples = torch.cat(samples.split(1, dim=-3), dim=-1)
    factor = max(1, VISIBLE // samples.shape[-1])
    samples = samples.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
    if samples.dim() == 5:
        saved["video"] = save_video(samples, places.video)
        still, columns = samples.flatten(0, 1), samples.shape[1]
        saved["samples"] = save_grid(still, places.samples, columns=columns, note=places.name)
    else:
        saved["samples"] = save_grid(samples, places.samples, note=places.name)
    places.features.mkdir(parents=True, exist_ok=True)
    for generated, real in features:
        generated.save(places.features / f"generated.{generated.extractor}.safetensors")
        real.save(places.features / f"real.{real.extractor}.safetensors")
    saved["features"] = places.features
    saved["weights"] = _save_weights(model, places.weights)
    return {name: path.relative_to(places.results).as_posix() for name, path in saved.items()}


def _save_weights(model: nn.Module, path: Path) -> Path:
    """The averaged network, for `build_model(config.model).load_state_dict(load_file(path))`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
    save_tensors(path, weights)
    return path
