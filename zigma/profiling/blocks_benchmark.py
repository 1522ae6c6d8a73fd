"""Which block sizes of the Triton scan are fastest on this GPU: the fastest are written into the kernels' module."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing import get_context

import torch

from zigma.common.words import first_line
from zigma.ops.triton import scan as triton_scan
from zigma.ops.triton.scan import Blocks
from zigma.profiling.scan_benchmark import Shape, call_both, call_forward
from zigma.profiling.scan_check import random_inputs
from zigma.profiling.scan_contenders import ours
from zigma.profiling.speed import kernel_faults, on_device_ms, synchronize, time_calls

# a thread keeps tile N channels / 32 states of `chunk_gradients`, and has 255 registers at most
KEPT = [(8, 32, 255), (4, 32, 255), (4, 32, 168), (4, 32, 128), (2, 32, 168), (2, 32, 128), (2, 64, 255)]
SEARCHED = [
    *(Blocks(chunk, tile, channels, registers=limit) for chunk in (16, 32) for tile, channels, limit in KEPT),
    *(Blocks(wide=wide) for wide in (32, 64)),
    *(Blocks(8, tile, registers=limit) for tile, limit in ((8, 255), (4, 168))),
]
COMPILERS = 12  # processes, each with its own memory on the GPU


@dataclass(frozen=True)
class Row:
    """One choice of blocks: milliseconds on the device, or why it has none."""

    blocks: Blocks
    forward_ms: float | None = None
    both_ms: float | None = None
    note: str = ""


def search(
    shape: Shape, device: torch.device, dtype: torch.dtype, repeats: int, choices: list[Blocks] = SEARCHED
) -> list[Row]:
    """Time forward and forward+backward along a random path for every choice, the fastest both ways first.

    Kernels are compiled beforehand, by processes beside each other, into Triton's cache.
    """
    workers = min(COMPILERS, os.cpu_count() or 1, len(choices))
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        notes = list(pool.map(partial(_compile, shape, device, dtype), choices))
    calls = _calls(shape, device, dtype)
    rows = [
        Row(blocks, note=note) if note else _time(blocks, calls, device, repeats)
        for blocks, note in zip(choices, notes, strict=True)
    ]
    return sorted(rows, key=lambda row: (row.both_ms is None, row.both_ms or 0.0))


@contextmanager
def cut_into(blocks: Blocks) -> Iterator[None]:
    """Let the scan use these blocks."""
    own = triton_scan.BLOCKS
    triton_scan.BLOCKS = blocks
    try:
        yield
    finally:
        triton_scan.BLOCKS = own


def _compile(shape: Shape, device: torch.device, dtype: torch.dtype, blocks: Blocks) -> str:
    """Call the scan once, on one sequence; returns why it cannot be called, in a line."""
    try:
        with cut_into(blocks):
            _calls((1, *shape[1:]), device, dtype)["both"]()
        synchronize(device)
    except kernel_faults() as error:  # too many registers, too much memory
        return first_line(error)
    return ""


def _calls(shape: Shape, device: torch.device, dtype: torch.dtype) -> dict[str, Callable[[], None]]:
    batch, width, length, states = shape
    inputs = random_inputs(batch, width, length, states, device, dtype)
    order = torch.randperm(length, generator=torch.Generator().manual_seed(0)).to(device)
    dy = torch.ones(batch, length, width, device=device, dtype=dtype)
    scan = partial(ours, "triton")
    return {
        "forward": partial(call_forward, scan, inputs, order),
        "both": partial(call_both, scan, inputs, order, dy),
    }


def _time(blocks: Blocks, calls: dict[str, Callable[[], None]], device: torch.device, repeats: int) -> Row:
    with cut_into(blocks):
        timed = time_calls(calls, device, repeats, 1)
        alone = {name: on_device_ms(call, device) for name, call in calls.items()}
    forward, both = (timed[name].median_ms if (ms := alone[name]) is None else ms for name in calls)
    return Row(blocks, forward, both)


def table(rows: list[Row], shown: int = 12) -> str:
    """The fastest choices, and the present one, in Markdown."""
    lines = [
        "| chunk | tile | channels | wide | registers | forward ms | forward+backward ms | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for number, row in enumerate(rows):
        own = row.blocks == triton_scan.BLOCKS
        if number >= shown and not own:
            continue
        sizes = " | ".join(str(value) for value in asdict(row.blocks).values())
        note = row.note or "in use" * own
        if row.forward_ms is None or row.both_ms is None:
            lines.append(f"| {sizes} | | | {note} |")
        else:
            lines.append(f"| {sizes} | {row.forward_ms:.3f} | {row.both_ms:.3f} | {note} |")
    return "\n".join(lines)
