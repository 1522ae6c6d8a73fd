"""A whole training step beside the matrix products in it, alone: the rest is what the scan and everything else cost."""

import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from zigma.models import ZigMa
from zigma.models.counting import count_parameters
from zigma.profiling.speed import Timing, time_calls
from zigma.training import Questions, TrainingStep
from zigma.training.config import TrainingConfig

PRODUCTS = {torch.ops.aten.mm, torch.ops.aten.addmm, torch.ops.aten.bmm, torch.ops.aten.baddbmm}


@dataclass(frozen=True)
class StepTimes:
    """A step, the matrix products of a step, and how many tokens a step has."""

    step: Timing
    products: Timing
    tokens: int
    parameters: int

    @property
    def ratio(self) -> float:
        """How many times as long as its matrix products a step takes."""
        return self.step.median_ms / self.products.median_ms


def training_step(model: nn.Module, images: Tensor) -> Callable[[], None]:
    """A step as `zigma.training` takes it, on the device of `images`, with fresh noise and times each call."""
    training = TrainingConfig(steps=1, batch_images=len(images))
    step = TrainingStep(model, training, cpu=images.device.type == "cpu")

    def take() -> None:
        noise, t = torch.randn_like(images), torch.rand(len(images), device=images.device)
        step(Questions(images, noise, t), step=0)

    return take


class _Products(TorchDispatchMode):
    """Notes the matrix products that run under it, as calls on tensors of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], Any]] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function.overloadpacket in PRODUCTS:
            own = [_like(x) if isinstance(x, Tensor) else x for x in args]
            self.calls.append(lambda: function(*own, **(kwargs or {})))
        return function(*args, **(kwargs or {}))


def _like(x: Tensor) -> Tensor:
    """Random numbers with the shape, the strides and the dtype of x."""
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device).normal_()


def matrix_products(step: Callable[[], None]) -> list[Callable[[], Any]]:
    """The matrix products of a step, forward and backward, each as a call.

    All that the network's layers are made of: also those that the scan takes over when nobody is looking.
    """
    with _Products() as noted:
        step()
    return noted.calls


@contextmanager
def busy_processes(number: int) -> Iterator[None]:
    """So many processes that compute without end, beside the body."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(number)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def time_step(
    grid: tuple[int, ...],
    hidden: int,
    depth: int,
    scan: str,
    batch: int,
    device: torch.device,
    repeats: int = 20,
    beside: int = 0,
) -> StepTimes:
    """Time a step of ZigMa and its matrix products in turn, with `beside` other processes computing all the time."""
    torch.manual_seed(0)
    model = ZigMa(grid=grid, hidden=hidden, depth=depth, scan=scan).to(device)
    frames, places = grid[:-2], grid[-2:]
    step = training_step(model, torch.randn(batch, *frames, model.config.in_channels, *places, device=device))
    step()  # what is made once, is not of a step
    products = matrix_products(step)

    def alone() -> None:
        for product in products:
            product()

    with busy_processes(beside):
        times = time_calls({"step": step, "products": alone}, device, repeats, warm_up=3)
    tokens = batch * math.prod(model.config.token_grid)
    return StepTimes(times["step"], times["products"], tokens, count_parameters(model))


def table(times: StepTimes) -> str:
    """A Markdown table."""
    lines = ["| | ms (quartiles) | us a token |", "|---|---|---|"]
    for name, timing in (("whole step", times.step), ("its matrix products alone", times.products)):
        spread = f"{timing.median_ms:.4g} ({timing.lower_ms:.4g} to {timing.upper_ms:.4g})"
        lines.append(f"| {name} | {spread} | {1e3 * timing.median_ms / times.tokens:.3g} |")
    return "\n".join([*lines, f"| ratio | {times.ratio:.2f} | |"])
