"""The autoencoder and the CLIP text encoder of the paper, from folders of weights in diffusers' format.

Only safetensors weights are read, so nothing in a file is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zigma.common.words import one_line
from zigma.data.dataset import from_uint8, to_uint8
from zigma.data.shards.split import LATENT_SCALE
from zigma.data.weights import PARTS, Part, weights_folder


class Autoencoder:
    """A diffusers AutoencoderKL. Images (B, 3, H, W), latents (B, 4, H/8, W/8)."""

    def __init__(self, folder: str | Path, device: str = "cpu") -> None:
        """Raises ValueError, saying where the weights are published, when they are not in `folder`."""
        folder = weights_folder(folder, "vae")
        from diffusers import AutoencoderKL

        self.model = _load("vae", AutoencoderKL.from_pretrained, folder).to(device).eval()
        self.device = device

    @torch.no_grad()
    def encode(self, images: Tensor, seeds: Sequence[int] | None = None) -> Tensor:
        """Latents of uint8 images, before the factor 0.18215: the posterior's mean, or a sample by a seed for each.

        Raises:
            ValueError: not uint8 (B, 3, H, W) with sides that 8 divides, or not a seed for each image.
        """
        if (
            images.dtype != torch.uint8
            or images.dim() != 4
            or images.shape[1] != 3
            or any(side % 8 for side in images.shape[-2:])
        ):
            given = f"{images.dtype} {tuple(images.shape)}"
            raise ValueError(f"images must be uint8 (B, 3, H, W) with sides that 8 divides, not {given}")
        if seeds is not None and len(seeds) != len(images):
            raise ValueError(f"{len(images)} images need as many seeds, not {len(seeds)}")
        posterior = self.model.encode(from_uint8(images).to(self.device)).latent_dist
        if seeds is None:
            return posterior.mean.cpu()
        shape = posterior.mean.shape[1:]
        noise = [torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        return (posterior.mean + posterior.std * torch.stack(noise).to(self.device)).cpu()

    @torch.no_grad()
    def decode(self, latents: Tensor, batch_images: int = 8) -> Tensor:
        """uint8 images (B, 3, H, W) or videos (B, T, 3, H, W) of latents as a model sees and samples them.

        They are divided by 0.18215 first: without it, samples come out washed out.
        """
        flat = latents.reshape(-1, *latents.shape[-3:]) / LATENT_SCALE
        images = []
        for part in flat.split(batch_images):
            pixels = self.model.decode(part.to(self.device)).sample
            if not pixels.isfinite().all():  # as bytes they would look like any others
                raise FloatingPointError("the autoencoder decoded latents to values that are not finite")
            images.append(to_uint8(pixels).cpu())
        decoded = torch.cat(images)
        return decoded.reshape(*latents.shape[:-3], *decoded.shape[1:])


class TextEncoder:
    """CLIP's text encoder as in Stable Diffusion: the last hidden state of all tokens, padded to the longest."""

    def __init__(self, folder: str | Path, device: str = "cpu") -> None:
        """Raises ValueError, saying where the weights are published, when they are not in `folder`."""
        weights = weights_folder(folder, "text_encoder")
        words = Path(folder, "tokenizer") if Path(folder, "tokenizer").is_dir() else weights
        from transformers import CLIPTextModel, CLIPTokenizer

        self.tokenizer = _load("text_encoder", CLIPTokenizer.from_pretrained, words)
        self.model = _load("text_encoder", CLIPTextModel.from_pretrained, weights).to(device).eval()
        self.device = device

    @torch.no_grad()
    def encode(self, captions: Sequence[str]) -> Tensor:
        """Features (B, M, width) of B captions; M is 77 for the published weights. Longer captions are cut."""
        length = self.model.config.max_position_embeddings
        tokens = self.tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        )
        features: Tensor = self.model(input_ids=tokens["input_ids"].to(self.device)).last_hidden_state
        return features.cpu()


def as_float16(features: Tensor) -> np.ndarray:
    """As shards store latents and text features. Raises ValueError for numbers that float16 cannot hold."""
    array = features.to(torch.float16).numpy()
    if not np.isfinite(array).all():
        raise ValueError("an encoder gave numbers that are not finite in float16")
    return array


def _load(part: Part, load: Callable[..., Any], folder: Path) -> Any:
    options = {} if "Tokenizer" in str(load) else {"use_safetensors": True}
    try:
        return load(folder, local_files_only=True, **options)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"the {PARTS[part].what} in {folder} cannot be loaded: {one_line(error, 200)}"
        ) from error
