"""Checkpoints that are whole or not there: written beside, flushed to the disk, then renamed."""

import errno
import os
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from zigma.common.files import replacing
from zigma.common.words import first_line
from zigma.training.signals import signals_later


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replace `path` by `state` in one step; a kill at any moment leaves the old file or the new one.

    Raises:
        OSError: it cannot be written, such as to a full disk.
    """
    with replacing(path) as beside, beside.open("wb") as file:
        with signals_later():
            _write(state, file)
        file.flush()
        os.fsync(file.fileno())


def _write(state: dict[str, Any], file: BinaryIO) -> None:
    writer = _Writer(file)
    try:
        torch.save(state, cast(BinaryIO, writer))
    except RuntimeError as error:
        if writer.failure is None:
            raise
        raise writer.failure from error


class _Writer:
    """A file that keeps the system's error, in whose place torch raises `RuntimeError: unexpected pos`."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.file.write(data)
        except OSError as error:
            self.failure = error
            raise

    def flush(self) -> None:
        self.file.flush()


def checkpoint_step(path: Path) -> int:
    """After which step a checkpoint was written, without reading its tensors; 0 where there is none.

    Raises:
        BadCheckpoint: it is something else.
    """
    if not path.exists():
        return 0
    with refused(path):
        return int(torch.load(path, map_location="cpu", weights_only=True, mmap=True)["state"]["step"])


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
        # torch seeks before a short file's beginning
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        reason = first_line(error)
        if isinstance(error, pickle.UnpicklingError):  # torch's own words advise to execute it
            reason = "it is cut short, or holds more than tensors and plain values"
        advice = "move it away to begin the run again"
        raise BadCheckpoint(f"{path} is not a checkpoint of this run: {reason}; {advice}") from error
