"""How long a call takes and how much memory it needs at its peak, on the device at hand."""

import json
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from zigma.profiling.device import device_name
from zigma.profiling.evaluation import evaluating

# else the tracer complains of every machine without a GPU
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
ON_DEVICE_MS = 20  # of replays: enough for some of a large scan, and for a median of a small one's


def kernel_faults() -> tuple[type[Exception], ...]:
    """What a kernel that does not build or start here raises; Triton's own errors need be no RuntimeErrors."""
    try:
        from triton.errors import TritonError
    except ImportError:
        return (RuntimeError,)
    return RuntimeError, TritonError


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one call: median, lower and upper quartile of `repeats` calls after a warm-up."""

    median_ms: float
    lower_ms: float
    upper_ms: float
    repeats: int


@dataclass(frozen=True)
class Speed:
    """A model's forward pass on one batch; peak memory beyond what was held before the call."""

    timing: Timing
    images_per_s: float
    peak_mib: float
    device: str


def synchronize(device: torch.device) -> None:
    """Wait until the device has done what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def summarize(times_ms: list[float]) -> Timing:
    """The median and the quartiles of measured times."""
    if len(times_ms) == 1:
        return Timing(times_ms[0], times_ms[0], times_ms[0], 1)
    lower, median, upper = statistics.quantiles(times_ms, n=4, method="inclusive")
    return Timing(median, lower, upper, len(times_ms))


def time_calls(
    calls: Mapping[str, Callable[[], Any]], device: torch.device, repeats: int = 10, warm_up: int = 2
) -> dict[str, Timing]:
    """Time several calls in turn, so that whatever else the machine does meets them all alike.

    Raises ValueError unless repeats is at least 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, not {repeats}")
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(warm_up + repeats):
        for name, call in calls.items():
            synchronize(device)
            start = time.perf_counter()
            call()
            synchronize(device)
            if turn >= warm_up:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {name: summarize(measured) for name, measured in times.items()}


def on_device_ms(call: Callable[[], Any], device: torch.device) -> float | None:
    """Milliseconds of a call's kernels alone, its launches left out, by replaying them as a CUDA graph.

    None without a GPU, and for a call that cannot be recorded as a graph.
    """
    if device.type != "cuda":
        return None
    from triton.testing import do_bench_cudagraph

    try:
        return float(do_bench_cudagraph(call, rep=ON_DEVICE_MS))
    except RuntimeError:
        return None


def peak_memory_mib(call: Callable[[], Any], device: torch.device) -> float:
    """The most memory that tensors take during a call, beyond what was held before it, by torch's own account.

    What libraries keep to themselves is not in it. On a CPU the call is traced, so it takes its time, and torch does
    not tell when it frees memory that was held before it: the peak of such a call comes out too high.
    """
    synchronize(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        call()
        synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - held) / 2**20
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as traced:
        call()
    with TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        traced.export_chrome_trace(str(path))
        events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((e["ts"], e["args"]["Bytes"]) for e in events if e.get("name") == "[memory]")
    return max(accumulate((change for _, change in changes), initial=0)) / 2**20


def measure_model(model: nn.Module, *inputs: Any, repeats: int = 10, warm_up: int = 2) -> Speed:
    """Latency, throughput and peak memory of `model(*inputs)` in evaluation mode.

    Images are counted by the first axis of the first input. Raises ValueError where that is no tensor, and as
    `time_calls` does.
    """
    if not inputs or not isinstance(inputs[0], torch.Tensor) or not inputs[0].ndim:
        raise ValueError(
            "the first input of the model is a tensor (images, ...): they are counted by its first axis"
        )
    device = inputs[0].device
    with evaluating(model), torch.inference_mode():
        timing = time_calls({"model": lambda: model(*inputs)}, device, repeats, warm_up)["model"]
        peak = peak_memory_mib(lambda: model(*inputs), device)
    return Speed(timing, 1e3 * len(inputs[0]) / timing.median_ms, peak, device_name(device))
