"""Mixtures of Gaussians: data whose optimal velocity is known exactly and is not linear in x_t."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from zigma.common.numbers import is_whole
from zigma.optimum.checks import EPSILON, FloatArray, as_array, as_covariance, as_times
from zigma.optimum.velocity import Eigenbasis, as_states, like


class SampledMean(NamedTuple):
    """A mean over random draws, and its standard error; floats, or arrays of the times asked for."""

    value: Any
    standard_error: Any


class GaussianMixture:
    """x_1 ~ sum_k w_k N(mu_k, K_k).

    Given x_t, component k has the posterior weight r_k proportional to w_k N(x_t; t mu_k, S_k), with
    S_k = t^2 K_k + s^2 I and s = 1 - t, and E[v | x_t, k] = mu_k + (t K_k - s I) S_k^-1 (x_t - t mu_k). So
    E[v | x_t] = sum_k r_k E[v | x_t, k].

    Args:
        covariances: one (N, N) a component, as in `optimal_velocity`, separable pairs too.
        means: one (N,) a component; None for zero.
        weights: positive, in any unit; None for equal ones.

    Raises:
        ValueError: in one line, for covariances that are none, or numbers of components or values that differ.
    """

    def __init__(self, covariances: Sequence[Any], means: Any = None, weights: Any = None) -> None:
        if not isinstance(covariances, Sequence) and not hasattr(covariances, "ndim"):
            raise ValueError(f"covariances is a list with one (N, N) a component, not {covariances!r}")
        if not len(covariances):
            raise ValueError("a mixture needs at least one component")
        self.bases = [Eigenbasis(_matrices(covariance)) for covariance in covariances]
        self.size = self.bases[0].size
        if any(basis.size != self.size for basis in self.bases):
            raise ValueError(
                f"covariances of one size are needed, not of {[b.size for b in self.bases]} values"
            )
        shape = (len(self.bases), self.size)
        self.means = torch.from_numpy(np.zeros(shape) if means is None else _real(means, "means"))
        if tuple(self.means.shape) != shape or not bool(self.means.isfinite().all()):
            raise ValueError(f"means must be finite and of shape {shape}, not {tuple(self.means.shape)}")
        shares = np.ones(shape[0]) if weights is None else _real(weights, "weights")
        if shares.shape != shape[:1] or not (np.isfinite(shares).all() and (shares > 0).all()):
            raise ValueError(f"weights must be {shape[0]} positive numbers, not {weights!r}")
        self.weights = torch.from_numpy(shares / shares.sum())

    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """x_1, float64 (n, N)."""
        component = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        normal = torch.randn(n, self.size, dtype=torch.float64, generator=generator)
        samples = torch.empty_like(normal)
        for k, basis in enumerate(self.bases):
            rows = component == k
            samples[rows] = self.means[k] + basis.back(basis.values.sqrt() * normal[rows])
        return samples

    def optimal_velocity(self, x_t: Any, t: Any) -> Any:
        """E[v | x_t] in the shape, dtype and kind of x_t; arguments as in `zigma.optimum.optimal_velocity`."""
        x, times = as_states(x_t, t, self.size)
        responsibilities, velocities = self._posterior(x, times)
        return like((responsibilities[..., None] * velocities).sum(0), x_t)

    def expected_data(self, x_t: Any, t: Any) -> Any:
        """E[x_1 | x_t] = x_t + (1 - t) E[v | x_t], since x_t = x_1 - (1 - t) v."""
        x, times = as_states(x_t, t, self.size)
        responsibilities, velocities = self._posterior(x, times)
        return like(x + (1 - times) * (responsibilities[..., None] * velocities).sum(0), x_t)

    def least_loss(self, t: Any, *, samples: int = 4096, seed: int = 0) -> SampledMean:
        """The mean over values of min E (v_i - f_i)^2 with everything in sight, by drawing x_t.

        The variance of v given x_t is known in closed form, within components and between them, so that only x_t
        is drawn: sum_k r_k (tr Var(v | k) + |E[v | x_t, k] - E[v | x_t]|^2) / N.

        Args:
            t: a time in [0, 1] or an array of them. Each meets the same draws of data and noise.
        """
        if not is_whole(samples) or samples < 2:
            raise ValueError(f"a standard error needs a whole number of at least 2 samples, not {samples!r}")
        times = as_times(t)
        generator = torch.Generator().manual_seed(seed)
        data = self.sample(samples, generator)
        noise = torch.randn(data.shape, dtype=torch.float64, generator=generator)
        value, error = np.empty(times.size), np.empty(times.size)
        for place, moment in enumerate(times.ravel().tolist()):
            at = torch.full((samples, 1), moment, dtype=torch.float64)
            responsibilities, velocities = self._posterior(moment * data + (1 - moment) * noise, at)
            mean = (responsibilities[..., None] * velocities).sum(0)
            within = torch.stack([_variance(basis.values, moment) for basis in self.bases])
            between = (velocities - mean).square().mean(-1)
            left = (responsibilities * (within[:, None] + between)).sum(0)
            value[place], error[place] = float(left.mean()), float(left.std()) / math.sqrt(samples)
        if times.ndim == 0:
            return SampledMean(float(value[0]), float(error[0]))
        return SampledMean(value.reshape(times.shape), error.reshape(times.shape))

    def _posterior(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Responsibilities (K, B) and each component's velocity (K, B, N) at x (B, N), t (B, 1)."""
        scores, velocities = [], []
        for k, basis in enumerate(self.bases):
            values, mean, s = basis.values.to(x.device), self.means[k].to(x.device), 1 - t
            centred = basis.into(x - t * mean)
            # At t = 1 a singular component has no density; what the rounding lets by stands for its thickness.
            thinnest = EPSILON * self.size * max(float(values.max()), 1.0)
            variance = (t**2 * values + s**2).clamp_min(thinnest)
            ratio = torch.where(t == 1, 1.0, (t * values - s) / variance)
            velocities.append(mean + basis.back(ratio * centred))
            density = -0.5 * (variance.log() + centred.square() / variance).sum(-1)
            scores.append(self.weights[k].log() + density)
        return torch.stack(scores).softmax(0), torch.stack(velocities)


def _matrices(covariance: Any) -> list[Any]:
    parts = covariance if isinstance(covariance, tuple) else (covariance,)
    return [as_covariance(part) for part in parts]


def _real(values: Any, name: str) -> FloatArray:
    array = as_array(values)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{name} must hold real numbers, not {array.dtype}")
    return array.astype(np.float64)


def _variance(eigenvalues: Tensor, t: float) -> Tensor:
    """The mean over values of Var(v | x_t) of one component."""
    if t == 1:
        return torch.ones((), dtype=torch.float64)
    return (eigenvalues / (t**2 * eigenvalues + (1 - t) ** 2)).mean()
