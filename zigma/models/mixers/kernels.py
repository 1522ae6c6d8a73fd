"""The recurrences of `recurrences` by flash-linear-attention's kernels, on a GPU where that library is installed.

Shapes are as there. The library has none for the mLSTM. Its scale is given as one, since queries come scaled; under
autocast products are of half precision and states float32, as in its own layers.
"""

import math
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

Kernel = Callable[..., Any]


@cache
def kernels() -> dict[str, Kernel] | None:
    """The library's functions by name; None, and one warning, where it cannot be imported."""
    try:
        from fla.ops.gated_delta_rule import chunk_gated_delta_rule
        from fla.ops.gla import chunk_gla
        from fla.ops.rwkv6 import chunk_rwkv6
        from fla.ops.simple_gla import chunk_simple_gla
    except ImportError as error:
        warnings.warn(
            f"recurrences run in torch, which is slower: {error}; install flash-linear-attention for its kernels",
            stacklevel=2,
        )
        return None
    functions = (chunk_gated_delta_rule, chunk_gla, chunk_rwkv6, chunk_simple_gla)
    return {function.__name__: function for function in functions}


def usable(q: Tensor) -> bool:
    """Whether to call them: not in double precision, nor where a trace counts operations, which kernels hide."""
    return q.is_cuda and q.dtype != torch.float64 and not torch.jit.is_tracing() and kernels() is not None


def decayed_attention(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, bonus: Tensor | None) -> Tensor:
    """A kernel for decays of each key, one for those of a head as a whole, one for a bonus."""
    if bonus is not None:
        return _called("chunk_rwkv6", q, k, v, bounded(log_decay).expand_as(k).contiguous(), bonus.float())
    if log_decay.shape[-1] == 1 < k.shape[-1]:
        return _called("chunk_simple_gla", q, k, v, bounded(log_decay).squeeze(-1))
    return _called("chunk_gla", q, k, v, bounded(log_decay))


def gated_delta_rule(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor) -> Tensor:
    return _called(
        "chunk_gated_delta_rule", q, k, v, bounded(log_decay).squeeze(-1), beta.float().squeeze(-1)
    )


def bounded(log_decay: Tensor) -> Tensor:
    """In float32, and finite: a decay below the smallest number leaves nothing, and inf - inf is no number."""
    return log_decay.float().clamp(min=math.log(torch.finfo(torch.float32).tiny))


def _called(name: str, q: Tensor, k: Tensor, v: Tensor, *gates: Tensor) -> Tensor:
    """Output (B, L, H, V) in the dtype of v."""
    functions = kernels()
    assert functions is not None, "whoever calls has asked `usable`"
    device = v.device.type
    half = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else v.dtype
    q, k, values = (x.to(half).contiguous() for x in (q, k, v))
    output, _ = functions[name](q, k, values, *gates, scale=1.0)
    return output.to(v.dtype)
