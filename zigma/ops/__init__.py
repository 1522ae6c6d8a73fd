"""The selective scan, its short convolution along any path, and the norm around them, by backend.

Shapes, channel-last throughout: u, delta, z and x (batch, L, D); B and C (batch, L, N); A (D, N); states (batch, D, N);
order (L,) or (batch, L) int64.
"""

from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from zigma.ops import checks
from zigma.ops.backends import available_backends, backend_called, resolve_backend
from zigma.ops.exact import without_autocast
from zigma.ops.operator import watched
from zigma.ops.order import checked_order

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
    order: Any = None,
    backend: str | None = None,
    delta_weight: Tensor | None = None,
    initial_state: Tensor | None = None,
    return_final_state: bool = False,
) -> Any:
    """Scan tokens with the selective state-space model of Mamba (arXiv 2312.00752, Algorithm 2).

    With the tokens taken in the given order and delta' = softplus(delta + delta_bias):

        h_t = exp(delta'_t A) h_{t-1} + delta'_t u_t B_t        y_t = (C_t h_t + D u_t) silu(z_t)

    Tokens are stored row-major whatever the order: the scan visits token `order[i]` at step i and y is put
    back at each token's place, so the result equals gather, scan, scatter. The state is float32 (float64 for
    float64 inputs), also under torch.autocast.

    Args:
        u, delta: (batch, L, D). A: (D, N), negative for a decaying state. B, C: (batch, L, N).
        D: (D,) skip connection. z: (batch, L, D) gate. delta_bias: (D,).
        delta_softplus: whether delta goes through softplus.
        order: a permutation of the tokens, (L,), or one for each sequence, (batch, L): a tensor of integers, an array,
            a list, or a `zigma.scans.ScanOrder` of one segment; None is row-major.
        backend: a name from `available_backends()`; None is ZIGMA_SCAN_BACKEND or else the fastest present.
        delta_weight: (D, R). With it delta is (batch, L, R) and stands for delta W^T, as in Mamba's network. Where R
            is small, most of such a product's time goes into writing and reading it, which a backend may spare. Under
            autocast a backend that does not spare it takes the product in autocast's precision, as mamba-ssm does.
        initial_state: (batch, D, N), h before the first step; None is zero.
        return_final_state: whether to return h after the last step as well: what goes on from there, given it as its
            initial state, computes the same as one longer scan.

    Returns:
        y (batch, L, D) in the dtype of u; with `return_final_state` y and the state (batch, D, N) in float32 or
        float64. Differentiable in every floating-point input; second derivatives take the reference's time.

    Raises:
        ValueError: shapes or dtypes do not fit, `order` is no permutation or has several segments, the backend is
            unknown, missing, or cannot do what is asked.
    """
    checks.scan_shapes(u, delta, A, B, C, D, z, delta_bias, delta_weight, initial_state)
    order = checked_order(order, u)
    dtype = checks.widest(u, delta, A, B, C, D, z, delta_bias, delta_weight, initial_state)
    chosen = backend_called(resolve_backend(backend, u.device, dtype))
    if initial_state is not None and not chosen.carries_state:
        raise ValueError(f"scan backend {chosen.name!r} takes no initial_state; take 'triton' or 'torch'")
    if u.numel() == 0 or A.shape[1] == 0:  # no sequence, token, channel or state: nothing for kernels to do
        chosen = backend_called(resolve_backend("reference", u.device, dtype))
    fused = delta_weight is not None and delta_weight.shape[1] <= chosen.most_rank
    if delta_weight is not None and (not fused or watched()):  # a count of operations is to see the product
        wide = checks.widest(delta, delta_weight)
        delta, delta_weight = F.linear(delta.to(wide), delta_weight.to(wide)), None
    with without_autocast(u.device):
        return chosen.selective_scan(
            u, delta, A, B, C, D, z, delta_bias, delta_softplus, order, delta_weight, initial_state,
            return_final_state,
        )  # fmt: skip


selective_scan_reference = partial(selective_scan, backend="reference")


def causal_conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    silu: bool = False,
    order: Any = None,
    backend: str | None = None,
) -> Tensor:
    """Convolve each channel with its own K taps, causally along the order, then SiLU if asked.

        y_t = act(bias + sum_k weight[:, k] x_{t - (K - 1) + k})        x before the first step counts as zero

    Args:
        x: (batch, L, D). weight: (D, K). bias: (D,).
        silu: whether to apply SiLU to the result. order, backend: as in `selective_scan`.

    Returns:
        y (batch, L, D) in the dtype of x, at each token's place.

    Raises:
        ValueError: shapes do not fit, `order` is no permutation or has several segments, or the backend is unknown or
            missing.
    """
    checks.conv_shapes(x, weight, bias)
    order = checked_order(order, x)
    name = resolve_backend(backend, x.device, checks.widest(x, weight, bias))
    if x.numel() == 0:
        name = resolve_backend("reference", x.device)
    y: Tensor = backend_called(name).causal_conv1d(x, weight, bias, silu, order)
    return y


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
    name = resolve_backend(backend, x.device, checks.widest(x, weight, shift, scale))
    if x.numel() == 0:
        name = resolve_backend("reference", x.device)
    results: tuple[Tensor, Tensor | None] = backend_called(name).rms_norm(x, weight, shift, scale, eps)
    return results
