"""Which folder holds the weights of an encoder, where it lies, and its name by content. No torch."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Literal

from zigma.common.files import sha256_of
from zigma.common.places import WEIGHTS_VARIABLE

Part = Literal["vae", "text_encoder"]
AUTOENCODER = "stabilityai/sd-vae-ft-ema"

# By the name of their folder in a Stable Diffusion pipeline: what they are, and where they are published.
PARTS: dict[Part, tuple[str, str]] = {
    "vae": ("autoencoder", f"{AUTOENCODER} (config.json, diffusion_pytorch_model.safetensors)"),
    "text_encoder": (
        "CLIP text encoder",
        "openai/clip-vit-large-patch14 (config.json, model.safetensors, tokenizer files)",
    ),
}


def weights_folder(folder: str | Path, part: Part) -> Path:
    """`folder`, or its sub-folder `part` where it is a whole Stable Diffusion pipeline.

    Raises ValueError, saying where the weights are published, when they are not there.
    """
    whole = Path(folder).expanduser()
    place = whole / part if (whole / part).is_dir() else whole
    if not any(place.glob("*.safetensors")):
        what, published = PARTS[part]
        raise ValueError(f"no {what} in {folder}: put there the files of {published} from huggingface.co")
    return place


def weights_identity(folder: str | Path, part: Part) -> str:
    """A hash of the weights (`*.safetensors`) in `folder`, or in its sub-folder `part`."""
    files = sorted(weights_folder(folder, part).glob("*.safetensors"))
    return hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()[:16]


def autoencoder_folder() -> Path:
    """Where samples' autoencoder lies: sd-vae-ft-ema inside $ZIGMA_WEIGHTS, or in the Hugging Face cache.

    Raises ValueError, saying what to fetch and where to put it, when it is in neither.
    """
    own = Path(os.environ.get(WEIGHTS_VARIABLE, f"${WEIGHTS_VARIABLE}")).expanduser() / Path(AUTOENCODER).name
    if own.is_dir():
        return weights_folder(own, "vae")
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(AUTOENCODER, "diffusion_pytorch_model.safetensors")
    if isinstance(cached, str):
        return Path(cached).parent
    raise ValueError(
        f"latents are decoded by the autoencoder and there is no folder {own}: put there the files of "
        f"{PARTS['vae'][1]} from huggingface.co"
    )


def autoencoder_identity() -> str:
    """A hash of the weights by which samples are decoded. Raises ValueError as `autoencoder_folder`."""
    return _identity(autoencoder_folder())


@cache  # of the folder: $ZIGMA_WEIGHTS may name another one later in the same process
def _identity(folder: Path) -> str:
    return weights_identity(folder, "vae")
