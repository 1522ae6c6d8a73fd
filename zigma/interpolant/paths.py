"""Paths from noise to data: the coefficients of x_t = alpha_t x_1 + sigma_t x_0, with x_1 data and x_0 noise.

Time runs from noise at t = 0 to data at t = 1, the direction of SiT and of the released networks; the paper's
Eq. 13 is the linear path with t -> 1 - t. Every path keeps x_0 at t = 0 (almost, for `vp`) and x_1 at t = 1.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from zigma.common.words import unknown
from zigma.interpolant.config import Path

VP_BETA_MIN, VP_BETA_MAX = 0.1, 20.0  # the variance-preserving schedule of Song et al. 2021, appendix C


class Coefficients(NamedTuple):
    """alpha_t and sigma_t with their time derivatives, each of the shape of t."""

    alpha: Tensor
    d_alpha: Tensor
    sigma: Tensor
    d_sigma: Tensor


def linear(t: Tensor) -> Coefficients:
    """Straight lines at constant speed (Eq. 13)."""
    one = torch.ones_like(t)
    return Coefficients(t, one, 1 - t, -one)


def gvp(t: Tensor) -> Coefficients:
    """Generalised variance-preserving: alpha^2 + sigma^2 = 1 at constant angular speed."""
    angle, speed = t * (math.pi / 2), math.pi / 2
    return Coefficients(angle.sin(), speed * angle.cos(), angle.cos(), -speed * angle.sin())


def vp(t: Tensor) -> Coefficients:
    """Variance-preserving diffusion: its rate beta falls linearly from 20 at the noise to 0.1 at the data."""
    s = 1 - t  # the time of the diffusion, which runs from data to noise
    beta = VP_BETA_MIN + s * (VP_BETA_MAX - VP_BETA_MIN)
    log_alpha = -0.25 * s**2 * (VP_BETA_MAX - VP_BETA_MIN) - 0.5 * s * VP_BETA_MIN
    alpha = log_alpha.exp()
    sigma = (-torch.expm1(2 * log_alpha)).sqrt()  # sqrt(1 - alpha^2) without cancellation near the data
    d_alpha = 0.5 * beta * alpha
    return Coefficients(alpha, d_alpha, sigma, -alpha * d_alpha / sigma)


PATHS: dict[Path, Callable[[Tensor], Coefficients]] = {"linear": linear, "gvp": gvp, "vp": vp}


def coefficients(path: Path, t: Tensor, like: Tensor) -> Coefficients:
    """The coefficients at times t (B,), shaped (B, 1, ..., 1) so that they multiply `like` (B, ...).

    In the dtype of `like`, float32 at least: half a byte of mantissa cannot tell t = 0.999 from the data.
    """
    if t.shape != like.shape[:1]:
        raise ValueError(
            f"each of the {len(like)} samples must have one time, and t is of shape {tuple(t.shape)}"
        )
    if path not in PATHS:
        raise unknown("path", path, list(PATHS))
    dtype = torch.promote_types(like.dtype, torch.float32)
    return PATHS[path](t.to(dtype).view(-1, *[1] * (like.dim() - 1)))


def half_diffusion(c: Coefficients) -> Tensor:
    """g = sigma (alpha' sigma - alpha sigma') / alpha, for which v = (alpha' / alpha) x + g s (Eq. 10).

    It is half the squared diffusion coefficient of the SDE whose marginals the path has (for `vp`, beta / 2),
    and infinite where alpha_t = 0.
    """
    return c.sigma * (c.d_alpha * c.sigma - c.alpha * c.d_sigma) / c.alpha
