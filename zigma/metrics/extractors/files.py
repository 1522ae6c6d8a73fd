"""What several extractors need: three channels, and weights out of a file without running code."""

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
    except OSError:  # it is not there, or may not be read
        raise
    except Exception as error:  # the words of a web page, read as a pickle, fail in any way
        raise ValueError(f"{path} is not a file of PyTorch weights") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a state dict")
    for name, value in state.items():
        if not (isinstance(name, str) and isinstance(value, Tensor)):
            raise ValueError(
                f"{path} is no state dict: it holds a {type(value).__name__} under {str(name)[:60]!r}"
            )
    return state
