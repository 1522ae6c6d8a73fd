"""What extractors make of images: of samples, of real images, of baselines; the same in however many processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from zigma.experiment.config import RunConfig
from zigma.metrics import Extractor, FeatureCollector, Features, load_extractor
from zigma.metrics.features import Unit
from zigma.training.processes import processes, together


class FeatureReader:
    """The extractors of a run's protocol.

    Raises:
        ValueError: missing weights, or a video extractor for images.
    """

    def __init__(self, config: RunConfig) -> None:
        self.extractors = [load_extractor(name) for name in config.evaluation.extractors]
        for extractor in self.extractors:
            if extractor.videos and config.data.frames is None:
                raise ValueError(f"{extractor.name} compares videos, and {config.data.name} are images")
        self.unit: Unit = "images" if config.data.frames is None else "frames"

    def read(
        self, batches: Iterator[Tensor], n: int, source: str, keep: int = 0
    ) -> tuple[list[Features], Tensor]:
        """Features of exactly `n` images by each extractor, and the first `keep` images.

        The processes hold the images between them, each its share batch by batch as uint8, and all get the same.
        """
        with _moved(self.extractors, processes().device):
            collectors = [
                FeatureCollector(extractor, unit="videos" if extractor.videos else self.unit)
                for extractor in self.extractors
            ]

            def work() -> tuple[int, list[Tensor], list[Tensor]]:
                count, kept = 0, []
                for images in batches:
                    for collector in collectors:
                        collector.add(images)
                    kept += list(images[: max(0, keep - count)].clone())
                    count += len(images)
                return count, [collector.values() for collector in collectors], kept

            counts, values, kept = zip(*together(work), strict=True)
        if sum(counts) != n:
            raise RuntimeError(f"{n} {source} images were to be read and the processes hold {sum(counts)}")
        rows = [torch.cat([part for part in parts if len(part)]) for parts in zip(*values, strict=True)]
        first = [image for part in kept for image in part][:keep]
        features = [c.features(r, source) for c, r in zip(collectors, rows, strict=True)]
        return features, torch.stack(first) if first else torch.empty(0)


@contextmanager
def _moved(extractors: list[Extractor], device: torch.device) -> Iterator[None]:
    """The extractors on the device while they work; its memory belongs to the training."""
    for extractor in extractors:
        extractor.to(device)
    try:
        yield
    finally:
        for extractor in extractors:
            extractor.to("cpu")
