"""One step of training, as a run takes it and as `zigma.profiling` times it: prepared once, then called."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import GradientAccumulationPlugin
from torch import Tensor, nn

from zigma.interpolant import interpolant_loss
from zigma.interpolant.config import InterpolantConfig
from zigma.models.config import ModelConfig
from zigma.training.conditioning import condition, withhold
from zigma.training.config import TrainingConfig
from zigma.training.ema import EMA
from zigma.training.graphs import Graphed, graphed
from zigma.training.processes import on_cpu, pinned_environment, processes
from zigma.training.randomness import batch_indices, derived_seed

STRAIGHT_LINES = InterpolantConfig()  # the paper's


class Questions(NamedTuple):
    """What one step asks of the network, this process's share: x_1, x_0 (B, ...), t (B,) and y (B, ...) or None."""

    data: Tensor
    noise: Tensor
    t: Tensor
    y: Tensor | None = None


def draw_questions(
    data: Any, model: ModelConfig, training: TrainingConfig, *, seed: int, step: int
) -> Questions:
    """The batch, noise and times of step `step` (from 0), which follow from the seed and the step alone.

    On several processes each gets its part of the same whole batch. Torch's global generator is left where the
    step's stochastic depth goes on drawing.
    """
    rank, world = processes().process_index, processes().num_processes
    indices = batch_indices(seed, step, training.batch_images, len(data))
    torch.manual_seed(derived_seed(seed, "step", step))
    share = slice(rank * len(indices) // world, (rank + 1) * len(indices) // world)
    batch = data.batch(indices[share])
    # of the whole batch, so that an image meets the same noise on any number of devices
    noise = torch.randn((len(indices), *batch.images.shape[1:]))[share]
    t = torch.rand(len(indices))[share]
    y = condition(batch, model)
    if y is not None and training.condition_dropout:
        y = withhold(y, training.condition_dropout, torch.rand(len(indices))[share], model)
    if world > 1:  # else every process would drop the same layers' samples
        torch.manual_seed(derived_seed(seed, "step", step, rank))
    return Questions(batch.images, noise, t, y)


def learning_rate(training: TrainingConfig, step: int) -> float:
    """Of step `step` (from 0): rising over `warmup_steps`, then constant, or falling along half a cosine."""
    rate = training.learning_rate * min(1.0, (step + 1) / max(1, training.warmup_steps))
    if training.schedule == "cosine":
        past = max(0, step - training.warmup_steps) / max(1, training.steps - training.warmup_steps)
        rate *= (1 + math.cos(math.pi * min(1.0, past))) / 2
    return rate


class TrainingStep:
    """A network with its optimiser and the average of its weights; called, it takes a step.

    Attributes:
        ema: the averaged network, on the device, in `ema.model`.

    Raises:
        ValueError: fp16 without a GPU, which would train in float32 under another name.
    """

    def __init__(
        self,
        model: nn.Module,
        training: TrainingConfig,
        interpolant: InterpolantConfig = STRAIGHT_LINES,
        cpu: bool = False,
    ) -> None:
        self.interpolant, self.training = interpolant, training
        world = processes().num_processes  # met before accelerate lets them, with less patience
        AcceleratorState._reset_state()  # else it refuses a second run of another precision in this process
        with pinned_environment():
            self.accelerator = Accelerator(
                mixed_precision=training.precision,
                cpu=cpu or on_cpu(world),
                gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
            )
        if training.precision == "fp16" and self.device.type == "cpu":
            raise ValueError(
                "training.precision=fp16 needs a GPU, and this runs on a CPU; bf16 works on both, or no"
            )
        self.ema = EMA(model, training.ema_rate)
        self.ema.model.to(self.device)
        optimiser = torch.optim.AdamW(
            model.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay, fused=True
        )
        self.model, self.optimiser = self.accelerator.prepare(model, optimiser)
        self.model.train()
        self._at_once = graphed(
            self._whole,
            self.device,
            "the training",
            possible=world == 1 and training.precision != "fp16",  # others wait for numbers within a step
        )
        self.graphed = isinstance(self._at_once, Graphed)
        if self.graphed:
            self._rate_on_device()

    @property
    def device(self) -> torch.device:
        return self.accelerator.device

    def __call__(self, questions: Questions, step: int) -> float:
        """Take step `step` (from 0): loss, backward, clipping, AdamW, average. Returns the loss over all processes.

        Raises:
            FloatingPointError: the loss or the gradient is not finite; the message names the step.
        """
        inputs = [None if x is None else x.to(self.device) for x in questions]
        rate = learning_rate(self.training, step)
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        if not self.graphed:
            return self._one_by_one(*inputs, step=step)
        value, norm = self._at_once(*inputs).tolist()
        self._check(value, norm, step)
        return float(value)

    def _one_by_one(self, *inputs: Tensor | None, step: int) -> float:
        """A step that is looked at between its gradient and its update."""
        loss, norm = self._gradient(*inputs)
        value = float(self.accelerator.reduce(loss, "mean"))
        self._check(value, norm, step)
        self._update()
        return value

    def _whole(self, *inputs: Tensor | None) -> Tensor:
        """A step that nothing interrupts, as a graph needs it: loss and norm of the gradient, (2,)."""
        recording = self.device.type == "cuda" and torch.cuda.is_current_stream_capturing()
        for group in self.optimiser.param_groups:
            group["capturable"] = (
                recording  # torch warns of the word in plain steps, and asks for it in others
            )
        loss, norm = self._gradient(*inputs)
        self._update()
        return torch.stack([loss.float(), norm.float()])

    def _gradient(self, *inputs: Tensor | None) -> tuple[Tensor, Tensor]:
        data, noise, t, y = inputs
        assert data is not None
        assert noise is not None
        assert t is not None
        with self.accelerator.autocast():
            loss = interpolant_loss(self.interpolant, self.model, data, noise, t, y).mean()
        # a recording that broke off may have left gradients behind
        self.optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        # before the step, else it acts on nothing; the threshold is section 4.1's
        norm = self.accelerator.clip_grad_norm_(self.model.parameters(), self.training.clip_norm)
        return loss.detach(), norm

    def _update(self) -> None:
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.ema.update(self.accelerator.unwrap_model(self.model))

    def _check(self, value: float, norm: float | Tensor, step: int) -> None:
        # the loss scaler meets infinite gradients by design
        scales_itself = self.training.precision == "fp16"
        if not (math.isfinite(value) and (scales_itself or math.isfinite(float(norm)))):
            raise FloatingPointError(f"the loss is {value} and the gradient's norm {norm} at step {step + 1}")

    def state_dict(self) -> dict[str, Any]:
        """Weights, their average, optimiser and loss scaler."""
        scaler = self.accelerator.scaler
        return {
            "model": self.accelerator.unwrap_model(self.model).state_dict(),
            "ema": self.ema.model.state_dict(),
            "optimiser": plain_rates(self.optimiser.state_dict()),
            "scaler": {} if scaler is None else scaler.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put a `state_dict` in place."""
        self.accelerator.unwrap_model(self.model).load_state_dict(state["model"])
        self.ema.model.load_state_dict(state["ema"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.graphed:
            self._rate_on_device()
        if self.accelerator.scaler is not None:
            self.accelerator.scaler.load_state_dict(state["scaler"])

    def _rate_on_device(self) -> None:
        """The learning rate as a number that a graph reads anew at each step."""
        for group in self.optimiser.param_groups:
            group["lr"] = torch.tensor(float(group["lr"]), device=self.device)


def plain_rates(state: dict[str, Any]) -> dict[str, Any]:
    """An optimiser's state as one without a graph has it, so that a checkpoint goes on with or without."""
    groups = [group | {"lr": float(group["lr"]), "capturable": False} for group in state["param_groups"]]
    return state | {"param_groups": groups}
