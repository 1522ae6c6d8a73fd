"""Least losses for any sight: rows with one sight share a factor, and so do sights that lie in each other.

The output at a token may look at any set of tokens. Sets that form a chain, each inside the next, are leading blocks
of one matrix in the order in which the chain grows, and one Cholesky factor serves them all.
"""

from __future__ import annotations

import numpy as np

from zigma.optimum.checks import BoolArray, FloatArray, IntArray
from zigma.optimum.spectrum import eigen, noisy_factor, seen_part, told_part

EIGEN_COST = 30  # an eigendecomposition takes about as long as so many Cholesky factors with their solves


def nested_losses(matrix: FloatArray, times: FloatArray, sight: BoolArray) -> FloatArray:
    """Mean losses (T,) where the output at value i sees the values of row i of `sight` (N, N)."""
    sets, which = np.unique(sight, axis=0, return_inverse=True)
    which = which.ravel()
    total = np.zeros(len(times))
    for chain in chains(sets):
        rows = [np.flatnonzero(which == number) for number in chain]
        total += _chain_losses(matrix, times, sets[chain], rows)
    return total / len(matrix)


def chains(sets: BoolArray) -> list[IntArray]:
    """Rows of `sets` (U, N) parted into chains of growing sets, greedily, from the smallest set on."""
    numbers = sets.astype(np.float32)
    outside = numbers @ (1 - numbers).T  # how many of row a's tokens row b lacks
    parts: list[list[int]] = []
    for row in np.argsort(sets.sum(1), kind="stable"):
        for part in parts:
            if outside[part[-1], row] == 0:
                part.append(int(row))
                break
        else:
            parts.append([int(row)])
    return [np.array(part) for part in parts]


def _chain_losses(matrix: FloatArray, times: FloatArray, sets: BoolArray, rows: list[IntArray]) -> FloatArray:
    """Summed losses (T,) of the rows that see each set of one chain."""
    sizes = sets.sum(1)
    by_eigen = EIGEN_COST * float((sizes.astype(float) ** 3).sum())
    if by_eigen > len(times) * float(sizes[-1]) ** 3:
        return _by_factor(matrix, times, sets, rows)
    return _by_eigen(matrix, times, sets, rows)


def _by_factor(matrix: FloatArray, times: FloatArray, sets: BoolArray, rows: list[IntArray]) -> FloatArray:
    """K_ii + 1 - C_iJ S_JJ^-1 C_Ji by one Cholesky factor a time for all sets of the chain."""
    from scipy.linalg import solve_triangular

    grown = np.argsort(~sets[-1] * len(sets) + (~sets).sum(0), kind="stable")[: sets[-1].sum()]
    asked = np.concatenate(rows)
    until = np.repeat(sets.sum(1), [len(part) for part in rows])
    inside, across = matrix[np.ix_(grown, grown)], matrix[np.ix_(grown, asked)]
    same = (grown[:, None] == asked).astype(np.float64)
    counted = np.arange(len(grown))[:, None] < until
    total = np.empty(len(times))
    for moment, t in enumerate(times):
        factor = noisy_factor(inside, t)
        if factor is None:
            total[moment] = _by_eigen(matrix, times[moment : moment + 1], sets, rows)[0]
            continue
        told = solve_triangular(factor, t * across - (1 - t) * same, lower=True, check_finite=False)
        total[moment] = (matrix[asked, asked] + 1).sum() - (np.square(told) * counted).sum()
    return total


def _by_eigen(matrix: FloatArray, times: FloatArray, sets: BoolArray, rows: list[IntArray]) -> FloatArray:
    """All times at once, also where K or the noise is singular."""
    total = np.zeros(len(times))
    for seen, asked in zip(sets, rows, strict=True):
        members = np.flatnonzero(seen)
        values, vectors = eigen(matrix[np.ix_(members, members)])
        own = seen[asked]
        weights = np.square(vectors[np.searchsorted(members, asked[own])]).sum(0)
        total += seen_part(values, times) @ weights
        others = asked[~own]
        told = np.square(vectors.T @ matrix[np.ix_(members, others)]).sum(1)
        total += (matrix[others, others] + 1).sum() - told_part(values, times) @ told
    return total
