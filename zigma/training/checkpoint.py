"""Checkpoints that are whole or not there: written beside, flushed to the disk, then renamed."""

import errno
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from zigma.training.signals import signals_later


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replace `path` by `state` in one step; a kill at any moment leaves the old file or the new one."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            with signals_later():
                torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


class BadCheckpoint(ValueError):
    """A file that is no checkpoint, or one of another run; the message names it and says why."""


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Tensors and plain values only: no pickled code is executed, whoever wrote the file.

    Raises:
        BadCheckpoint: it is something else.
    """
    with refused(path):
        state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(f"it holds a {type(state).__name__}")
    return state


@contextmanager
def refused(path: Path) -> Iterator[None]:
    """Whatever goes wrong while a checkpoint is read or put in place is the file's fault, and said in a line."""
    try:
        yield
    except (MemoryError, BadCheckpoint):
        raise
    except Exception as error:  # torch raises whatever the file makes it raise
        if (
            isinstance(error, OSError) and error.errno != errno.EINVAL
        ):  # torch seeks before a short file's beginning
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        if isinstance(error, pickle.UnpicklingError):  # torch's own words advise to execute it
            reason = "it is cut short, or holds more than tensors and plain values"
        advice = "move it away to begin the run again"
        raise BadCheckpoint(f"{path} is not a checkpoint of this run: {reason}; {advice}") from error
