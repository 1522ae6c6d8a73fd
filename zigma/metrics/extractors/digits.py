"""A small extractor for handwritten digits, trained on their labels, whose weights ship with the package.

It stands in for Inception where nothing can be downloaded. Its distances are named `fd_digits` and
`kid_digits`, because they compare with no published FID or KID.
"""

import os
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY, register_feature_extractor

from zigma.metrics.weights import WEIGHTS

SIZE = 8  # the digits' own
RESIZE = "mean of the channels, antialiased bilinear to 8x8"
FEATURES = 64


class DigitsNetwork(nn.Module):
    """A convolutional classifier of digits: (N, 1, 8, 8) in [0, 1] to features (N, 64) and logits (N, 10)."""

    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(24, 32, 3, padding=1),
            nn.GELU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 48, 3, padding=1),
            nn.GELU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(48 * 2 * 2, FEATURES),
            nn.GELU(),
        )
        self.head = nn.Linear(FEATURES, 10)
        self.register_buffer("scale", torch.ones(()))  # gives the training digits features of mean square 1

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.trunk(x)
        return self.scale * features, self.head(features)


def to_input(images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) of any size to float (N, 1, 8, 8) in [0, 1]."""
    grey = images.to(torch.float32).mean(1, keepdim=True) / 255
    if grey.shape[-2:] == (SIZE, SIZE):
        return grey
    return F.interpolate(grey, (SIZE, SIZE), mode="bilinear", align_corners=False, antialias=True)


class DigitsExtractor(FeatureExtractorBase):
    """The network in torch-fidelity's terms: its `calculate_metrics(feature_extractor="digits")` works."""

    def __init__(
        self,
        name: str,
        features_list: list[str],
        feature_extractor_weights_path: str | os.PathLike[str] | None = None,
        **_: Any,
    ) -> None:
        super().__init__(name, features_list)
        self.network = DigitsNetwork()
        self.network.load_state_dict(load_file(WEIGHTS["digits"].find(feature_extractor_weights_path)))
        self.requires_grad_(False).eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        features, logits = self.network(to_input(images))
        named = {"64": features, "logits": logits}
        return tuple(named[name] for name in self.features_list)

    @staticmethod
    def get_provided_features_list() -> tuple[str, ...]:
        return ("64", "logits")

    @staticmethod
    def get_default_feature_layer_for_metric(metric: str) -> str:
        return "logits" if metric == "isc" else "64"

    @staticmethod
    def can_be_compiled() -> bool:
        return True

    @staticmethod
    def get_dummy_input_for_compile() -> Tensor:
        return torch.zeros((1, 3, SIZE, SIZE), dtype=torch.uint8)


def load_digits(path: Path) -> nn.Module:
    """The extractor with the weights of a file."""
    try:
        return DigitsExtractor("digits", ["64"], feature_extractor_weights_path=path)
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path} does not hold the weights of the digits extractor") from error


def digits_features(network: nn.Module, images: Tensor) -> Tensor:
    """uint8 (N, C, H, W) to features (N, 64)."""
    features: Tensor = network(images)[0]
    return features


if "digits" not in FEATURE_EXTRACTORS_REGISTRY:
    register_feature_extractor("digits", DigitsExtractor)
