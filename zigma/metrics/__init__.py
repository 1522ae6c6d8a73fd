"""Feature extractors and what is computed on their features: Frechet distance, KID, PRDC, FD-infinity.

Names are loaded on first use, so that `zigma.metrics.config` costs no torch.
"""

from typing import TYPE_CHECKING

from zigma.common.lazy import lazy

if TYPE_CHECKING:
    from zigma.metrics.distances import frechet_distance as frechet_distance
    from zigma.metrics.distances import frechet_distance_to_gaussian as frechet_distance_to_gaussian
    from zigma.metrics.distances import kid as kid
    from zigma.metrics.evaluation import evaluate_features as evaluate_features
    from zigma.metrics.evaluation import evaluate_images as evaluate_images
    from zigma.metrics.evaluation import evaluate_videos as evaluate_videos
    from zigma.metrics.extractors.load import Extractor as Extractor
    from zigma.metrics.extractors.load import load_extractor as load_extractor
    from zigma.metrics.extrapolation import fd_infinity as fd_infinity
    from zigma.metrics.features import FeatureCollector as FeatureCollector
    from zigma.metrics.features import Features as Features
    from zigma.metrics.features import extract_features as extract_features
    from zigma.metrics.identity import extractor_identity as extractor_identity
    from zigma.metrics.neighbours import prdc as prdc
    from zigma.metrics.weights import MissingWeights as MissingWeights

_HOME = {
    "Extractor": "extractors.load",
    "FeatureCollector": "features",
    "Features": "features",
    "MissingWeights": "weights",
    "evaluate_features": "evaluation",
    "evaluate_images": "evaluation",
    "evaluate_videos": "evaluation",
    "extract_features": "features",
    "extractor_identity": "identity",
    "fd_infinity": "extrapolation",
    "frechet_distance": "distances",
    "frechet_distance_to_gaussian": "distances",
    "kid": "distances",
    "load_extractor": "extractors.load",
    "prdc": "neighbours",
}
__all__ = list(_HOME)

__getattr__ = lazy(__name__, _HOME)
