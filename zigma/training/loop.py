"""The training loop: one step reads top to bottom, and a resumed run equals an uninterrupted one."""

import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import nn

from zigma.interpolant import interpolant_loss
from zigma.interpolant.config import InterpolantConfig
from zigma.models import build_model
from zigma.models.config import ModelConfig
from zigma.training.checkpoint import load_checkpoint, refused, save_checkpoint
from zigma.training.conditioning import condition, withhold
from zigma.training.config import TrainingConfig
from zigma.training.ema import EMA
from zigma.training.processes import on_cpu, processes
from zigma.training.randomness import batch_indices, derived_seed

CURVE_POINTS = 100  # points of the loss curve kept for the record

Curve = dict[str, Any]  # "step" and "value", lists of one length; "protocol" where there is one
Metric = Mapping[str, Any]  # "name", "value" and by which protocol
Measure = Callable[[nn.Module, int], Iterable[Metric]]  # of the averaged network at a step


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
    curves: dict[str, Curve]  # "loss", and what was measured on the way
    seconds: float  # of training alone
    seconds_on_the_way: float  # of the measuring
    parameters: int


@dataclass
class _State:
    """Everything that a checkpoint holds beside weights and optimiser."""

    step: int = 0
    seconds: float = 0.0
    seconds_on_the_way: float = 0.0
    interval_loss: float = 0.0
    curves: dict[str, Curve] = field(default_factory=lambda: {"loss": {"step": [], "value": []}})

    def add(self, metric: Metric) -> None:
        """A point more of the curve of that name."""
        protocol = {word: said for word, said in metric.items() if word not in ("name", "value", "settings")}
        curve = self.curves.setdefault(metric["name"], {"step": [], "value": []})
        if protocol:
            curve["protocol"] = protocol
        curve["step"].append(self.step)
        curve["value"].append(metric["value"])


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
    every_steps: int | None = None,
    measure: Measure = lambda model, step: (),
) -> Trained:
    """Train a network on `data` (a `zigma.data.Split`), from `checkpoint` on where there is one.

    The batch, the noise and the times of a step depend on the seed and the step alone, so a run that was killed
    and resumed ends in the same numbers (on one kind of device with one number of threads). Of several processes
    each takes its share of every batch; the main one writes the checkpoint.

    Args:
        every_steps: measure the averaged network after so many steps, again and again; None for never. Whatever
            `measure` draws, it changes no weight: each step seeds its own randomness.

    Raises:
        FloatingPointError: the loss or the gradient of a step is not finite; the message names the step.
        BadCheckpoint: `checkpoint` is not one of this run; it is left alone.
    """
    world = processes().num_processes  # met before accelerate lets them, with less patience
    AcceleratorState._reset_state()  # else it refuses a second run of another precision in this process
    accelerator = Accelerator(mixed_precision=training.precision, cpu=on_cpu(world))
    torch.manual_seed(derived_seed(seed, "initialisation"))
    model = build_model(model_config)
    ema = EMA(model, training.ema_rate)
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
    )
    state = _State()
    if checkpoint.exists():
        saved = load_checkpoint(checkpoint)
        with refused(checkpoint):
            model.load_state_dict(saved["model"])
            ema.model.load_state_dict(saved["ema"])
            optimiser.load_state_dict(saved["optimiser"])
            if accelerator.scaler is not None:
                accelerator.scaler.load_state_dict(saved["scaler"])
            state = _State(**saved["state"])
    ema.model.to(accelerator.device)
    model, optimiser = accelerator.prepare(model, optimiser)
    rank = accelerator.process_index
    if training.batch_images % world:
        raise ValueError(f"training.batch_images={training.batch_images} is not divisible by {world} devices")

    def save() -> None:
        if accelerator.is_main_process:
            contents = {
                "model": accelerator.unwrap_model(model).state_dict(),
                "ema": ema.model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "scaler": {} if accelerator.scaler is None else accelerator.scaler.state_dict(),
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
        batch = data.batch(indices[mine])
        # of the whole batch, so that an image meets the same noise on any number of devices
        noise = torch.randn((len(indices), *batch.images.shape[1:]))[mine]
        t = torch.rand(len(indices))[mine]
        y = condition(batch, model_config)
        if y is not None and training.condition_dropout:
            y = withhold(y, training.condition_dropout, torch.rand(len(indices))[mine], model_config)
        images, noise, t = (x.to(accelerator.device) for x in (batch.images, noise, t))
        y = None if y is None else y.to(accelerator.device)
        if world > 1:  # else every process would drop the same layers' samples
            torch.manual_seed(derived_seed(seed, "step", step, rank))

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
            since = state.step - (state.curves["loss"]["step"] or [0])[-1]
            state.add({"name": "loss", "value": state.interval_loss / since})
            state.interval_loss = 0.0
        measuring = every_steps is not None and state.step % every_steps == 0
        if measuring:
            for metric in measure(ema.model, state.step):
                state.add(metric)
            aside = time.monotonic() - now
            state.seconds_on_the_way += aside
            started += aside
        if measuring or now - last_save > checkpoint_every_s or state.step == training.steps:
            save()
            last_save = time.monotonic()
        a_step = state.seconds / state.step
        left = (training.steps - state.step) * a_step
        watch(Progress(state.step, training.steps, value, training.batch_images / a_step, left))

    parameters = sum(p.numel() for p in ema.model.parameters())
    return Trained(ema.model, state.curves, state.seconds, state.seconds_on_the_way, parameters)
