"""The processes of one run (`accelerate launch`, `torchrun`, `srun`) at work as one.

A run on several devices is several processes that all execute the same code. What is here lets one of them decide,
each do a share, and all hear of an error: a process that waits for one that has failed would wait for hours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list, gather_object

T = TypeVar("T")
DECIDING_VARIABLES = ("ACCELERATE_", "FSDP_", "MEGATRON_", "PARALLELISM_CONFIG_")  # prefixes of their names
DEVICE_VARIABLES = ("ACCELERATE_USE_CPU", "ACCELERATE_TORCH_DEVICE")
# others wait while the main process computes metrics; the default is 10 minutes
PATIENCE = timedelta(hours=12)


class OtherProcessFailed(RuntimeError):
    """Another process of this run raised; the message says which and what."""


def processes() -> PartialState:
    """Which of how many processes this is (`process_index`, `num_processes`), and its `device`.

    Raises:
        RuntimeError: the environment (WORLD_SIZE) says several, but they have not met.
    """
    expected = int(os.environ.get("WORLD_SIZE", "1"))
    with pinned_environment():
        # Without a GPU, accelerate joins processes only when told to use the CPU; each would else train alone.
        state = (
            PartialState(cpu=True, timeout=PATIENCE) if on_cpu(expected) else PartialState(timeout=PATIENCE)
        )
    if state.num_processes != expected:
        raise RuntimeError(f"WORLD_SIZE={expected}, but {state.num_processes} processes have met")
    return state


@contextmanager
def pinned_environment() -> Iterator[None]:
    """Hide the variables from which accelerate takes what decides numbers, however its arguments are set.

    `ACCELERATE_GRADIENT_ACCUMULATION_STEPS` divides the loss, others compile the network, shard it or change its
    precision: two runs of one identity would differ. Which device is used is no part of a run's identity.
    """
    hidden = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name.startswith(DECIDING_VARIABLES) and name not in DEVICE_VARIABLES
    }
    try:
        yield
    finally:
        os.environ.update(hidden)


def on_cpu(processes: int) -> bool:
    """Whether so many processes meet without a GPU."""
    return processes > 1 and not torch.cuda.is_available()


def shares(n: int, batch: int) -> list[range]:
    """The batches of 0..n-1 that fall to this process: over all processes, in order, exactly all n."""
    state, starts = processes(), range(0, n, batch)
    rank, world = state.process_index, state.num_processes
    own = starts[len(starts) * rank // world : len(starts) * (rank + 1) // world]
    return [range(start, min(start + batch, n)) for start in own]


def together(work: Callable[[], T]) -> list[T]:
    """Do `work` on every process at once; each gets the results of all, in the order of the processes.

    Raises:
        OtherProcessFailed: on every process but the one that failed, which raises its own error.
    """
    if processes().num_processes == 1:
        return [work()]
    result, error = _attempt(work)
    reports = gather_object([(result, _in_words(error))])
    return [_heard(result, words, error, rank) for rank, (result, words) in enumerate(reports)]


def from_main(work: Callable[[], T]) -> T:
    """Do `work` on the main process alone; every process gets its result.

    Raises:
        OtherProcessFailed: on the others when the main process fails, which raises its own error.
    """
    state = processes()
    if state.num_processes == 1:
        return work()
    result, error = _attempt(work) if state.is_main_process else (None, None)
    ((result, words),) = broadcast_object_list([(result, _in_words(error))])
    return _heard(result, words, error, 0)


def says_another_is_gone(error: Exception) -> bool:
    """Whether an error is a connection's to another process of this run, which alone can know what went wrong."""
    if processes().num_processes == 1:
        return False
    # gloo raises plain RuntimeErrors, which name the place in its source
    return isinstance(error, torch.distributed.DistError) or "/gloo/" in str(error)


def _attempt(work: Callable[[], T]) -> tuple[T | None, Exception | None]:
    try:
        return work(), None
    except Exception as error:
        return None, error


def _in_words(error: Exception | None) -> str | None:
    return None if error is None else f"{type(error).__name__}: {error}"  # errors themselves may not travel


def _heard(result: T | None, words: str | None, own: Exception | None, rank: int) -> T:
    if own is not None:
        raise own
    if words is not None:
        raise OtherProcessFailed(f"process {rank}: {words}")
    return result  # type: ignore[return-value]  # None only where T is
