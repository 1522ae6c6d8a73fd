"""The selective scan beside others' in one run: checked, then timed in turn, as ratios to mambapy's pscan."""

from dataclasses import dataclass
from functools import partial

import torch

from zigma.common.words import first_line
from zigma.profiling.scan_check import TOLERANCE, largest_error, random_inputs
from zigma.profiling.scan_contenders import Inputs, Scan, contenders
from zigma.profiling.speed import kernel_faults, on_device_ms, peak_memory_mib, time_calls

Shape = tuple[int, int, int, int]  # batch, D, L, N
CPU_SHAPES: list[Shape] = [(16, 128, 256, 16), (4, 512, 1024, 16), (1, 1536, 4096, 16)]
GPU_SHAPES: list[Shape] = [(batch, 1536, length, 16) for batch in (1, 8) for length in (1024, 4096, 16384)]
BASELINE = "mambapy pscan"
LAUNCHES_HIDDEN_MS = (
    50.0  # a call that takes longer is no shorter without its launches, or is a loop of thousands
)


@dataclass(frozen=True)
class Row:
    """One contender at one shape; without times if its check failed or it did not fit into memory."""

    shape: Shape
    contender: str
    error: float
    forward_ms: float | None = None
    both_ms: float | None = None
    both_lower_ms: float | None = None
    both_upper_ms: float | None = None
    peak_mib: float | None = None
    note: str = ""
    forward_device_ms: float | None = None  # on a GPU, of the kernels alone
    both_device_ms: float | None = None


def call_forward(scan: Scan, inputs: Inputs, order: torch.Tensor | None) -> None:
    """A scan of which no gradient is wanted."""
    with torch.no_grad():
        scan(inputs, order)


def call_both(scan: Scan, inputs: Inputs, order: torch.Tensor | None, dy: torch.Tensor) -> None:
    """A scan and its gradients."""
    torch.autograd.grad(scan(inputs, order), list(inputs.values()), dy)


def benchmark(
    shapes: list[Shape], device: torch.device, dtype: torch.dtype, repeats: int, path: bool
) -> tuple[list[Row], dict[str, str]]:
    """Check and measure every contender; returns the rows and why a contender is missing."""
    scans, missing = contenders(device, dtype)
    errors = {}
    for name, scan in scans.items():
        try:
            errors[name] = largest_error(scan, device, dtype)
        except kernel_faults() as error:  # told, never timed
            missing[name] = f"fails: {first_line(error)}"
    right = {name: scans[name] for name in errors if errors[name] <= TOLERANCE[dtype]}
    rows = []
    for shape in shapes:
        rows += _measure(shape, right, errors, device, dtype, repeats, path)
        for name in errors.keys() - right.keys():
            rows.append(Row(shape, name, errors[name], note="check failed: no speed"))
    return rows, missing


def _measure(
    shape: Shape, scans: dict[str, Scan], errors: dict[str, float], device: torch.device, dtype: torch.dtype,
    repeats: int, path: bool,
) -> list[Row]:  # fmt: skip
    batch, width, length, states = shape
    try:
        inputs = random_inputs(batch, width, length, states, device, dtype)
        order = (
            torch.randperm(length, generator=torch.Generator().manual_seed(0)).to(device) if path else None
        )
        dy = torch.ones(batch, length, width, device=device, dtype=dtype)
    except RuntimeError as error:  # what torch raises where a CPU has no room for them
        return [Row(shape, name, errors[name], note=f"no inputs: {first_line(error)}") for name in scans]
    forward, both, peaks, rows = {}, {}, {}, []
    for name, scan in scans.items():
        call = partial(call_both, scan, inputs, order, dy)
        try:
            call()
            peaks[name] = peak_memory_mib(call, device)
        except torch.OutOfMemoryError:
            rows.append(Row(shape, name, errors[name], note="out of memory"))
            continue
        except kernel_faults() as error:
            rows.append(Row(shape, name, errors[name], note=f"fails: {first_line(error)}"))
            continue
        forward[name], both[name] = partial(call_forward, scan, inputs, order), call
    forward_times, both_times = (time_calls(calls, device, repeats, 1) for calls in (forward, both))
    for name, timing in both_times.items():
        spread = timing.median_ms, timing.lower_ms, timing.upper_ms
        alone: tuple[float | None, ...] = (None, None)
        if timing.median_ms <= LAUNCHES_HIDDEN_MS:
            alone = on_device_ms(forward[name], device), on_device_ms(both[name], device)
        rows.append(
            Row(shape, name, errors[name], forward_times[name].median_ms, *spread, peaks[name], "", *alone)
        )
    return rows


def _ms(time: float | None) -> str:
    return "" if time is None else f"{time:.3g}"


def table(rows: list[Row], missing: dict[str, str]) -> str:
    """A Markdown table; a ratio is the baseline's forward+backward time over the contender's."""
    on_gpu = any(row.both_device_ms is not None for row in rows)
    lines = [
        f"| batch, D, L, N | contender | forward ms | forward+backward ms (quartiles) | times faster than {BASELINE} "
        "| peak MiB | error |" + " kernels alone: forward ms | forward+backward ms |" * on_gpu,
        "|---|---|---|---|---|---|---|" + "---|---|" * on_gpu,
    ]
    base = {row.shape: row.both_ms for row in rows if row.contender == BASELINE}
    for row in rows:
        start = f"| {', '.join(map(str, row.shape))} | {row.contender} |"
        if row.both_ms is None or row.forward_ms is None:
            lines.append(f"{start} {row.note} | | | | {row.error:.0e} |" + " | |" * on_gpu)
            continue
        reference = base.get(row.shape)
        ratio = "" if reference is None else f"{reference / row.both_ms:.1f}"
        lines.append(
            f"{start} {row.forward_ms:.3g} | {row.both_ms:.4g} ({row.both_lower_ms:.4g} to {row.both_upper_ms:.4g}) "
            f"| {ratio} | {row.peak_mib:.0f} | {row.error:.0e} |"
            + f" {_ms(row.forward_device_ms)} | {_ms(row.both_device_ms)} |"
            * on_gpu
        )
    left_out = [f"- not here: {name}: {reason}" for name, reason in missing.items()]
    return "\n".join([*lines, "", *left_out] if left_out else lines)
