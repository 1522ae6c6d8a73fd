"""The loss on images the network has never seen: the one measure of a run that needs no feature extractor."""

from typing import Any

import torch
from torch import nn

from zigma.interpolant import interpolant_loss
from zigma.interpolant.config import InterpolantConfig
from zigma.interpolant.interval import spread_times
from zigma.models.config import ModelConfig
from zigma.training.conditioning import condition
from zigma.training.config import HELD_OUT_DRAWS
from zigma.training.processes import shares, together


@torch.no_grad()
def held_out_loss(
    model: nn.Module,
    model_config: ModelConfig,
    data: Any,
    interpolant: InterpolantConfig,
    *,
    batch_images: int,
    n: int | None = None,
) -> float:
    """Mean loss (Eq. 12 for the velocity) over the first `n` images of `data` (all by default), each several times.

    Noise and times are the same for every network and seed, and the times of one draw are spread evenly over
    [0, 1], so that two networks are compared on exactly the same questions. Several processes share the images.
    """
    device = next(model.parameters()).device
    n = len(data) if n is None else n
    shape = data.batch([0]).images.shape[1:]
    own = {share.start for share in shares(n, batch_images)}

    def ask() -> float:
        total = 0.0
        for draw in range(HELD_OUT_DRAWS):
            generator = torch.Generator().manual_seed(draw)
            times = spread_times(n, generator)
            for indices in torch.arange(n).split(batch_images):
                noise = torch.randn((len(indices), *shape), generator=generator)
                if int(indices[0]) not in own:
                    continue
                batch = data.batch(indices.numpy())
                y = condition(batch, model_config)
                images, noise, t = (x.to(device) for x in (batch.images, noise, times[indices]))
                loss = interpolant_loss(
                    interpolant, model, images, noise, t, None if y is None else y.to(device)
                )
                total += float(loss.sum())
        return total

    return sum(together(ask)) / (HELD_OUT_DRAWS * n)
