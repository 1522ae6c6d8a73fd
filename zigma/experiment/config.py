"""What a run computes, as plain data: nothing here decides where or how fast, and no torch is imported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from zigma.common.configuration import Configuration, Count, Grid, Seed
from zigma.common.words import counted
from zigma.data.config import DataConfig
from zigma.interpolant.config import InterpolantConfig, SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ModelConfig, ZigMaConfig
from zigma.training.config import TrainingConfig

Quantity = Literal["parameters", "flops", "speed", "memory"]
# The version of all that computes numbers from a configuration: loss, kernels, optimiser, EMA, samplers, metrics,
# scaling and split of data, initialisation. A person raises it when the same configuration is to give other numbers,
# and `tests/experiment/test_numerics.py` fails until that is done. It enters a run's identity (from 2 on, so that
# the identities of before stay), which makes older records stale, as they should be. Neither a commit nor a hash of
# the source would do: nearly every change of code leaves the numbers as they are, and must not throw records away.
# What a commit, torch or a device may change beyond that, in the last digits, stands in the record's history.
NUMERICS = 1


class RunConfig(Configuration):
    """A network trained, sampled and judged. Everything that decides the numbers."""

    model: ModelConfig = ZigMaConfig()
    data: DataConfig = DataConfig()
    interpolant: InterpolantConfig = InterpolantConfig()
    training: TrainingConfig = TrainingConfig()
    sampling: SamplingConfig = SamplingConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    seed: Seed = 0

    @model_validator(mode="after")
    def _guidance_was_learned(self) -> Self:
        told = self.model.text_width is not None or self.model.classes is not None
        if self.training.condition_dropout and not told:
            raise ValueError(
                "training.condition_dropout withholds what the network is never told: it should be 0"
            )
        if self.sampling.guidance != 1 and not self.training.condition_dropout:
            raise ValueError(
                f"sampling.guidance={self.sampling.guidance:g} needs a network that also learned without its "
                "condition: training.condition_dropout should be above 0, such as 0.1"
            )
        return self

    def classes_fault(self, classes: int | None) -> str | None:
        """What is wrong where the network has no row for a class of the data, or none for the null class of guidance.

        `classes` are the data's; None where it has none, or they are not known.
        """
        if self.model.classes is None or classes is None:
            return None
        needed = classes + (self.training.condition_dropout > 0)
        if self.model.classes >= needed:
            return None
        null = ", and one that stands for none" if needed > classes else ""
        return (
            f"model.classes={self.model.classes}, but {self.data.name} has {classes} classes{null}: "
            f"it should be {needed}"
        )

    def n_real_fault(self, available: int | None) -> str | None:
        """What is wrong where the data has fewer images to compare with; None: how many is not known."""
        n_real, reference = self.evaluation.n_real, self.evaluation.reference
        if available is None or n_real <= available:
            return None
        count = counted(available, "image" if self.data.frames is None else "video")
        return (
            f"evaluation.n_real={n_real}, but the {reference} part of {self.data.name} has {count}: set "
            "evaluation.n_real or evaluation.reference, or hold out more when the data is prepared"
        )


class MeasurementConfig(Configuration):
    """What a network costs, untrained: a forward pass on one batch. The kind of device is part of the question."""

    model: ModelConfig = ZigMaConfig()
    quantities: Annotated[tuple[Quantity, ...], Field(min_length=1)] = (
        "parameters",
        "flops",
        "speed",
        "memory",
    )
    batch_images: Count = 1
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["no", "bf16", "fp16"] = "no"
    repeats: Count = 10
    seed: Seed = 0


class ScanConfig(Configuration):
    """A plan on a grid of tokens, measured without a network: how near it keeps neighbours, what a layer reaches."""

    scan: str = "zigzag-8"
    grid: Grid = (16, 16)
    depth: Count = 8
    seed: Seed = 0


Config = RunConfig | MeasurementConfig | ScanConfig


def read_config(values: Mapping[str, Any]) -> Config:
    """The configuration that was dumped, such as a record's; which kind it is, its parts tell.

    Raises:
        Problems: it is none of this version's; a line for each problem.
    """
    kind: type[Config] = RunConfig
    if isinstance(values, Mapping) and "training" not in values:
        kind = MeasurementConfig if "model" in values else ScanConfig
    return kind.model_validate(values)
