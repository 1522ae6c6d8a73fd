"""Predictors and samplers that need no training by gradients: what a network has to beat before it is worth judging.

Both are exact for data of their own law, and fitted by counting. With E[x_1 | x_t] and E[x_0 | x_t] they give what a
network is asked for (zigma.interpolant.targets). Shapes: images (B, ...), N values each; t (B,).
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from zigma.interpolant import coefficients, convert
from zigma.interpolant.config import InterpolantConfig

LARGEST_COVARIANCE = 4096  # values of an image; beyond, its eigenvectors take minutes and gigabytes
LEVELS = 127.5  # steps from 0 to 1 of 8-bit images, which go from -1 to 1
MOST_LEVELS = 1024  # of a value; beyond, they are rounded to those of 8 bits
SMALLEST_SIGMA = 1e-4  # where x_t is the data, what is left of the noise is not asked for


class Baseline(nn.Module):
    """A predictor with the signature of a network, that ignores conditions."""

    name = ""

    def __init__(self, interpolant: InterpolantConfig) -> None:
        super().__init__()
        self.interpolant = interpolant
        self.place = nn.Parameter(torch.zeros(()), requires_grad=False)  # where it is: parameters say so

    def expected_noise(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """E[x_0 | x_t] of states (B, N) with coefficients (B, 1)."""
        raise NotImplementedError

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """Samples of its law, (n, N)."""
        raise NotImplementedError

    def forward(self, x: Tensor, t: Tensor, y: Tensor | None = None) -> Tensor:
        """What the interpolant asks a network for, at states x (B, ...)."""
        c = coefficients(self.interpolant.path, t, like=x)
        flat = x.flatten(1).double()
        alpha, sigma = (value.flatten(1).double() for value in (c.alpha, c.sigma))
        noise = self.expected_noise(flat, alpha, sigma.clamp_min(SMALLEST_SIGMA)).to(x.dtype).view_as(x)
        data = self.expected_data(flat, alpha, sigma.clamp_min(SMALLEST_SIGMA)).to(x.dtype).view_as(x)
        velocity = c.d_alpha * data + c.d_sigma * noise  # Eq. 8
        if self.interpolant.target == "velocity":
            return velocity.to(x.dtype)
        return convert(noise, x, t, path=self.interpolant.path, given="noise", to=self.interpolant.target)

    def expected_data(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """E[x_1 | x_t] of states (B, N)."""
        raise NotImplementedError


class IndependentValues(Baseline):
    """Every value by itself, with the distribution that it has in the training images.

    As a predictor it is the best one that sees one value alone; as a sampler it draws each value apart.
    """

    name = "independent pixels"

    def __init__(self, interpolant: InterpolantConfig, images: Tensor) -> None:
        super().__init__(interpolant)
        flat = images.flatten(1).double().cpu().numpy()
        levels = np.unique(flat)  # 256 at most, of 8-bit images
        if len(levels) > MOST_LEVELS:  # of images that were resized and not rounded
            flat = np.round((flat + 1) * LEVELS) / LEVELS - 1
            levels = np.unique(flat)
        self.levels = torch.from_numpy(levels)  # (K,)
        places = np.searchsorted(self.levels.numpy(), flat)
        counts = np.stack([np.bincount(column, minlength=len(self.levels)) for column in places.T])
        self.shares = torch.from_numpy(counts / len(flat))  # (N, K)

    def expected_data(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        parts = []
        log_shares = self.shares.log()
        for state, a, s in zip(x, alpha, sigma, strict=True):
            apart = (state[:, None] - a * self.levels) / s  # (N, K)
            weights = torch.softmax(log_shares - apart**2 / 2, dim=1)
            parts.append(weights @ self.levels)
        return torch.stack(parts)

    def expected_noise(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return (x - alpha * self.expected_data(x, alpha, sigma)) / sigma

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        drawn = torch.multinomial(self.shares, n, replacement=True, generator=generator)  # (N, n)
        return self.levels[drawn].T


class LinearGaussian(Baseline):
    """The training images' mean and covariance: the best linear predictor, which sees everything."""

    name = "linear Gaussian"

    def __init__(
        self,
        interpolant: InterpolantConfig,
        images: Tensor,
        token_of: Tensor | None = None,
        shrunk: bool = False,
    ) -> None:
        """With `token_of` (N,), only values of one token are seen together: the best linear one of one token.

        `shrunk` takes the covariance of Ledoit and Wolf (2004) in place of the images' own, which is sure of far too
        much where images are few: beyond their span it allows nothing.
        """
        super().__init__(interpolant)
        flat = images.flatten(1).double().cpu()
        self.mean = flat.mean(dim=0)
        covariance = _shrunk(flat) if shrunk else torch.cov(flat.T, correction=0)
        if token_of is not None:
            covariance = covariance * (token_of[:, None] == token_of)
            self.name = "one patch"
        eigenvalues, self.vectors = torch.linalg.eigh(covariance)
        self.variances = eigenvalues.clamp_min(0.0)

    def _along(self, x: Tensor, alpha: Tensor, sigma: Tensor, factor: Tensor) -> Tensor:
        turned = (x - alpha * self.mean) @ self.vectors
        return (turned * factor / (alpha**2 * self.variances + sigma**2)) @ self.vectors.T

    def expected_data(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return self.mean + self._along(x, alpha, sigma, alpha * self.variances)

    def expected_noise(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return self._along(x, alpha, sigma, sigma.expand(-1, len(self.variances)))

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        drawn = torch.randn(n, len(self.mean), generator=generator, dtype=torch.float64)
        return self.mean + (drawn * self.variances.sqrt()) @ self.vectors.T


def _shrunk(flat: Tensor) -> Tensor:
    from sklearn.covariance import ledoit_wolf

    return torch.from_numpy(ledoit_wolf(flat.numpy())[0])


def batches_of(baseline: Baseline, n: int, shape: tuple[int, ...], seed: int = 0) -> Iterator[Tensor]:
    """`n` samples in the range of images, batch by batch: (B, *shape)."""
    generator = torch.Generator().manual_seed(seed)
    most = max(1, 2**24 // math.prod(shape))
    for start in range(0, n, most):
        count = min(most, n - start)
        yield baseline.draw(count, generator).view(count, *shape).clamp(-1, 1).float()
