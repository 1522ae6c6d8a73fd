"""What a run computes, as plain data: nothing here decides where or how fast, and no torch is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from zigma.data.config import DataConfig
from zigma.interpolant.config import InterpolantConfig, SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ModelConfig, ZigMaConfig
from zigma.training.config import TrainingConfig

Quantity = Literal["parameters", "flops", "speed", "memory"]


@dataclass(frozen=True)
class RunConfig:
    """A network trained, sampled and judged. Everything that decides the numbers."""

    model: ModelConfig = field(default_factory=ZigMaConfig)
    data: DataConfig = field(default_factory=DataConfig)
    interpolant: InterpolantConfig = field(default_factory=InterpolantConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    seed: int = 0

    def __post_init__(self) -> None:
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


@dataclass(frozen=True)
class MeasurementConfig:
    """What a network costs, untrained: a forward pass on one batch. The kind of device is part of the question."""

    model: ModelConfig = field(default_factory=ZigMaConfig)
    quantities: tuple[Quantity, ...] = ("parameters", "flops", "speed", "memory")
    batch_images: int = 1
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["no", "bf16", "fp16"] = "no"
    repeats: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("batch_images", "repeats"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.quantities or set(self.quantities) - set(get_args(Quantity)):
            raise ValueError(f"quantities are of {', '.join(get_args(Quantity))}, not {self.quantities}")


@dataclass(frozen=True)
class ScanConfig:
    """A plan on a grid of tokens, measured without a network: how near it keeps neighbours, what a layer reaches."""

    scan: str = "zigzag-8"
    grid: tuple[int, ...] = (16, 16)
    depth: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "grid", tuple(self.grid))
        if len(self.grid) not in (2, 3) or min(self.grid) < 1 or self.depth < 1:
            raise ValueError(f"grid {self.grid} and depth {self.depth} must be positive, the grid 2D or 3D")


Config = RunConfig | MeasurementConfig | ScanConfig
