"""The exact velocity E[v | x_t] of Gaussian data."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from zigma.optimum.checks import FloatArray, as_covariance, as_times
from zigma.optimum.spectrum import eigen

Covariance = Any  # (N, N), array or tensor; or a pair of them, of which it is the Kronecker product


def optimal_velocity(x_t: Any, t: Any, covariance: Covariance) -> Any:
    """E[v | x_t] = (t K - (1-t) I) (t^2 K + (1-t)^2 I)^-1 x_t for data N(0, K), v = x_1 - x_0.

    Args:
        x_t: (B, N), (B, C, H, W) or (B, T, C, H, W), tensor or array of any float dtype and memory layout. What
            follows B is read in row-major order: value c * H * W + h * W + w of an image.
        t: (B,) in [0, 1], or one number for all; 0 is noise, 1 is data.
        covariance: K (N, N) of those values; for channels it is (C*L, C*L), channel by channel. Or, where it is
            separable, the pair (K_channels (C, C), K_tokens (L, L)), whose Kronecker product it is. Singular ones
            are fine: at t = 1, x_t lies where the data lie and E[v | x_t] = x_t.

    Returns:
        the shape, dtype, device and kind (tensor or array) of x_t. Computed in float64.

    Raises:
        ValueError: in one line, for a shape that does not fit, a t outside [0, 1], or a covariance that is not
            symmetric and positive semi-definite.
    """
    return OptimalVelocity(covariance)(x_t, t)


class OptimalVelocity:
    """`optimal_velocity` for one covariance, which is taken apart once: `OptimalVelocity(K)(x_t, t)`."""

    def __init__(self, covariance: Covariance) -> None:
        names = ("covariance of channels", "covariance of tokens")
        if isinstance(covariance, tuple):
            if len(covariance) != 2:
                raise ValueError(
                    f"a separable covariance is a pair (channels, tokens), not {len(covariance)} of them"
                )
            matrices = [as_covariance(part, name) for part, name in zip(covariance, names, strict=True)]
        else:
            matrices = [as_covariance(covariance)]
        self.basis = Eigenbasis(matrices)

    def __call__(self, x_t: Any, t: Any) -> Any:
        """x_t (B, ...), t (B,) or one number; see `optimal_velocity`."""
        x, times = as_states(x_t, t, self.basis.size)
        s = 1 - times
        eigenvalues = self.basis.values.to(x.device)
        below = times**2 * eigenvalues + s**2
        ratio = (times * eigenvalues - s) / torch.where(below > 0, below, 1.0)
        ratio = torch.where(times == 1, 1.0, ratio)  # x_t = x_1, of which v keeps all, and x_0 is unseen
        return like(self.basis.back(ratio * self.basis.into(x)), x_t)


class Eigenbasis:
    """The eigenvectors of a covariance, or of a Kronecker product of two."""

    def __init__(self, matrices: list[FloatArray]) -> None:
        parts = [eigen(matrix) for matrix in matrices]
        self.vectors = [torch.from_numpy(vectors) for _, vectors in parts]
        values = torch.ones(1, dtype=torch.float64)
        for part, _ in parts:
            values = torch.outer(values, torch.from_numpy(part)).ravel()
        self.values, self.size = values, len(values)

    def into(self, x: Tensor) -> Tensor:
        """(B, N) in the coordinates of the eigenvectors."""
        return self._turned(x, [vectors.to(x.device) for vectors in self.vectors])

    def back(self, x: Tensor) -> Tensor:
        """(B, N) from there."""
        return self._turned(x, [vectors.T.to(x.device) for vectors in self.vectors])

    def _turned(self, x: Tensor, matrices: list[Tensor]) -> Tensor:
        if len(matrices) == 1:
            return x @ matrices[0]
        channels, tokens = matrices
        turned = channels.T @ x.reshape(len(x), len(channels), len(tokens)) @ tokens
        return turned.reshape(x.shape)


def as_states(x_t: Any, t: Any, size: int) -> tuple[Tensor, Tensor]:
    """x_t as float64 (B, N) and t as float64 (B, 1), on x_t's device."""
    x = x_t if isinstance(x_t, Tensor) else torch.from_numpy(_native(x_t).astype(np.float64))
    if x.is_complex() or x.dtype == torch.bool:
        raise ValueError(f"x_t must hold real numbers, not {x.dtype}")
    if x.dim() < 2 or x.shape[1:].numel() != size:
        raise ValueError(
            f"x_t must be (B, ...) with {size} values a sample, as many as the covariance has rows, not "
            f"{tuple(x.shape)}"
        )
    times = as_times(t)
    if times.ndim > 1 or times.size not in (1, len(x)):
        raise ValueError(
            f"t must be one time or one for each of the {len(x)} samples, not of shape {times.shape}"
        )
    moments = torch.from_numpy(times).to(x.device).reshape(-1, 1).expand(len(x), 1)
    return x.reshape(len(x), size).to(torch.float64), moments


def like(result: Tensor, x_t: Any) -> Any:
    """`result` (B, N) in the shape, dtype and kind of x_t."""
    if isinstance(x_t, Tensor):
        dtype = x_t.dtype if x_t.is_floating_point() else torch.get_default_dtype()
        return result.to(dtype).reshape(x_t.shape)
    given = _native(x_t)
    floating = np.issubdtype(given.dtype, np.floating)
    return result.numpy().astype(given.dtype if floating else np.float64).reshape(given.shape)


def _native(values: Any) -> npt.NDArray[Any]:
    """An array as torch takes it: neither backwards nor in another machine's byte order, and not the caller's own."""
    try:
        array = np.array(values, order="C")
    except ValueError:
        raise ValueError("x_t must be (B, ...), and holds rows of different lengths") from None
    if array.dtype.kind not in "iuf":
        raise ValueError(f"x_t must hold real numbers, not {array.dtype}")
    return array.astype(array.dtype.newbyteorder("="))
