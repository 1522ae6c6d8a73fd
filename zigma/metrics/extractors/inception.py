"""Inception v3 as FID and KID use it, by torch-fidelity, from its published file of weights."""

from pathlib import Path

from torch import Tensor, nn
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from zigma.metrics.extractors.files import coloured, state_dict

RESIZE = "bilinear to 299x299 as TensorFlow 1, by torch-fidelity"


def load_inception(path: Path) -> nn.Module:
    """torch-fidelity's Inception with the weights of a file of its format."""
    state_dict(path)  # refuses a pickle that would run code before torch-fidelity opens it
    try:
        return FeatureExtractorInceptionV3(
            "inception-v3-compat", ["2048"], feature_extractor_weights_path=path
        )
    except RuntimeError as error:
        raise ValueError(f"{path} does not hold torch-fidelity's Inception weights") from error


def inception_features(network: nn.Module, images: Tensor) -> Tensor:
    """uint8 (N, 1 or 3, H, W) to the pooled features (N, 2048)."""
    features: Tensor = network(coloured(images))[0]
    return features
