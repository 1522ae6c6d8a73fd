"""I3D as FVD uses it, from the customary TorchScript file."""

from pathlib import Path

import torch
from torch import Tensor, nn

from zigma.metrics.config import FEWEST_FRAMES
from zigma.metrics.extractors.files import coloured

RESIZE = "by the TorchScript file itself"
OPTIONS = {"rescale", "resize", "return_features"}


def load_i3d(path: Path) -> nn.Module:
    """The TorchScript network of the customary FVD evaluation."""
    try:
        network: nn.Module = torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        raise ValueError(f"{path} is not a TorchScript file") from error
    schema = getattr(getattr(network, "forward", None), "schema", None)
    if schema is None or not {argument.name for argument in schema.arguments} >= OPTIONS:
        raise ValueError(f"{path} is not the I3D of FVD, which takes {', '.join(sorted(OPTIONS))}")
    return network.eval()


def i3d_features(network: nn.Module, videos: Tensor) -> Tensor:
    """uint8 (N, T, 1 or 3, H, W), T at least 9, to features (N, 400).

    The file rescales 0..255 to -1..1 and resizes to 224x224 itself when asked, as here.
    """
    if videos.shape[1] < FEWEST_FRAMES:
        raise ValueError(f"I3D needs videos of at least {FEWEST_FRAMES} frames, not {videos.shape[1]}")
    x = coloured(videos).transpose(1, 2).to(torch.float32)  # (N, C, T, H, W)
    features: Tensor = network(x, **dict.fromkeys(OPTIONS, True))
    if features.dim() != 2:
        raise ValueError(f"I3D gives features (N, 400), not {tuple(features.shape)}")
    return features
