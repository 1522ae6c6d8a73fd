"""Precision, recall, density and coverage: how two sets of features lie in each other's neighbourhoods."""

from __future__ import annotations

from typing import NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from zigma.common.numbers import is_whole
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
    if not is_whole(nearest) or not 1 <= nearest < min(len(generated), len(real)):
        raise ValueError(
            f"k={nearest!r} nearest neighbours need a whole k of at least 1 and more than k samples on both sides, "
            f"not {len(generated)} generated and {len(real)} real"
        )
    centre = real.mean(0)
    sides = [_Samples(given, given - centre) for given in (generated, real)]
    generated_limits, real_limits = (_limits(side, nearest) for side in sides)
    precise = torch.zeros(len(generated), dtype=torch.bool)
    balls = torch.zeros(len(generated))  # real ones around each generated sample
    recalled, covered = [], []
    for chunk in torch.arange(len(real)).split(CHUNK):  # (CHUNK, n): all m rows would not fit in memory
        rows = sides[1].at(chunk)
        squares = _squares(rows, sides[0])
        in_real_ball = _inside(squares, real_limits[chunk].unsqueeze(1), rows, sides[0])
        precise |= in_real_ball.any(0)
        balls += in_real_ball.sum(0)
        covered.append(in_real_ball.any(1))
        recalled.append(_inside(squares, generated_limits.unsqueeze(0), rows, sides[0]).any(1))
    return {
        "precision": float(precise.double().mean()),
        "recall": float(torch.cat(recalled).double().mean()),
        "density": float(balls.double().mean() / nearest),
        "coverage": float(torch.cat(covered).double().mean()),
    }


class _Samples(NamedTuple):
    """One set of features, twice, both (n, d)."""

    given: Tensor  # decide: differences of whole numbers are exact, and two equal distances stay equal
    centred: Tensor  # search: the distances are the same, and squares of small numbers lose less

    def at(self, rows: Tensor) -> _Samples:
        return _Samples(self.given[rows], self.centred[rows])


def _limits(x: _Samples, nearest: int) -> Tensor:
    """Squared distance of each sample to its k-th nearest other sample, (n,)."""
    first = min(nearest + 1 + SPARE, len(x.given))  # the nearest of all is itself
    longest = x.centred.square().sum(1).max()
    limits = []
    for chunk in torch.arange(len(x.given)).split(CHUNK):
        rows = x.at(chunk)
        near = _squares(rows, x).topk(first, dim=1, largest=False)
        exact = torch.stack([_exact(rows.given, x.given[near.indices[:, i]]) for i in range(first)], dim=1)
        limit = exact.kthvalue(nearest + 1, dim=1).values
        # where the farthest of these is as near as rounding can tell, one that was left out may be nearer
        slack = 2 * ROUNDING * (rows.centred.square().sum(1) + longest)
        doubtful = near.values[:, -1] - slack <= limit
        for row in doubtful.nonzero().flatten() if first < len(x.given) else ():
            limit[row] = _exact(rows.given[row].expand_as(x.given), x.given).kthvalue(nearest + 1).values
        limits.append(limit)
    return torch.cat(limits)


def _inside(squares: Tensor, limits: Tensor, a: _Samples, b: _Samples) -> Tensor:
    """Which squared distances between a (n, d) and b (m, d) are below the limits, (n, m).

    `squares` decides wherever rounding cannot: those that are nearly equal to the limit are computed from the
    differences.
    """
    inside = squares < limits
    scale = a.centred.square().sum(1, keepdim=True) + b.centred.square().sum(1) + limits
    for close in ((squares - limits).abs() <= ROUNDING * scale).nonzero().split(CHUNK):
        rows, columns = close.T
        inside[rows, columns] = (
            _exact(a.given[rows], b.given[columns]) < limits.expand_as(squares)[rows, columns]
        )
    return inside


def _squares(a: _Samples, b: _Samples) -> Tensor:
    """Squared Euclidean distances (n, m) by one matrix product, to `ROUNDING` of the vectors' own squares."""
    x, y = a.centred, b.centred
    return torch.addmm(x.square().sum(1, keepdim=True) + y.square().sum(1), x, y.T, alpha=-2)


def _exact(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances (n,) of rows of a and b (n, d) of the same number, from differences.

    Without a root, which gives one number for two unequal squares that lie close together.
    """
    return (a - b).square().sum(1)
