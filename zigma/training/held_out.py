"""The loss on images the network has never seen: the one measure of a run that needs no feature extractor."""

from typing import Any

import torch
from torch import nn

from zigma.interpolant import interpolant_loss
from zigma.interpolant.config import InterpolantConfig
from zigma.models.config import ModelConfig
from zigma.training.conditioning import condition

DRAWS = 4  # (noise, time) pairs per image


@torch.no_grad()
def held_out_loss(
    model: nn.Module,
    model_config: ModelConfig,
    data: Any,
    interpolant: InterpolantConfig,
    *,
    batch_images: int,
) -> float:
    """Mean loss (Eq. 12 for the velocity) over every image of `data`, `DRAWS` times each.

    Noise and times are the same for every network and seed, and the times of one draw are spread evenly over
    [0, 1], so that two networks are compared on exactly the same questions.
    """
    device = next(model.parameters()).device
    total = 0.0
    for draw in range(DRAWS):
        generator = torch.Generator().manual_seed(draw)
        times = (torch.arange(len(data)) + torch.rand(len(data), generator=generator)) / len(data)
        times = times[torch.randperm(len(data), generator=generator)]
        for indices in torch.arange(len(data)).split(batch_images):
            batch = data.batch(indices.numpy())
            noise = torch.randn(batch.images.shape, generator=generator)
            y = condition(batch, model_config)
            images, noise, t = (x.to(device) for x in (batch.images, noise, times[indices]))
            loss = interpolant_loss(interpolant, model, images, noise, t, None if y is None else y.to(device))
            total += float(loss.sum())
    return total / (DRAWS * len(data))
