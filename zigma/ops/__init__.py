"""The selective scan, its short convolution along any path, and the norm around them, by backend.

Shapes, channel-last throughout: u, delta, z and x (batch, L, D); B and C (batch, L, N); A (D, N);
order (L,) int64.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from zigma.ops import checks
from zigma.ops.backends import available_backends, backend_called, resolve_backend
from zigma.ops.operator import watched
from zigma.ops.reference import selective_scan as selective_scan_reference

__all__ = [
    "available_backends",
    "causal_conv1d",
    "resolve_backend",
    "rms_norm",
    "selective_scan",
    "selective_scan_reference",
]


def selective_scan(
    u: Tensor,
    delta: Tensor,
    A: Tensor,
    B: Tensor,
    C: Tensor,
    D: Tensor | None = None,
    z: Tensor | None = None,
    delta_bias: Tensor | None = None,
    delta_softplus: bool = False,
    order: Tensor | None = None,
    backend: str | None = None,
    delta_weight: Tensor | None = None,
) -> Tensor:
    """Scan tokens with the selective state-space model of Mamba (arXiv 2312.00752, Algorithm 2).

    With the tokens taken in the given order, delta' = softplus(delta + delta_bias) and h_0 = 0:

        h_t = exp(delta'_t A) h_{t-1} + delta'_t u_t B_t        y_t = (C_t h_t + D u_t) silu(z_t)

    Tokens are stored row-major whatever the order: the scan visits token `order[i]` at step i and y is put
    back at each token's place, so the result equals gather, scan, scatter. The state is float32 (float64 for
    float64 inputs).

    Args:
        u, delta: (batch, L, D). A: (D, N), negative for a decaying state. B, C: (batch, L, N).
        D: (D,) skip connection. z: (batch, L, D) gate. delta_bias: (D,).
        delta_softplus: whether delta goes through softplus.
        order: (L,) int64 permutation of the tokens; None is row-major.
        backend: a name from `available_backends()`; None is ZIGMA_SCAN_BACKEND or else the fastest present.
        delta_weight: (D, R). With it delta is (batch, L, R) and stands for delta W^T, as in Mamba's network. Where R
            is small, most of such a product's time goes into writing and reading it, which a backend may spare.

    Returns:
        y (batch, L, D) in the dtype of u, differentiable in every floating-point input.

    Raises:
        ValueError: shapes or dtypes do not fit, `order` is no permutation, the backend is unknown or missing.
    """
    checks.scan_shapes(u, delta, A, B, C, D, z, delta_bias, order, delta_weight)
    dtype = checks.widest(u, delta, A, B, C, D, z, delta_bias, delta_weight)
    chosen = backend_called(resolve_backend(backend, u.device, dtype))
    given = [A, B, C, D, z, delta_bias, delta_softplus, order]
    if delta_weight is not None:
        if (
            delta_weight.shape[1] <= chosen.most_rank and not watched()
        ):  # a count of operations sees the product
            given.append(delta_weight)
        else:
            wide = checks.widest(delta, delta_weight)
            delta = F.linear(delta.to(wide), delta_weight.to(wide))
    return chosen.selective_scan(u, delta, *given)


def causal_conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    silu: bool = False,
    order: Tensor | None = None,
    backend: str | None = None,
) -> Tensor:
    """Convolve each channel with its own K taps, causally along the order, then SiLU if asked.

        y_t = act(bias + sum_k weight[:, k] x_{t - (K - 1) + k})        x before the first step counts as zero

    Args:
        x: (batch, L, D). weight: (D, K). bias: (D,). order: (L,) int64 permutation, None is row-major.
        silu: whether to apply SiLU to the result. backend: as in `selective_scan`.

    Returns:
        y (batch, L, D) in the dtype of x, at each token's place.

    Raises:
        ValueError: shapes do not fit, `order` is no permutation, or the backend is unknown or missing.
    """
    checks.conv_shapes(x, weight, bias, order)
    chosen = backend_called(resolve_backend(backend, x.device, checks.widest(x, weight, bias)))
    return chosen.causal_conv1d(x, weight, bias, silu, order)


def rms_norm(
    x: Tensor,
    weight: Tensor,
    shift: Tensor | None = None,
    scale: Tensor | None = None,
    eps: float = 1e-5,
    backend: str | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Divide each token by its root mean square, and modulate the result where shift and scale are given.

        n_t = w x_t / sqrt(mean(x_t^2) + eps)        m_t = n_t (1 + scale) + shift

    Args:
        x: (batch, L, D). weight: (D,). shift, scale: (batch, D), both or neither.
        backend: as in `selective_scan`; those without a norm of their own take torch's.

    Returns:
        n and m (batch, L, D) in the dtype of x; m is None without shift and scale.

    Raises:
        ValueError: shapes do not fit, or the backend is unknown or missing.
    """
    checks.norm_shapes(x, weight, shift, scale)
    chosen = backend_called(resolve_backend(backend, x.device, checks.widest(x, weight, shift, scale)))
    if chosen.rms_norm is not None:
        return chosen.rms_norm(x, weight, shift, scale, eps)
    n = F.rms_norm(x, weight.shape, weight.to(x.dtype), eps)
    if shift is None or scale is None:
        return n, None
    return n, torch.addcmul(shift.unsqueeze(1), n, 1 + scale.unsqueeze(1)).to(x.dtype)
