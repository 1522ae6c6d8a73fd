"""The training loop: one step reads top to bottom, and a resumed run equals an uninterrupted one."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import nn

from zigma.interpolant import interpolant_loss
from zigma.interpolant.config import InterpolantConfig
from zigma.models import build_model
from zigma.models.config import ModelConfig
from zigma.training.checkpoint import load_checkpoint, save_checkpoint
from zigma.training.conditioning import condition
from zigma.training.config import TrainingConfig
from zigma.training.ema import EMA
from zigma.training.randomness import batch_indices, derived_seed

CURVE_POINTS = 100  # points of the loss curve kept for the record


@dataclass(frozen=True)
class Progress:
    """Where a run is, for whoever watches it."""

    step: int
    steps: int
    loss: float
    images_per_s: float
    seconds_left: float


@dataclass
class Trained:
    """The averaged network, and how it got there."""

    model: nn.Module
    curve: dict[str, list[float]]
    seconds: float
    parameters: int


@dataclass
class _State:
    """Everything that a checkpoint holds beside weights and optimiser."""

    step: int = 0
    seconds: float = 0.0
    interval_loss: float = 0.0
    curve: dict[str, list[float]] = field(default_factory=lambda: {"step": [], "loss": []})


def train(
    model_config: ModelConfig,
    data: Any,
    interpolant: InterpolantConfig,
    training: TrainingConfig,
    *,
    seed: int,
    checkpoint: Path,
    checkpoint_every_s: float = 10.0,
    watch: Callable[[Progress], None] = lambda progress: None,
) -> Trained:
    """Train a network on `data` (a `zigma.data.Split`), from `checkpoint` on where there is one.

    The batch, the noise and the times of a step depend on the seed and the step alone, so a run that was killed
    and resumed ends in the same numbers (on one kind of device with one number of threads).

    Raises:
        FloatingPointError: the loss or the gradient of a step is not finite; the message names the step.
    """
    accelerator = Accelerator(mixed_precision=training.precision)
    torch.manual_seed(derived_seed(seed, "initialisation"))
    model = build_model(model_config)
    ema = EMA(model, training.ema_rate)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    state = _State()
    if checkpoint.exists():
        saved = load_checkpoint(checkpoint)
        model.load_state_dict(saved["model"])
        ema.model.load_state_dict(saved["ema"])
        optimiser.load_state_dict(saved["optimiser"])
        state = _State(**saved["state"])
    ema.model.to(accelerator.device)
    model, optimiser = accelerator.prepare(model, optimiser)
    rank, world = accelerator.process_index, accelerator.num_processes
    if training.batch_images % world:
        raise ValueError(f"training.batch_images={training.batch_images} is not divisible by {world} devices")

    def save() -> None:
        if accelerator.is_main_process:
            contents = {
                "model": accelerator.unwrap_model(model).state_dict(),
                "ema": ema.model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "state": vars(state),
            }
            save_checkpoint(checkpoint, contents)

    scales_itself = training.precision == "fp16"  # the loss scaler meets infinite gradients by design
    interval = max(1, training.steps // CURVE_POINTS)
    started, last_save = time.monotonic() - state.seconds, time.monotonic()
    model.train()
    for step in range(state.step, training.steps):
        indices = batch_indices(seed, step, training.batch_images, len(data))
        torch.manual_seed(derived_seed(seed, "step", step))  # noise, times and stochastic depth of this step
        mine = slice(rank * len(indices) // world, (rank + 1) * len(indices) // world)
        batch = data.batch(indices)
        noise, t = torch.randn_like(batch.images)[mine], torch.rand(len(indices))[mine]
        images, y = batch.images[mine], condition(batch, model_config)
        images, noise, t = (x.to(accelerator.device) for x in (images, noise, t))
        y = None if y is None else y[mine].to(accelerator.device)

        for group in optimiser.param_groups:
            group["lr"] = training.learning_rate * min(1.0, (step + 1) / max(1, training.warmup_steps))
        with accelerator.autocast():
            loss = interpolant_loss(interpolant, model, images, noise, t, y).mean()
        accelerator.backward(loss)
        # before the step, else it acts on nothing; the threshold is section 4.1's
        norm = accelerator.clip_grad_norm_(model.parameters(), training.clip_norm)
        value = float(accelerator.reduce(loss.detach(), "mean"))
        finite = math.isfinite(value) and (scales_itself or math.isfinite(float(norm)))
        if not finite:
            raise FloatingPointError(f"the loss is {value} and the gradient's norm {norm} at step {step + 1}")
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        ema.update(accelerator.unwrap_model(model))

        now = time.monotonic()
        state.step, state.seconds = step + 1, now - started
        state.interval_loss += value
        if state.step % interval == 0 or state.step == training.steps:
            since = state.step - (state.curve["step"][-1] if state.curve["step"] else 0)
            state.curve["step"].append(state.step)
            state.curve["loss"].append(state.interval_loss / since)
            state.interval_loss = 0.0
        if now - last_save > checkpoint_every_s or state.step == training.steps:
            save()
            last_save = now
        a_step = state.seconds / state.step
        left = (training.steps - state.step) * a_step
        watch(Progress(state.step, training.steps, value, training.batch_images / a_step, left))

    return Trained(ema.model, state.curve, state.seconds, sum(p.numel() for p in ema.model.parameters()))
