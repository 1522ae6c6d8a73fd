"""Images of noise."""

import torch


def noise_images(n, *shape, seed=0):
    return torch.randint(
        0, 256, (n, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )
