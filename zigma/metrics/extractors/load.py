"""Every extractor under one interface.

Legend: N images, T frames, C channels, H and W height and width, d features.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from zigma.common.files import sha256_of
from zigma.common.plugged import EXTRACTORS, named, short
from zigma.metrics.config import check_extractor, is_own, label_of
from zigma.metrics.extractors import digits, dinov2, i3d, inception, lite0
from zigma.metrics.weights import WEIGHTS


@dataclass(frozen=True)
class Kind:
    """How an extractor is built and called."""

    resize: str
    build: Callable[[Path], nn.Module]
    features: Callable[[nn.Module, Tensor], Tensor]
    videos: bool = False
    batch_images: int = (
        64  # through the network at once on a CPU, where a block that leaves its caches is slow
    )


KINDS: dict[str, Kind] = {
    "digits": Kind(digits.RESIZE, digits.load_digits, digits.digits_features),
    "lite0": Kind(lite0.RESIZE, lite0.load_lite0, lite0.lite0_features, batch_images=16),
    "inception": Kind(inception.RESIZE, inception.load_inception, inception.inception_features),
    "dinov2": Kind(dinov2.RESIZE, dinov2.load_dinov2, dinov2.dinov2_features),
    "i3d": Kind(i3d.RESIZE, i3d.load_i3d, i3d.i3d_features, videos=True, batch_images=8),
}


@dataclass(frozen=True)
class Extractor:
    """A network with its identity: called on uint8 images it returns float32 features (N, d)."""

    name: str
    identity: str  # sha256 of the file of its weights
    resize: str
    network: nn.Module
    features: Callable[[nn.Module, Tensor], Tensor]
    videos: bool = False  # called on (N, T, C, H, W) instead of (N, C, H, W)
    batch_images: int = 64  # or videos: at once through the network

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        shape, dims = ("(N, T, C, H, W)", 5) if self.videos else ("(N, C, H, W)", 4)
        if images.dtype != torch.uint8 or images.dim() != dims or images.shape[-3] not in (1, 3):
            given = f"{images.dtype} {tuple(images.shape)}"
            raise ValueError(f"{self.name} takes uint8 {shape} with 1 or 3 channels, not {given}")
        device = next((each.device for each in self.network.parameters()), images.device)
        return self.features(self.network, images.to(device)).to(torch.float32)

    def to(self, device: torch.device | str) -> "Extractor":
        """The same extractor, its network moved to a device."""
        self.network.to(device)
        return self


def load_extractor(name: str, *, weights: str | os.PathLike[str] | None = None) -> Extractor:
    """An extractor by name, on the CPU: `digits`, `lite0`, `inception`, `dinov2` or, for videos, `i3d`.

    Or one of your own, `FILE.py:NAME` or an entry point of `zigma.extractors`: a function without arguments, or a
    class, that makes a torch module from uint8 (N, C, H, W) to features (N, d); from (N, T, C, H, W) where the module
    says `videos = True`. It is called `FILE.NAME` in results.

    Args:
        weights: its file of weights. By default the one that ships in a package (`digits`, `lite0`), or the published
            file where $ZIGMA_WEIGHTS or torch.hub's cache has it.

    Raises:
        ValueError: no such extractor, or a file that does not hold its weights.
        MissingWeights: its weights are not on this machine; says what to fetch and where to put it.
    """
    check_extractor(name)
    if is_own(name):
        return _own(name)
    kind, path = KINDS[name], WEIGHTS[name].find(weights)
    network = kind.build(path)
    return Extractor(
        name, sha256_of(path), kind.resize, network, kind.features, kind.videos, kind.batch_images
    )


def _own(name: str) -> Extractor:
    make = EXTRACTORS.load(name)
    try:
        network = make()
    except Exception as error:  # it may be anybody's
        raise ValueError(f"extractor {short(name)}: {named(error)}") from error
    if not isinstance(network, nn.Module):
        raise ValueError(
            f"extractor {short(name)} makes a {type(network).__name__}: it must make a torch module"
        )
    videos = bool(getattr(network, "videos", False))
    network.eval().requires_grad_(False)
    return Extractor(label_of(name), EXTRACTORS.identity(name), "its own", network, _own_features, videos)


def _own_features(network: nn.Module, images: Tensor) -> Tensor:
    features = network(images)
    if not isinstance(features, Tensor) or features.dim() != 2 or len(features) != len(images):
        given = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(
            f"an extractor gives features ({len(images)}, d) of {len(images)} images, not {given}"
        )
    if not features.is_floating_point():
        raise ValueError(f"an extractor gives features of real numbers, not {features.dtype}")
    return features
