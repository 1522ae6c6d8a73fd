"""The training loop: a resumed run equals an uninterrupted one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zigma.interpolant.config import InterpolantConfig
from zigma.models import build_model
from zigma.models.config import ModelConfig
from zigma.models.counting import count_parameters
from zigma.training.checkpoint import load_checkpoint, refused, save_checkpoint
from zigma.training.config import TrainingConfig
from zigma.training.processes import processes
from zigma.training.randomness import derived_seed
from zigma.training.step import TrainingStep, draw_questions

CURVE_POINTS = 100  # points of the loss curve kept for the record

Curve = dict[str, Any]  # "step" and "value", lists of one length; "protocol" where there is one
Metric = Mapping[str, Any]  # "name", "value" and by which protocol
Measure = Callable[[nn.Module, int], Iterable[Metric]]  # of the averaged network at a step


class UnevenShares(ValueError):
    """A batch that the processes cannot share: of how many there are, and of no run."""


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

    step: int = 0  # steps taken
    seconds: float = 0.0
    seconds_on_the_way: float = 0.0
    interval_loss: float = 0.0  # summed since the last point of the curve
    curves: dict[str, Curve] = field(default_factory=lambda: {"loss": {"step": [], "value": []}})
    skipped: dict[str, str] = field(default_factory=dict)  # samples that could not be read so far, and why

    def add(self, metric: Metric) -> None:
        """Append a point to the curve of that name."""
        protocol = {key: value for key, value in metric.items() if key not in ("name", "value", "settings")}
        curve = self.curves.setdefault(metric["name"], {"step": [], "value": []})
        if protocol:
            curve["protocol"] = protocol
        curve["step"].append(self.step)
        curve["value"].append(metric["value"])

    def add_loss(self, value: float, steps: int) -> None:
        """Count a step's loss; each point of the curve is the mean since the one before."""
        self.interval_loss += value
        if self.step % max(1, steps // CURVE_POINTS) == 0 or self.step == steps:
            since = self.step - (self.curves["loss"]["step"] or [0])[-1]
            self.add({"name": "loss", "value": self.interval_loss / since})
            self.interval_loss = 0.0


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
        ValueError: a batch that the processes cannot share evenly, a precision that this device has not, or an
            `every_steps` that is no whole number of at least 1.
        FloatingPointError: the loss or the gradient of a step is not finite; the message names the step.
        BadCheckpoint: `checkpoint` is not one of this run; it is left alone.
    """
    world = processes().num_processes
    if training.batch_images % world:
        raise UnevenShares(
            f"training.batch_images={training.batch_images} is not divisible by {world} devices"
        )
    if every_steps is not None and (type(every_steps) is not int or every_steps < 1):
        raise ValueError(f"every_steps must be a whole number of at least 1, or None, not {every_steps!r}")
    torch.manual_seed(derived_seed(seed, "initialisation"))
    take_step = TrainingStep(build_model(model_config), training, interpolant)
    about = _about(model_config, len(data), interpolant, training, seed)
    state = _resume(checkpoint, about, take_step) if checkpoint.exists() else _State()
    skipped = getattr(data, "skipped", {})  # a process that resumes does not meet them all again
    skipped |= {name: why for name, why in state.skipped.items() if name not in skipped}
    started, last_save = time.monotonic() - state.seconds, time.monotonic()
    while state.step < training.steps:
        questions = draw_questions(data, model_config, training, seed=seed, step=state.step)
        loss = take_step(questions, state.step)
        now = time.monotonic()
        state.step, state.seconds = state.step + 1, now - started
        state.add_loss(loss, training.steps)
        measuring = every_steps is not None and state.step % every_steps == 0
        if measuring:
            for metric in measure(take_step.ema.model, state.step):
                state.add(metric)
            aside = time.monotonic() - now
            state.seconds_on_the_way += aside
            started += aside
        if measuring or now - last_save > checkpoint_every_s or state.step == training.steps:
            if processes().is_main_process:
                state.skipped = dict(skipped)
                save_checkpoint(checkpoint, take_step.state_dict() | {"state": vars(state), "run": about})
            last_save = time.monotonic()
        watch(_progress(state, training, loss))
    averaged = take_step.ema.model
    parameters = count_parameters(averaged)
    return Trained(averaged, state.curves, state.seconds, state.seconds_on_the_way, parameters)


def _progress(state: _State, training: TrainingConfig, loss: float) -> Progress:
    a_step = state.seconds / state.step
    left = (training.steps - state.step) * a_step
    return Progress(state.step, training.steps, loss, training.batch_images / a_step, left)


def _about(
    model: ModelConfig, items: int, interpolant: InterpolantConfig, training: TrainingConfig, seed: int
) -> dict[str, Any]:
    """What decides a run's weights, as plain values: a checkpoint of anything else is none of this run."""
    parts = {"model": model, "interpolant": interpolant, "training": training}
    plain = {name: part.model_dump(mode="json") for name, part in parts.items()}
    return plain | {"data": {"items": items}, "seed": seed}


def _resume(checkpoint: Path, about: Mapping[str, Any], step: TrainingStep) -> _State:
    """Put the weights and the rest of a checkpoint in place.

    Raises:
        BadCheckpoint: it is of another seed or configuration, or no checkpoint at all.
    """
    saved = load_checkpoint(checkpoint)
    with refused(checkpoint):
        differing = _differing(saved["run"], about)
        if differing:
            raise ValueError(f"it was made with another {', '.join(differing)}")
        step.load_state_dict(saved)
        return _State(**saved["state"])


def _differing(saved: Mapping[str, Any], about: Mapping[str, Any]) -> list[str]:
    """The dotted names of what two runs differ in."""
    names = []
    for name in sorted({*saved, *about}):
        old, new = saved.get(name), about.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            names += [f"{name}.{part}" for part in _differing(old, new)]
        elif old != new:
            names.append(name)
    return names
