"""Covariances, times, orders and sights as they are given, checked and brought to one form. No torch is imported."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from zigma.scans.order import refuse_masked

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

EPSILON = float(np.finfo(np.float64).eps)
PRECISION_OF_16_BITS = 2.0**-10  # of float16; bfloat16's is coarser
SMALLEST_OF_16_BITS = 2.0**-24  # of float16; bfloat16's is smaller
ROUNDINGS = 4  # of an entry, that its two values may differ by


def as_array(values: Any) -> npt.NDArray[Any]:
    """An array, list or torch tensor (on any device, with or without a gradient) as a NumPy array."""
    if hasattr(values, "detach"):  # a tensor; torch itself need not be imported to know it
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):  # which NumPy does not have
            values = values.float()
    refuse_masked(values, "an array")
    return np.asarray(values)


def as_covariance(covariance: Any, name: str = "covariance") -> FloatArray:
    """`covariance` as a symmetric float64 matrix (N, N).

    The rounding of a type below float64 may leave eigenvalues well below 0, by which losses would be negative: such a K
    is replaced by the nearest one without them. A K without them, or of float64, keeps every bit.

    Raises:
        ValueError: it is not square, finite, symmetric and positive semi-definite, within the rounding of its dtype.
    """
    given = as_array(covariance)
    if given.ndim != 2 or given.shape[0] != given.shape[1] or not len(given):
        raise ValueError(f"{name} must be a square matrix (N, N), not of shape {given.shape}")
    if not (np.issubdtype(given.dtype, np.floating) or np.issubdtype(given.dtype, np.integer)):
        raise ValueError(f"{name} must hold real numbers, not {given.dtype}")
    matrix = given.astype(np.float64)
    if not np.isfinite(matrix).all():
        raise ValueError(f"{name} must be finite, and holds {int((~np.isfinite(matrix)).sum())} NaN or inf")
    precision = _precision(covariance, given)
    between_pairs, below_zero = _tolerances(matrix, precision)
    asymmetry = np.abs(matrix - matrix.T)
    if (asymmetry > between_pairs).any():
        raise ValueError(
            f"{name} must be symmetric: K[i, j] and K[j, i] differ by up to {asymmetry.max():.3g}"
        )
    matrix = (matrix + matrix.T) / 2
    try:  # a factor is ten times faster than eigenvalues, which are for the message and the edge
        np.linalg.cholesky(matrix + below_zero * np.eye(len(matrix)))
    except np.linalg.LinAlgError:
        smallest = float(np.linalg.eigvalsh(matrix)[0])
        if smallest < -below_zero:
            raise ValueError(
                f"{name} must be positive semi-definite: its smallest eigenvalue is {smallest:.3g}, not 0 or more"
            ) from None
    return _without_negative(matrix) if precision > EPSILON else matrix


def _without_negative(matrix: FloatArray) -> FloatArray:
    """The nearest positive semi-definite matrix; one whose eigenvalues are not below 0, beyond rounding, itself."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= -len(matrix) * EPSILON * values[-1]:
        return matrix
    nearest = (vectors * np.maximum(values, 0)) @ vectors.T
    return np.asarray((nearest + nearest.T) / 2)


def _tolerances(matrix: FloatArray, precision: float) -> tuple[FloatArray | float, float]:
    """How far K[i, j] and K[j, i] may lie apart, and how far below 0 the smallest eigenvalue may lie.

    Of the wider types there is room for the rounding of whatever computed K. Of the types of 16 bits that would be room
    for matrices that are no covariance: there it is the rounding of entries alone. That moves each by at most half of
    `precision` times itself, and eigenvalues by no more than the largest sum of a row of such moves.
    """
    if precision < PRECISION_OF_16_BITS:
        tolerance = 100 * precision * float(np.abs(matrix).max())
        return tolerance, tolerance * len(matrix)
    sizes = np.abs(matrix)
    steps = SMALLEST_OF_16_BITS  # the least distance of numbers near 0, where it is no longer relative
    pairs = ROUNDINGS * (precision * np.maximum(sizes, sizes.T) + steps)
    return pairs, float((precision * sizes + steps).sum(1).max())


def _precision(values: Any, array: npt.NDArray[Any]) -> float:
    """The distance from 1 to the next number of the type in which values were given."""
    if "bfloat16" in str(getattr(values, "dtype", "")):
        return float(2.0**-7)
    return float(np.finfo(array.dtype if np.issubdtype(array.dtype, np.floating) else np.float64).eps)


def as_times(t: Any) -> FloatArray:
    """Times of any shape as float64. Raises ValueError for one outside [0, 1], NaN or no number."""
    times = as_array(t)
    if not (np.issubdtype(times.dtype, np.floating) or np.issubdtype(times.dtype, np.integer)):
        raise ValueError(f"t must be a number, or numbers, between 0 and 1, not {times.dtype}")
    times = times.astype(np.float64)
    outside = times[~((times >= 0) & (times <= 1))]
    if outside.size:
        raise ValueError(f"t must lie in [0, 1], 0 is noise and 1 is data, not {outside[0]:g}")
    return times


def as_order(order: Any, tokens: int) -> IntArray:
    """`order` as int64 (L,). Raises ValueError where it is no permutation of the tokens."""
    indices = as_array(order)
    if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(
            f"order must be one row of whole numbers, not {indices.dtype} of shape {indices.shape}"
        )
    if len(indices) != tokens:
        raise ValueError(f"order must visit each of the {tokens} tokens once, and has {len(indices)} entries")
    if not np.array_equal(np.sort(indices), np.arange(tokens)):
        raise ValueError(f"order must be a permutation of 0..{tokens - 1}: it visits some token twice")
    return indices.astype(np.int64)


def as_sight(seen: Any, tokens: int) -> BoolArray:
    """`seen` (L, L): row i holds what the output at token i may look at. Whole numbers 0 and 1 are taken too."""
    matrix = as_array(seen)
    if matrix.shape != (tokens, tokens):
        raise ValueError(
            f"seen must be a boolean matrix ({tokens}, {tokens}), one row a token, not {matrix.shape}"
        )
    if matrix.dtype == np.bool_:
        return matrix
    if not np.issubdtype(matrix.dtype, np.integer) or ((matrix != 0) & (matrix != 1)).any():
        raise ValueError(f"seen must be boolean, not {matrix.dtype}")
    return matrix.astype(bool)


def as_tokens(token_of: Any, values: int) -> tuple[IntArray, int]:
    """The token (N,) that each value belongs to, and the number of tokens; None makes a token of each value."""
    if token_of is None:
        return np.arange(values), values
    tokens = as_array(token_of)
    if tokens.shape != (values,) or not np.issubdtype(tokens.dtype, np.integer):
        raise ValueError(
            f"token_of must give the token of each of the {values} values, not {tokens.dtype} of shape {tokens.shape}"
        )
    count = int(tokens.max()) + 1
    if tokens.min() < 0 or len(np.unique(tokens)) != count:
        raise ValueError(f"token_of must name the tokens 0..{count - 1}, each with at least one value")
    return tokens.astype(np.int64), count
