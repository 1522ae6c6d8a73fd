"""Extractors whose weights are published by others: Inception (FID, KID), DINOv2 (FDD) and I3D (FVD)."""

import pickle
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from zigma.metrics.dinov2 import dinov2_from_state_dict

INCEPTION_RESIZE = "bilinear to 299x299 as TensorFlow 1, by torch-fidelity"
DINOV2_RESIZE = "antialiased bicubic to 224x224 by Pillow, as dgm-eval"
I3D_RESIZE = "by the TorchScript file itself"

DINOV2_SIDE = 224
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def inception(path: Path) -> nn.Module:
    """torch-fidelity's Inception with the weights of a file of its format."""
    _state_dict(path)  # refuses a pickle that would run code before torch-fidelity opens it
    try:
        return FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=path
        )
    except RuntimeError as error:
        raise ValueError(f"{path} does not hold torch-fidelity's Inception weights") from error


def inception_features(network: nn.Module, images: Tensor) -> Tensor:
    """uint8 (N, 1 or 3, H, W) to the pooled features (N, 2048)."""
    features: Tensor = network(_coloured(images))[0]
    return features


def dinov2(path: Path) -> nn.Module:
    """DINOv2 with the weights of a published file."""
    return dinov2_from_state_dict(_state_dict(path)).requires_grad_(False).eval()


def dinov2_features(network: nn.Module, images: Tensor) -> Tensor:
    """uint8 (N, 1 or 3, H, W) to the features of the class token (N, D)."""
    size = (DINOV2_SIDE, DINOV2_SIDE)
    pixels = _coloured(images).permute(0, 2, 3, 1).cpu().numpy()
    resized = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in pixels]
    x = torch.from_numpy(np.stack(resized)).to(images.device).permute(0, 3, 1, 2) / 255
    mean, std = (torch.tensor(v, device=x.device).view(3, 1, 1) for v in (IMAGENET_MEAN, IMAGENET_STD))
    features: Tensor = network((x - mean) / std)
    return features


def i3d(path: Path) -> nn.Module:
    """The TorchScript network of the customary FVD evaluation."""
    try:
        network: nn.Module = torch.jit.load(str(path), map_location="cpu")
    except RuntimeError as error:
        raise ValueError(f"{path} is not a TorchScript file") from error
    return network.eval()


def i3d_features(network: nn.Module, videos: Tensor) -> Tensor:
    """uint8 (N, T, 1 or 3, H, W), T at least 9, to features (N, 400).

    The file rescales 0..255 to -1..1 and resizes to 224x224 itself when asked, as here.
    """
    if videos.shape[1] < 9:
        raise ValueError(f"I3D needs videos of at least 9 frames, not {videos.shape[1]}")
    x = _coloured(videos).transpose(1, 2).to(torch.float32)  # (N, C, T, H, W)
    features: Tensor = network(x, rescale=True, resize=True, return_features=True)
    return features


def _coloured(images: Tensor) -> Tensor:
    """(..., 1 or 3, H, W) to (..., 3, H, W)."""
    return images.expand(*images.shape[:-3], 3, *images.shape[-2:])


def _state_dict(path: Path) -> dict[str, Tensor]:
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"{path} is not a file of PyTorch weights") from error
    if not isinstance(state, dict):
        raise ValueError(f"{path} holds a {type(state).__name__}, not a state dict")
    return state
