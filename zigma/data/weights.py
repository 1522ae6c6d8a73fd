"""Which folder holds the weights of an encoder, where it lies, and its name by content. No torch."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from zigma.common.files import sha256_of
from zigma.common.places import WEIGHTS_VARIABLE

Part = Literal["vae", "text_encoder"]


class Published(NamedTuple):
    """What an encoder is, and the repository of huggingface.co that has it."""

    what: str
    repository: str
    weights: str
    files: str  # all that are read, in words

    @property
    def folder(self) -> str:
        return self.repository.partition("/")[2]

    @property
    def advice(self) -> str:
        return f"put there the files of {self.repository} ({self.files}) from huggingface.co"


# by the name of their folder in a Stable Diffusion pipeline
PARTS: dict[Part, Published] = {
    "vae": Published(
        "autoencoder",
        "stabilityai/sd-vae-ft-ema",
        "diffusion_pytorch_model.safetensors",
        "config.json, diffusion_pytorch_model.safetensors",
    ),
    "text_encoder": Published(
        "CLIP text encoder",
        "openai/clip-vit-large-patch14",
        "model.safetensors",
        "config.json, model.safetensors, tokenizer files",
    ),
}


def weights_folder(folder: str | Path, part: Part) -> Path:
    """`folder`, or its sub-folder `part` where it is a whole Stable Diffusion pipeline.

    Raises ValueError, saying where the weights are published, when they are not there.
    """
    whole = Path(folder).expanduser()
    place = whole / part if (whole / part).is_dir() else whole
    if not any(place.glob("*.safetensors")):
        raise ValueError(f"no {PARTS[part].what} in {folder}: {PARTS[part].advice}")
    return place


def weights_identity(folder: str | Path, part: Part) -> str:
    """A hash of the weights (`*.safetensors`) in `folder`, or in its sub-folder `part`."""
    files = sorted(weights_folder(folder, part).glob("*.safetensors"))
    return hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()[:16]


def published_folder(part: Part) -> Path | None:
    """Where an encoder lies: a folder of its name inside $ZIGMA_WEIGHTS, or in the Hugging Face cache; or None.

    Raises ValueError where the folder inside $ZIGMA_WEIGHTS has no weights.
    """
    own = _own_folder(part)
    if own.is_dir():
        return weights_folder(own, part)
    from huggingface_hub import try_to_load_from_cache

    cached = try_to_load_from_cache(PARTS[part].repository, PARTS[part].weights)
    return Path(cached).parent if isinstance(cached, str) else None


def _own_folder(part: Part) -> Path:
    return Path(os.environ.get(WEIGHTS_VARIABLE, f"${WEIGHTS_VARIABLE}")).expanduser() / PARTS[part].folder


def autoencoder_folder() -> Path:
    """The `published_folder` of samples' autoencoder.

    Raises ValueError, saying what to fetch and where to put it, when there is none.
    """
    folder = published_folder("vae")
    if folder is None:
        raise ValueError(
            f"latents are decoded by the autoencoder and there is no folder {_own_folder('vae')}: {PARTS['vae'].advice}"
        )
    return folder


def autoencoder_identity() -> str:
    """A hash of the weights by which samples are decoded. Raises ValueError as `autoencoder_folder`."""
    return _identity(autoencoder_folder())


@cache  # of the folder: $ZIGMA_WEIGHTS may name another one later in the same process
def _identity(folder: Path) -> str:
    return weights_identity(folder, "vae")
