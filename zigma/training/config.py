"""How a network is trained, as plain data: importable without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class TrainingConfig:
    """Optimiser, schedule and averaging. Defaults are the paper's (section 4.1 and Table 10)."""

    steps: int = 100_000  # section 8.4
    batch_images: int = 256  # images a step, over all devices together
    learning_rate: float = 1e-4
    weight_decay: float = 0.0  # Table 10; section 4.1 says 0.01
    warmup_steps: int = 0
    clip_norm: float = 2.0  # section 4.1; applied before the optimiser's step
    ema_rate: float = 0.9999
    condition_dropout: float = 0.0  # share of images whose class or caption is withheld, for guidance
    precision: Literal["no", "bf16", "fp16"] = "no"  # mixed precision, in accelerate's words

    def __post_init__(self) -> None:
        for name in ("steps", "batch_images"):
            if getattr(self, name) < 1:
                raise ValueError(f"training.{name} must be at least 1, not {getattr(self, name)}")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"training.{name} must be positive, not {getattr(self, name)}")
        for name in ("ema_rate", "condition_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"training.{name} must be in [0, 1), not {getattr(self, name)}")
        for name in ("weight_decay", "warmup_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"training.{name} must not be negative, not {getattr(self, name)}")
