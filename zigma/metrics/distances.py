"""Distances between two sets of features, by torch-fidelity's own routines.

Legend: n images, d features.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

from zigma.common.numbers import is_whole

KID_SUBSETS = 100
KID_SUBSET_SIZE = 1000  # the customary one; fewer images make smaller subsets
LARGEST = 1e50  # of a feature: the cubes of products that the kernel distance takes still fit a double
KID_SEED = 2020  # torch-fidelity's default, so that the same features give its number


def frechet_distance(*, generated: ArrayLike | Tensor, real: ArrayLike | Tensor) -> float:
    """Frechet distance between Gaussians fitted to two sets of features (Heusel et al. 2017).

    |mu_g - mu_r|^2 + tr(S_g + S_r - 2 (S_g S_r)^(1/2)), with unbiased covariances, in float64. The estimate
    is biased upwards by an amount that depends on n, so that only values of equal n compare.

    Args:
        generated, real: features (n, d) and (m, d), n and m at least 2.

    Raises:
        ValueError: wrong shapes, too few samples, or values that are not finite.
    """
    generated, real = paired(generated, real)
    statistics = [fid_features_to_statistics(features) for features in (generated, real)]
    for fitted in statistics:
        fitted["sigma"] = np.atleast_2d(fitted["sigma"])  # NumPy's covariance of one dimension is a scalar
    distance: float = fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID]
    return max(distance, 0.0)  # rounding can leave equal sets at -1e-7


def frechet_distance_to_gaussian(*, generated: ArrayLike | Tensor, root: ArrayLike) -> float:
    """Frechet distance between the Gaussian fitted to samples and N(0, R R^T), which is known.

    |mu|^2 + tr(S) + tr(K) - 2 tr((R^T S R)^(1/2)), as `frechet_distance` with an unbiased S; biased upwards as that is.
    The last trace is the sum of singular values of the centred samples times R, over sqrt(n - 1).

    Args:
        generated: samples (n, d), n at least 2.
        root: R (d, d), such as a Cholesky factor of the covariance K.

    Raises:
        ValueError: wrong shapes, too few samples, or values that are not finite.
    """
    samples, matrix = _checked("generated", generated).numpy(), np.asarray(root)
    if matrix.dtype.kind not in "fiu" or not (np.abs(matrix) < LARGEST).all():
        raise ValueError(f"the root of a covariance is of finite real numbers below {LARGEST:g}")
    matrix = matrix.astype(np.float64)
    if matrix.shape != (samples.shape[1],) * 2:
        raise ValueError(
            f"the root of a covariance of {samples.shape[1]} values must be square, not {matrix.shape}"
        )
    mean = samples.mean(axis=0)
    centred = (samples - mean) / np.sqrt(len(samples) - 1)
    product = centred @ matrix  # (n, d)
    smaller = product @ product.T if len(product) < matrix.shape[0] else product.T @ product
    shared = np.sqrt(np.linalg.eigvalsh(smaller).clip(0)).sum()
    distance = mean @ mean + np.square(centred).sum() + np.square(matrix).sum() - 2 * shared
    return max(float(distance), 0.0)


class KernelDistance(NamedTuple):
    """Mean and standard deviation over the subsets of a KID estimate."""

    mean: float
    std: float
    subsets: int
    subset_size: int


def kid(*, generated: ArrayLike | Tensor, real: ArrayLike | Tensor, **options: int) -> float:
    """Kernel inception distance (Binkowski et al. 2018) of any features: the mean of `kernel_distance`."""
    return kernel_distance(generated=generated, real=real, **options).mean


def kernel_distance(
    *,
    generated: ArrayLike | Tensor,
    real: ArrayLike | Tensor,
    subsets: int = KID_SUBSETS,
    subset_size: int | None = None,
    seed: int = KID_SEED,
) -> KernelDistance:
    """Squared maximum mean discrepancy under the kernel (x.y / d + 1)^3, over random subsets of equal size.

    Unbiased, and therefore sometimes slightly negative.

    Args:
        generated, real: features (n, d) and (m, d).
        subset_size: by default 1000, or all of the smaller set where that has fewer.

    Raises:
        ValueError: wrong shapes, fewer samples than a subset needs, values that are not finite, or numbers of
            subsets or a seed that are none.
    """
    generated, real = paired(generated, real)
    smaller = min(len(generated), len(real))
    size = min(KID_SUBSET_SIZE, smaller) if subset_size is None else subset_size
    if not (is_whole(size) and 2 <= size <= smaller and is_whole(subsets) and subsets >= 1):
        raise ValueError(
            f"KID of {len(generated)} generated and {len(real)} real samples needs a whole subset_size between 2 and "
            f"{smaller} and at least one subset, not subset_size={size!r} and subsets={subsets!r}"
        )
    if not (is_whole(seed) and 0 <= seed < 2**32):
        raise ValueError(f"the seed of KID is a whole number from 0 to 2^32 - 1, not {seed!r}")
    result = kid_features_to_metric(
        generated, real, kid_subsets=subsets, kid_subset_size=size, rng_seed=seed, verbose=False
    )
    return KernelDistance(result[KEY_METRIC_KID_MEAN], result[KEY_METRIC_KID_STD], subsets, size)


def paired(generated: ArrayLike | Tensor, real: ArrayLike | Tensor) -> tuple[Tensor, Tensor]:
    """Both sets as float64 tensors on the CPU, (n, d) and (m, d).

    Raises:
        ValueError: wrong shapes, fewer than 2 samples, or values that are not finite real numbers.
    """
    a, b = _checked("generated", generated), _checked("real", real)
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"generated features have {a.shape[1]} dimensions and real ones {b.shape[1]}: both must have the same"
        )
    return a, b


def _checked(side: str, features: ArrayLike | Tensor) -> Tensor:
    tensor = _doubles(side, features)
    if tensor.dim() != 2 or tensor.shape[1] == 0:
        raise ValueError(f"{side} features must be (n, d), not of shape {tuple(tensor.shape)}")
    if len(tensor) < 2:
        raise ValueError(f"{side} has {len(tensor)} samples; a distance needs at least 2")
    broken = int((~tensor.isfinite()).any(1).sum())
    if broken:
        raise ValueError(f"{broken} of {len(tensor)} {side} feature vectors are not finite")
    largest = float(tensor.abs().max())
    if largest > LARGEST:
        raise ValueError(
            f"{side} features reach {largest:.0e}: beyond {LARGEST:.0e} their distances overflow"
        )
    return tensor


def _doubles(side: str, features: ArrayLike | Tensor) -> Tensor:
    """Features of any real type, device and layout as a float64 tensor on the CPU."""
    kind: object = getattr(features, "dtype", type(features).__name__)
    try:
        if isinstance(features, Tensor):
            if not features.is_complex():
                return features.detach().to_dense().to("cpu", torch.float64)
        else:
            array = np.asarray(features)
            kind = array.dtype
            if kind.kind in "fiub":
                return torch.from_numpy(np.array(array, np.float64))  # a copy, in this machine's byte order
    except (ValueError, RuntimeError) as error:  # rows of unequal length, a tensor without data
        raise ValueError(f"{side} features cannot be read as (n, d) real numbers: {error}") from error
    raise ValueError(f"{side} features must be real numbers, not {kind}")
