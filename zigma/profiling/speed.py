"""How long a call takes and how much memory it needs at its peak, on the device at hand."""

import ctypes
import gc
import os
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zigma.profiling.device import device_name

CLEAR_PEAK, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


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


def peak_memory_mib(call: Callable[[], Any], device: torch.device) -> float:
    """The most memory in use during a call, beyond what was held before it.

    On a GPU: torch's allocator. On a CPU: resident memory of the process, exact on Linux; elsewhere the growth of
    the highest ever, a lower bound. A first call pays for pools and libraries: warm up before.
    """
    synchronize(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        call()
        synchronize(device)
        return (torch.cuda.max_memory_allocated(device) - held) / 2**20
    held_mib = _reset_peak_mib()
    call()
    return max(0.0, _peak_mib() - held_mib)


def _reset_peak_mib() -> float:
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:  # glibc keeps freed memory resident; a call that reuses it would seem to need none
        trim(0)
    try:
        CLEAR_PEAK.write_text("5", encoding="ascii")  # Linux: the highest resident size starts again from now
    except OSError:
        return _peak_mib()
    return _status_mib("VmRSS")


def _peak_mib() -> float:
    if STATUS.exists():
        return _status_mib("VmHWM")
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (2**20 if sys.platform == "darwin" else 2**10)


def _status_mib(field: str) -> float:
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) / 2**10
    raise ValueError(f"{STATUS} has no {field}")


def measure_model(model: nn.Module, *inputs: Any, repeats: int = 10, warm_up: int = 2) -> Speed:
    """Latency, throughput and peak memory of `model(*inputs)` in evaluation mode.

    Images are counted by the first axis of the first input.
    """
    device = inputs[0].device
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            timing = time_calls({"model": lambda: model(*inputs)}, device, repeats, warm_up)["model"]
            peak = peak_memory_mib(lambda: model(*inputs), device)
    finally:
        model.train(training)
    return Speed(timing, 1e3 * len(inputs[0]) / timing.median_ms, peak, device_name(device))
