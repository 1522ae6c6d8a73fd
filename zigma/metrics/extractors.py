"""Networks whose features the metrics compare, under one interface.

Legend: N images, T frames, C channels, H and W height and width, d features.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor, nn

from zigma.metrics.config import ExtractorName, check_name
from zigma.metrics.digits import RESIZE, WEIGHTS, DigitsExtractor
from zigma.metrics.weights import sha256


@dataclass(frozen=True)
class Extractor:
    """A network with its identity: called on uint8 images it returns float32 features (N, d)."""

    name: str
    identity: str  # sha256 of the file of its weights
    resize: str
    network: nn.Module
    features: Callable[[nn.Module, Tensor], Tensor]
    videos: bool = False  # called on (N, T, C, H, W) instead of (N, C, H, W)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        shape, dims = ("(N, T, C, H, W)", 5) if self.videos else ("(N, C, H, W)", 4)
        if images.dtype != torch.uint8 or images.dim() != dims or images.shape[-3] not in (1, 3):
            raise ValueError(
                f"{self.name} takes uint8 {shape} with 1 or 3 channels, not {images.dtype} {tuple(images.shape)}"
            )
        return self.features(self.network, images.to(_device(self.network))).to(torch.float32)

    def to(self, device: torch.device | str) -> "Extractor":
        """The same extractor, its network moved to a device."""
        self.network.to(device)
        return self


def load_extractor(name: str, *, weights: str | os.PathLike[str] | None = None) -> Extractor:
    """An extractor by name, on the CPU.

    Args:
        name: `digits`.
        weights: its file of weights, where it does not ship with the package.

    Raises:
        ValueError: no such extractor.
        MissingWeights: its weights are not on this machine; says what to fetch and where to put it.
    """
    check_name("extractor", name, get_args(ExtractorName))
    return _LOADERS[name](weights)


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _load_digits(weights: str | os.PathLike[str] | None) -> Extractor:
    network = DigitsExtractor("digits", ["64"], feature_extractor_weights_path=weights)
    return Extractor("digits", sha256(weights or WEIGHTS), RESIZE, network, lambda net, x: net(x)[0])


_LOADERS: dict[str, Any] = {"digits": _load_digits}
