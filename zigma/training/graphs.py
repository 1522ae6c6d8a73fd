"""CUDA graphs: a small network's step is hundreds of kernels of a few microseconds, and launching them is all it costs.

A function of tensors is called plainly a few times, then recorded, then replayed: the same kernels on the same memory
without their launches. Numbers change by the rounding of the learning rate to float32 alone (less than a part in 10^7),
so nothing here is part of a run's identity. ZIGMA_GRAPHS=off in the environment turns all of it off.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zigma.common.words import first_line, unknown

PLAIN_CALLS = 3  # before recording: kernels are compiled and chosen, states of an optimiser made
WORDS = ("on", "off")

Replay = Callable[[], Tensor]
Record = Callable[[Callable[[], Tensor]], Replay]


def graphs_wanted() -> bool:
    """Whether the environment leaves them on.

    Raises:
        WordError: ZIGMA_GRAPHS is neither on nor off.
    """
    word = os.environ.get("ZIGMA_GRAPHS") or "on"
    if word not in WORDS:
        raise unknown("ZIGMA_GRAPHS", word, WORDS)
    return word == "on"


def graphed(
    function: Callable[..., Tensor], device: torch.device, what: str, *, possible: bool = True
) -> Callable[..., Tensor]:
    """`function` through a graph on a GPU, itself elsewhere or where graphs are off or not `possible`."""
    if device.type != "cuda" or not possible or not graphs_wanted():
        return function
    return Graphed(function, Recorder(device), what)


class Graphed:
    """A function of tensors (or None), recorded for the shapes of its first call; others are called plainly.

    What it returns is overwritten by no later call. One line to the terminal where it cannot be recorded: then it goes
    on being called plainly.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        record: Recorder | Record,
        what: str,
        plain_calls: int = PLAIN_CALLS,
    ) -> None:
        self.function, self.record, self.what = function, record, what
        self.plain_calls = plain_calls  # still to come
        self.like: tuple[Any, ...] | None = None  # shapes, dtypes and devices
        self.inputs: list[Tensor | None] = []  # what the graph reads
        self.replay: Replay | None = None
        self.refused = False

    def __call__(self, *inputs: Tensor | None) -> Tensor:
        like = tuple(None if x is None else (x.shape, x.dtype, x.device) for x in inputs)
        self.like = like if self.like is None else self.like
        if self.refused or like != self.like:
            return self._plainly(inputs)
        if self.plain_calls:
            self.plain_calls -= 1
            return self._plainly(inputs)
        if self.replay is None and not self._recorded(inputs):
            return self._plainly(inputs)
        for own, new in zip(self.inputs, inputs, strict=True):
            if own is not None and new is not None:
                own.copy_(new)
        assert self.replay is not None
        return self.replay().clone()

    def _plainly(self, inputs: tuple[Tensor | None, ...]) -> Tensor:
        if isinstance(self.record, Recorder):
            return self.record.beside(lambda: self.function(*inputs))
        return self.function(*inputs)

    def _recorded(self, inputs: tuple[Tensor | None, ...]) -> bool:
        self.inputs = [None if x is None else x.clone() for x in inputs]
        try:
            self.replay = self.record(lambda: self.function(*self.inputs))
        except RuntimeError as error:  # what CUDA and torch raise where something cannot be recorded
            self.refused, self.inputs = True, []
            print(f"{self.what} goes on without a CUDA graph: {first_line(error)}", file=sys.stderr)
        return not self.refused


class Recorder:
    """Records on a stream of its own, on which the plain calls before it go on as well, as recording demands."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.stream = device, torch.cuda.Stream(device)

    def beside(self, function: Callable[[], Tensor]) -> Tensor:
        """Call a function on the recorder's stream, after what was begun before and before what comes after."""
        now = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(now)
        with torch.cuda.stream(self.stream):
            result = function()
        now.wait_stream(self.stream)
        return result

    def __call__(self, function: Callable[[], Tensor]) -> Replay:
        """Note the kernels of a function, none of which is carried out yet."""
        graph = torch.cuda.CUDAGraph()
        # other threads of this process, such as that of a run's lease, must not end the recording
        with torch.cuda.graph(graph, stream=self.stream, capture_error_mode="thread_local"):
            result = function()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay
