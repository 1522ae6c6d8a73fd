"""What several extractors need: three channels, and weights out of a file without running code."""

import pickle
from pathlib import Path

import torch
from torch import Tensor


def coloured(images: Tensor) -> Tensor:
    """(..., 1 or 3, H, W) to (..., 3, H, W)."""
    return images.expand(*images.shape[:-3], 3, *images.shape[-2:])


def state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a file that torch.save wrote.

    Raises:
        ValueError: it is no such file, or holds anything else; nothing in it is executed.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"{path} is not a file of PyTorch weights") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a state dict")
    return state
