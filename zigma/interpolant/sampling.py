"""Drawing samples from a trained network."""

from collections.abc import Callable

import torch
from torch import Tensor

from zigma.interpolant.config import InterpolantConfig, SamplingConfig
from zigma.interpolant.flow import Flow, Prediction
from zigma.interpolant.samplers import SAMPLERS


@torch.no_grad()
def sample(
    config: InterpolantConfig,
    sampling: SamplingConfig,
    model: Callable[..., Tensor],
    noise: Tensor,
    y: Tensor | None = None,
    generator: torch.Generator | None = None,
    *,
    null_y: Tensor | None = None,
) -> Tensor:
    """Carry noise to samples of the data.

    Args:
        config: the path and target that the network was trained with.
        model: called as model(x, t) or model(x, t, y), x (B, ...), t (B,) from 0 (noise) to 1 (data).
        noise: (B, ...), standard normal.
        y: condition, (B, ...) or None.
        generator: for the noise of the SDE samplers; None draws from the global one. A CPU generator gives
            the same noise on every device.
        null_y: what stands for "no condition" under guidance, broadcast to y; None calls model(x, t).

    Returns:
        (B, ...) of noise's shape, dtype and device.

    Raises:
        ValueError: guidance without a condition.
        FloatingPointError: a sample is not finite.
    """
    flow = Flow(config, sampling, guided(model, y, null_y, sampling.guidance))
    samples = SAMPLERS[sampling.sampler](flow, noise, generator)
    broken = int((~samples.isfinite()).flatten(1).any(1).sum())
    if broken:
        raise FloatingPointError(f"{broken} of {len(samples)} samples of {sampling.sampler} are not finite")
    return samples


def guided(
    model: Callable[..., Tensor], y: Tensor | None, null_y: Tensor | None, guidance: float
) -> Prediction:
    """Classifier-free guidance (Ho and Salimans 2022): null + guidance * (conditioned - null).

    Applied to the whole prediction. Velocity, score and noise are affine in each other, so that guiding one
    guides all. A guidance of 1 costs one evaluation.
    """
    if guidance == 1:
        return model if y is None else lambda x, t: model(x, t, y)
    if y is None:
        raise ValueError(f"guidance {guidance:g} needs a condition y; without one, guidance must be 1")
    if null_y is None:
        return lambda x, t: torch.lerp(model(x, t), model(x, t, y), guidance)
    both = torch.cat([null_y.to(y).expand_as(y), y])

    def predict(x: Tensor, t: Tensor) -> Tensor:
        without, conditioned = model(torch.cat([x, x]), torch.cat([t, t]), both).chunk(2)
        return torch.lerp(without, conditioned, guidance)

    return predict
