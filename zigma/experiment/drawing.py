"""Samples of a trained network as pixels: the same ones whoever draws them, in however many processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from zigma.data import Autoencoder, Dataset, autoencoder_folder, autoencoder_identity, to_uint8
from zigma.data.dataset import Split
from zigma.data.shards.sources import encoded_by, shards_root
from zigma.experiment.config import RunConfig
from zigma.experiment.estimate import batch_of
from zigma.interpolant import sample
from zigma.training import condition, null_condition
from zigma.training.graphs import graphed
from zigma.training.processes import shares
from zigma.training.randomness import derived_seed

TELL_EVERY_S = 1.0
SHOWN_SIGMAS = 3  # standard deviations of a field from black to grey, and from there to white

ToPixels = Callable[[Tensor], Tensor]


def pixels_of(config: RunConfig, device: torch.device) -> ToPixels:
    """What makes uint8 pixels of samples: rounding, or for latents their autoencoder (and its factor 0.18215).

    Raises:
        ValueError: the autoencoder is not on this machine, or is another than the one that made the latents.
    """
    if config.data.view == "pixels":
        return lambda samples: as_pixels(config, samples.cpu())
    made_by, here = encoded_by(shards_root(config.data)), autoencoder_identity()
    if made_by not in (None, here):
        raise ValueError(
            f"the latents were made by an autoencoder with hash {made_by}, and {autoencoder_folder()} has {here}"
        )
    return Autoencoder(autoencoder_folder(), str(device)).decode


def as_pixels(config: RunConfig, images: Tensor) -> Tensor:
    """uint8 pixels of images in [-1, 1]; of fields, which have unit variance, what lies within `SHOWN_SIGMAS`."""
    return to_uint8(images if config.data.field is None else images / SHOWN_SIGMAS)


def real_data(config: RunConfig, data: Dataset) -> Dataset:
    """The run's data seen as pixels: what samples are compared with."""
    if config.data.view == "pixels":
        return data
    from zigma.data import load_data

    return load_data(config.data.replace(view="pixels"))


def fixed(part: Split) -> Split:
    """A part of the data as metrics are taken against it: no caption and no frames are drawn anew."""
    from zigma.data.shards.split import ShardSplit

    return part.fixed() if isinstance(part, ShardSplit) else part


def draw(
    config: RunConfig, model: nn.Module, data: Dataset, n: int, pixels: ToPixels, tell: Callable[[str], None]
) -> Iterator[Tensor]:
    """This process's share of the first `n` samples of the run's seed, in their order, batch by batch as uint8.

    Arms of one seed share noise and conditions; the conditions are those of the held-out images in their order.

    Raises:
        FloatingPointError: the sampler gave a value that is not finite.
    """
    device, batch = next(model.parameters()).device, batch_of(config.model)
    generator = torch.Generator().manual_seed(derived_seed(config.seed, "samples"))
    shape, drawn, last = data.held_out.batch([0]).images.shape[1:], 0, 0.0
    null = null_condition(config.model) if config.training.condition_dropout else None
    own = shares(n, batch)
    network = graphed(model, device, "sampling")
    for done, indices in enumerate(own):
        while drawn < indices.start:  # samples of other processes
            torch.randn(shape, generator=generator)
            drawn += 1
        noise = torch.stack([torch.randn(shape, generator=generator) for _ in indices]).to(device)
        drawn += len(indices)
        y = condition(data.held_out.batch([i % len(data.held_out) for i in indices]), config.model)
        samples = sample(
            config.interpolant,
            config.sampling,
            network,
            noise,
            y=None if y is None else y.to(device),
            generator=torch.Generator().manual_seed(derived_seed(config.seed, "sampler", indices.start)),
            null_y=None if null is None else null.to(device),
        )
        yield pixels(samples)
        if time.monotonic() - last > TELL_EVERY_S or done + 1 == len(own):
            last = time.monotonic()
            tell(f"sampling {sum(map(len, own[: done + 1]))}/{sum(map(len, own))}")
