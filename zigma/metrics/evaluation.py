"""From images, or from saved features, to numbers that carry their protocol."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from torch import Tensor

from zigma.common.words import unknown
from zigma.metrics.config import MetricName
from zigma.metrics.distances import frechet_distance, kernel_distance, paired
from zigma.metrics.extractors.load import Extractor, load_extractor
from zigma.metrics.extrapolation import GROUPS, POINTS, fd_infinity
from zigma.metrics.features import Features, Unit, extract_features
from zigma.metrics.neighbours import NEAREST, prdc

# Names that compare with the literature belong to the literature's extractors alone.
_FRECHET = {"inception": "fid", "dinov2": "fdd", "i3d": "fvd"}
_KERNEL = {"inception": "kid"}


def evaluate_images(
    generated: Tensor | Iterable[Tensor],
    real: Tensor | Iterable[Tensor],
    *,
    extractor: str | Extractor,
    reference: str,
    metrics: Iterable[MetricName] = ("frechet", "kernel"),
    n_generated: int | None = None,
    n_real: int | None = None,
) -> list[dict[str, Any]]:
    """Every metric between two sets of images.

    Args:
        generated, real: uint8 (N, C, H, W), or (N, T, C, H, W) for a video extractor; one tensor or an
            iterable of batches.
        extractor: one that `load_extractor` made, or its name.
        reference: where the real images come from, such as "held-out".
        metrics: of "frechet", "kernel", "prdc", "infinity".
        n_generated, n_real: exactly how many images to take; by default all.

    Returns:
        One dict per number: name, value, n_generated, n_real, extractor, extractor_identity, resize,
        reference, and `settings` where the metric has some.

    Raises:
        ValueError: bad images, too few of them, or features that are not finite.
    """
    return _evaluate("images", generated, real, extractor, reference, metrics, n_generated, n_real)


def evaluate_videos(
    generated: Tensor | Iterable[Tensor],
    real: Tensor | Iterable[Tensor],
    *,
    extractor: str | Extractor,
    reference: str,
    metrics: Iterable[MetricName] = ("frechet", "kernel"),
    n_generated: int | None = None,
    n_real: int | None = None,
) -> list[dict[str, Any]]:
    """Every metric between two sets of videos, uint8 (N, T, C, H, W).

    A video extractor sees videos (`fvd`). An image extractor sees every frame of the n videos as an image; its
    numbers are named `frame_...` (`frame_fid`), and their n_generated and n_real count frames. Otherwise as
    `evaluate_images`, n counting videos.
    """
    return _evaluate("frames", generated, real, extractor, reference, metrics, n_generated, n_real)


def _evaluate(
    unit: Unit,
    generated: Tensor | Iterable[Tensor],
    real: Tensor | Iterable[Tensor],
    extractor: str | Extractor,
    reference: str,
    metrics: Iterable[MetricName],
    n_generated: int | None,
    n_real: int | None,
) -> list[dict[str, Any]]:
    network = load_extractor(extractor) if isinstance(extractor, str) else extractor
    unit = "videos" if network.videos else unit
    return evaluate_features(
        extract_features(network, generated, source="generated", n=n_generated, unit=unit),
        extract_features(network, real, source=reference, n=n_real, unit=unit),
        metrics=metrics,
    )


def evaluate_features(
    generated: Features, real: Features, *, metrics: Iterable[MetricName] = ("frechet", "kernel")
) -> list[dict[str, Any]]:
    """Every metric between two sets of features, as `evaluate_images` returns them.

    Raises:
        ValueError: the features are not of one extractor, weights and resize included, or of other things.
        FloatingPointError: a metric came out as no finite number, of features too large for its arithmetic.
    """
    for word in ("extractor", "identity", "resize", "unit"):
        a, b = getattr(generated, word), getattr(real, word)
        if a != b:
            raise ValueError(f"features of different protocols do not compare: {word} {a!r} and {b!r}")
    protocol = {
        "n_generated": len(generated.values),
        "n_real": len(real.values),
        "extractor": generated.extractor,
        "extractor_identity": generated.identity,
        "resize": generated.resize,
        "reference": real.source,
    }
    metrics = tuple(metrics)
    for metric in metrics:
        if metric not in get_args(MetricName):
            raise unknown("metric", metric, get_args(MetricName))
    rows = [row | protocol for metric in metrics for row in _MEASURES[metric](generated, real)]
    for row in rows:
        if not math.isfinite(row["value"]):  # no number: the run says that it failed, and with what
            raise FloatingPointError(f"{row['name']} is {row['value']}")
    if generated.unit == "frames":
        return [row | {"name": f"frame_{row['name']}"} for row in rows]
    return rows


def _frechet(generated: Features, real: Features) -> Iterator[dict[str, Any]]:
    name = _FRECHET.get(generated.extractor, f"fd_{generated.extractor}")
    if name == "fdd":
        value, routine = _dino_distance(generated.values, real.values)
        yield {"name": name, "value": value, "settings": {"routine": routine}}
    else:
        yield {"name": name, "value": frechet_distance(generated=generated.values, real=real.values)}


def _dino_distance(generated: Tensor, real: Tensor) -> tuple[float, str]:
    """FDD by dgm-eval where it is installed (it is on no package index), else by the equal routine here."""
    generated, real = paired(generated, real)
    try:
        from dgm_eval.metrics.fd import compute_efficient_FD_with_reps  # free of SciPy's deprecated options
    except ImportError:
        return frechet_distance(generated=generated, real=real), "torch-fidelity"
    return max(float(compute_efficient_FD_with_reps(real.numpy(), generated.numpy())), 0.0), "dgm-eval"


def _kernel(generated: Features, real: Features) -> Iterator[dict[str, Any]]:
    distance = kernel_distance(generated=generated.values, real=real.values)
    settings: dict[str, float] = {"subsets": distance.subsets, "subset_size": distance.subset_size}
    if distance.subset_size < max(len(generated.values), len(real.values)):
        settings["std"] = distance.std  # else all subsets are everything, and it is 0 and says nothing
    name = _KERNEL.get(generated.extractor, f"kid_{generated.extractor}")
    yield {"name": name, "value": distance.mean, "settings": settings}


def _prdc(generated: Features, real: Features) -> Iterator[dict[str, Any]]:
    for name, value in prdc(generated=generated.values, real=real.values).items():
        settings = {"nearest": NEAREST}
        yield {"name": f"{name}_{generated.extractor}", "value": value, "settings": settings}


def _infinity(generated: Features, real: Features) -> Iterator[dict[str, Any]]:
    result = fd_infinity(generated=generated.values, real=real.values)
    name = _FRECHET.get(generated.extractor, f"fd_{generated.extractor}")
    settings = {"points": POINTS, "groups": GROUPS}
    interval = {"low": result.low, "high": result.high, "confidence": result.confidence}
    yield {"name": f"{name}_infinity", "value": result.value, "settings": settings | interval}


_MEASURES = {"frechet": _frechet, "kernel": _kernel, "prdc": _prdc, "infinity": _infinity}
