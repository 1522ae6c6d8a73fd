"""Precision, recall, density and coverage: how two sets of features lie in each other's neighbourhoods."""

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from zigma.metrics.distances import paired

NEAREST = 5  # the authors' choice
CHUNK = 1000
SPARE = 8  # neighbours looked at beyond the k-th, in case rounding puts them in another order
ROUNDING = (
    1e-12  # of a squared distance by a matrix product in float64, relative to the squares of the vectors
)


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
    centre = real.mean(0)  # distances do not change, and squares of small numbers lose less
    real, generated = real - centre, generated - centre
    real_radii, generated_radii = _radii(real, nearest), _radii(generated, nearest)
    precise = torch.zeros(len(generated), dtype=torch.bool)
    balls = torch.zeros(len(generated))  # real ones around each generated sample
    recalled, covered = [], []
    for samples, radii in zip(real.split(CHUNK), real_radii.split(CHUNK), strict=True):
        squares = _squares(samples, generated)  # (CHUNK, n): all m rows would not fit in memory
        in_real_ball = _inside(squares, radii.unsqueeze(1), samples, generated)
        precise |= in_real_ball.any(0)
        balls += in_real_ball.sum(0)
        covered.append(in_real_ball.any(1))
        recalled.append(_inside(squares, generated_radii.unsqueeze(0), samples, generated).any(1))
    return {
        "precision": float(precise.double().mean()),
        "recall": float(torch.cat(recalled).double().mean()),
        "density": float(balls.double().mean() / nearest),
        "coverage": float(torch.cat(covered).double().mean()),
    }


def _radii(x: Tensor, nearest: int) -> Tensor:
    """Distance of each sample (n, d) to its k-th nearest other sample, (n,)."""
    first = min(nearest + 1 + SPARE, len(x))  # the nearest of all is itself
    longest = x.square().sum(1).max()
    radii = []
    for rows in x.split(CHUNK):
        near = _squares(rows, x).topk(first, dim=1, largest=False)
        exact = torch.stack([_distances(rows, x[near.indices[:, i]]) for i in range(first)], dim=1)
        radius = exact.kthvalue(nearest + 1, dim=1).values
        # where the farthest of these is as near as rounding can tell, one that was left out may be nearer
        slack = 2 * ROUNDING * (rows.square().sum(1) + longest)
        doubtful = near.values[:, -1] - slack <= radius.square()
        for row in doubtful.nonzero().flatten() if first < len(x) else ():
            radius[row] = _distances(rows[row].expand_as(x), x).kthvalue(nearest + 1).values
        radii.append(radius)
    return torch.cat(radii)


def _inside(squares: Tensor, radii: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Which distances between rows of a (n, d) and b (m, d) are below the radii, (n, m).

    `squares` decides wherever rounding cannot: those that are nearly equal to the radius are computed from the
    differences.
    """
    limits = radii.square()
    inside = squares < limits
    scale = a.square().sum(1, keepdim=True) + b.square().sum(1) + limits
    for close in ((squares - limits).abs() <= ROUNDING * scale).nonzero().split(CHUNK):
        rows, columns = close.T
        inside[rows, columns] = _distances(a[rows], b[columns]) < radii.expand_as(squares)[rows, columns]
    return inside


def _squares(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances (n, m) by one matrix product, to `ROUNDING` of the vectors' own squares."""
    return torch.addmm(a.square().sum(1, keepdim=True) + b.square().sum(1), a, b.T, alpha=-2)


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (n,) of rows of a and b (n, d) of the same number, from differences."""
    return (a - b).square().sum(1).sqrt()
