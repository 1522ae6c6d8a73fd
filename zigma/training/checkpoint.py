"""Checkpoints that are whole or not there: written beside, flushed to the disk, then renamed."""

import os
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replace `path` by `state` in one step; a kill at any moment leaves the old file or the new one."""
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        with beside.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Tensors and plain values only: no pickled code is executed, whoever wrote the file."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state
