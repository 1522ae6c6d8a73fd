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
    real_radii, generated_radii = _radii(real, nearest), _radii(generated, nearest)
    precise = torch.zeros(len(generated), dtype=torch.bool)
    balls = torch.zeros(len(generated))  # real ones around each generated sample
    recalled, covered = [], []
    for samples, radii in zip(real.split(CHUNK), real_radii.split(CHUNK), strict=True):
        across = _distances(samples, generated)  # (CHUNK, n): all m rows would not fit in memory
        in_real_ball = across < radii.unsqueeze(1)
        precise |= in_real_ball.any(0)
        balls += in_real_ball.sum(0)
        covered.append(in_real_ball.any(1))
        recalled.append((across < generated_radii.unsqueeze(0)).any(1))
    return {
        "precision": float(precise.double().mean()),
        "recall": float(torch.cat(recalled).double().mean()),
        "density": float(balls.double().mean() / nearest),
        "coverage": float(torch.cat(covered).double().mean()),
    }


def _radii(x: Tensor, nearest: int) -> Tensor:
    """Distance of each sample (n, d) to its k-th nearest other sample, (n,)."""
    # the nearest of all is itself
    return torch.cat([_distances(chunk, x).kthvalue(nearest + 1, dim=1).values for chunk in x.split(CHUNK)])


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (n, m), from differences: the expanded square would lose those of near samples."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
