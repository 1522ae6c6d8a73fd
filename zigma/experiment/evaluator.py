"""Networks of one run measured against the same real images by the same protocol, at the end and on the way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor, nn

from zigma.data import Dataset
from zigma.experiment.artifacts import shown
from zigma.experiment.config import RunConfig
from zigma.experiment.drawing import as_pixels, draw, fixed, pixels_of, real_data
from zigma.experiment.estimate import batch_of
from zigma.experiment.excess import Excess, has_optimum
from zigma.experiment.features import FeatureReader
from zigma.experiment.field_samples import FieldSamples, can_judge
from zigma.experiment.watch import Watch
from zigma.metrics import Features, evaluate_features
from zigma.metrics.config import MetricName
from zigma.training import held_out_loss
from zigma.training.processes import from_main, processes, shares

REAL_VALUES = 2**24  # of the real images read at once


class Evaluator:
    """Holds the features of the real images, and how samples are drawn and compared with them.

    Raises:
        ValueError: too few real images, missing weights, or a video extractor for images: before any training.
    """

    def __init__(self, config: RunConfig, data: Dataset, watch: Watch) -> None:
        self.config, self.data, self.watch = config, data, watch
        self.pixels = pixels_of(config, processes().device)
        self.reader = FeatureReader(config)
        self.excess = Excess(config, data.held_out) if has_optimum(config) else None
        self.field_samples = FieldSamples(config, data.train) if can_judge(config) else None
        self.real, self.skipped = self._real()

    def on_the_way(self, model: nn.Module, step: int) -> list[dict[str, Any]]:
        """Every metric of the way, of a network whose training goes on."""
        evaluation = self.config.evaluation
        self.watch.stage(f"measuring at step {step}")
        rows = self.without_samples(model, min(evaluation.n_on_the_way, len(self.data.held_out)))
        if not self.reader.extractors:
            return rows
        generated, _ = self.generated(model, evaluation.n_on_the_way)
        return [*rows, *self.compare(generated, evaluation.metrics_on_the_way)]

    def without_samples(self, model: nn.Module, n: int) -> list[dict[str, Any]]:
        """The held-out loss and, where the best velocity is known, the distance from it."""
        loss = self.held_out_loss(model, n)
        return [loss] if self.excess is None else [loss, *self.excess.measure(model, n)]

    def held_out_loss(self, model: nn.Module, n: int) -> dict[str, Any]:
        """The loss on the first `n` held-out images, in the words of a record."""
        config, batch = self.config, batch_of(self.config.model)
        loss = held_out_loss(
            model, config.model, self.data.held_out, config.interpolant, batch_images=batch, n=n
        )
        if not math.isfinite(loss):  # no number: the run says that it failed, and with what
            raise FloatingPointError(f"the held-out loss is {loss}")
        return {"name": "held_out_loss", "value": loss, "n_real": n, "reference": "held-out"}

    def generated(self, model: nn.Module, n: int) -> tuple[list[Features], Tensor]:
        """Features of the first `n` samples by each extractor, and the first few samples themselves."""
        most = shown(n, self.config.data.size, self.config.data.frames is not None)
        pixels = self.pixels if self.field_samples is None else self.field_samples.watching(self.pixels)
        batches = draw(self.config, model, self.data, n, pixels, self.watch.stage)
        return self.reader.read(batches, n, "generated", keep=most)

    def features(self, batches: Iterator[Tensor], n: int) -> list[Features]:
        """Features of `n` images, uint8 batch by batch, by each extractor: of a baseline, or of more real images."""
        return self.reader.read(batches, n, "generated")[0]

    def compare(self, generated: list[Features], metrics: Iterable[MetricName]) -> list[dict[str, Any]]:
        """Every metric by every extractor; computed by the main process, told to all."""
        metrics = tuple(metrics)
        return from_main(
            lambda: [
                row
                for pair in zip(generated, self.real, strict=True)
                for row in evaluate_features(*pair, metrics=metrics)
            ]
        )

    def _real(self) -> tuple[list[Features], dict[str, str]]:
        data, evaluation = real_data(self.config, self.data), self.config.evaluation
        part = fixed({"held-out": data.held_out, "train": data.train}[evaluation.reference])
        if fault := self.config.n_real_fault(len(part)):
            raise ValueError(fault)
        most = max(1, REAL_VALUES // part.batch([0]).images.numel())

        def images() -> Iterator[Tensor]:
            for indices in shares(evaluation.n_real, most):
                yield as_pixels(self.config, part.batch(list(indices)).images)

        features, _ = self.reader.read(images(), evaluation.n_real, evaluation.reference)
        return features, dict(getattr(part, "skipped", {}))
