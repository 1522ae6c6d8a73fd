"""The training losses of section 3.3."""

from collections.abc import Callable

import torch
from torch import Tensor

from zigma.interpolant.config import InterpolantConfig
from zigma.interpolant.interval import time_interval
from zigma.interpolant.paths import coefficients, half_diffusion


def interpolant_loss(
    config: InterpolantConfig,
    model: Callable[..., Tensor],
    data: Tensor,
    noise: Tensor,
    t: Tensor,
    y: Tensor | None = None,
) -> Tensor:
    """Loss of each sample of a batch, averaged over its values.

    With x_t = alpha_t x_1 + sigma_t x_0 it is

        velocity  |v(x_t, t) - alpha'_t x_1 - sigma'_t x_0|^2   (Eq. 12)
        score     |sigma_t s(x_t, t) + x_0|^2                   (Eq. 11)
        noise     |e(x_t, t) - x_0|^2

    the last two times (g_t / sigma_t)^2 under the `velocity` weight, which makes them equal to the first, or
    times g_t / sigma_t^2 under the `likelihood` weight, with g_t of `half_diffusion`.

    Args:
        model: called as model(x_t, t) or, with a condition, model(x_t, t, y); returns the shape of x_t.
        data: x_1, (B, ...). noise: x_0, standard normal, the same shape.
        t: (B,) in [0, 1], 0 is noise. Times outside `time_interval(config)` are moved to its ends. They are used,
            and given to the model, in float32 at least: rounded to bfloat16, the last times would be the data's.

    Returns:
        (B,), in float32 at least.

    Raises:
        ValueError: the shapes differ, data or noise are whole numbers, or a time is outside [0, 1].
    """
    if data.shape != noise.shape:
        raise ValueError(
            f"data and noise must have one shape, not {tuple(data.shape)} and {tuple(noise.shape)}"
        )
    if not (data.is_floating_point() and noise.is_floating_point()):
        raise ValueError(f"data and noise must be of floating point, not {data.dtype} and {noise.dtype}")
    # as a CUDA graph, which has no numbers yet
    recorded = t.is_cuda and torch.cuda.is_current_stream_capturing()
    if not recorded and not bool(((t >= 0) & (t <= 1)).all()):
        raise ValueError("times must lie in [0, 1], 0 is noise and 1 is data; some do not, or are NaN")
    t = t.to(torch.promote_types(t.dtype, torch.float32)).clamp(*time_interval(config))
    c = coefficients(config.path, t, like=data)
    x_t = (c.alpha * data + c.sigma * noise).to(data.dtype)
    prediction = model(x_t, t) if y is None else model(x_t, t, y)
    if prediction.shape != x_t.shape:
        raise ValueError(f"the model returned {tuple(prediction.shape)} for x_t of {tuple(x_t.shape)}")
    # squares of bfloat16 are coarse
    prediction = prediction.to(torch.promote_types(prediction.dtype, torch.float32))
    if config.target == "velocity":
        error = prediction - c.d_alpha * data - c.d_sigma * noise  # Eq. 12
    elif config.target == "score":
        error = c.sigma * prediction + noise  # Eq. 11
    else:
        error = prediction - noise
    squared = error.square()
    if config.loss_weight == "velocity":
        squared = (half_diffusion(c) / c.sigma).square() * squared
    elif config.loss_weight == "likelihood":
        squared = half_diffusion(c) / c.sigma.square() * squared
    return squared.flatten(1).mean(1)
