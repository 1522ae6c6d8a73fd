"""Precision, recall, density and coverage: how two sets of features lie in each other's neighbourhoods."""

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from zigma.metrics.distances import paired

NEAREST = 5  # the authors' choice
CHUNK = 1000


def prdc(
    *, generated: ArrayLike | Tensor, real: ArrayLike | Tensor, nearest: int = NEAREST
) -> dict[str, float]:
    """Improved precision and recall (Kynkaanniemi et al. 2019), density and coverage (Naeem et al. 2020).

    With B_k(x) the open ball around x that reaches to its k-th nearest neighbour in its own set:

        precision  share of generated samples inside some real sample's ball
        recall     share of real samples inside some generated sample's ball
        density    mean number of real balls around a generated sample, over k
        coverage   share of real samples whose ball holds a generated sample

    Args:
        generated, real: features (n, d) and (m, d), both n and m larger than k.
        nearest: k.

    Raises:
        ValueError: wrong shapes, too few samples, or values that are not finite.
    """
    generated, real = paired(generated, real)
    if not 1 <= nearest < min(len(generated), len(real)):
        raise ValueError(
            f"k={nearest} nearest neighbours need k at least 1 and more than k samples on both sides, "
            f"not {len(generated)} generated and {len(real)} real"
        )
    across = _distances(real, generated)  # (m, n)
    in_real_ball = across < _radii(real, nearest).unsqueeze(1)
    in_generated_ball = across < _radii(generated, nearest).unsqueeze(0)
    return {
        "precision": float(in_real_ball.any(0).double().mean()),
        "recall": float(in_generated_ball.any(1).double().mean()),
        "density": float(in_real_ball.sum(0).double().mean() / nearest),
        "coverage": float(in_real_ball.any(1).double().mean()),
    }


def _radii(x: Tensor, nearest: int) -> Tensor:
    """Distance of each sample (n, d) to its k-th nearest other sample, (n,)."""
    return _distances(x, x).kthvalue(nearest + 1, dim=1).values  # the nearest of all is itself


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (n, m), from differences: the expanded square would lose those of near samples."""
    mode = "donot_use_mm_for_euclid_dist"
    return torch.cat([torch.cdist(chunk, b, compute_mode=mode) for chunk in a.split(CHUNK)])
