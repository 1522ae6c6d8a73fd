"""How a network is trained, as plain data: importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from zigma.common.configuration import Configuration, Count, Number, Positive, Share, Whole, later

HELD_OUT_DRAWS = 4  # (noise, time) pairs of a held-out image, of whose losses the held-out loss is the mean


class TrainingConfig(Configuration):
    """Optimiser, schedule and averaging. Defaults are the paper's (section 4.1 and Table 10)."""

    steps: Count = 100_000  # section 8.4
    batch_images: Count = 256  # images a step, over all devices together
    learning_rate: Positive = 1e-4
    weight_decay: Annotated[Number, Field(ge=0)] = 0.0  # Table 10; section 4.1 says 0.01
    warmup_steps: Annotated[Whole, Field(ge=0)] = 0
    clip_norm: Positive = 2.0  # section 4.1; applied before the optimiser's step
    ema_rate: Share = 0.9999
    condition_dropout: Share = 0.0  # share of images whose class or caption is withheld, for guidance
    precision: Literal["no", "bf16", "fp16"] = "no"  # mixed precision, in accelerate's words
    schedule: Literal["constant", "cosine"] = later("constant")  # of the learning rate, after the warm-up
