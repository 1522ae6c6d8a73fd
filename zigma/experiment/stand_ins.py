"""Random weights in the published formats and a handful of drawn pictures: what a rehearsal takes where files lack.

They show that files of these formats are found, read and used; no number that comes out of them means anything.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from zigma.data.config import DataConfig
from zigma.data.names import PREPARED
from zigma.metrics.weights import WEIGHTS

if TYPE_CHECKING:
    from PIL import Image

PICTURES, VIDEOS = 24, 12
CLIP_WIDTH, CLIP_TOKENS = 768, 77  # of the published text encoder


def autoencoder(folder: Path) -> None:
    """An AutoencoderKL of Stable Diffusion's shape (factor 8, 4 channels), but narrow."""
    from diffusers import AutoencoderKL

    model: Any = AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        layers_per_block=1,
    )
    model.save_pretrained(folder)


def text_encoder(folder: Path) -> None:
    """A CLIP text encoder of one layer with the published width and number of tokens."""
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(i) for i in range(97, 123)]
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    (folder / "vocab.json").write_text(json.dumps({word: i for i, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer.from_pretrained(folder).save_pretrained(folder)
    CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=CLIP_WIDTH,
            intermediate_size=CLIP_WIDTH,
            num_hidden_layers=1,
            num_attention_heads=12,
            max_position_embeddings=CLIP_TOKENS,
            bos_token_id=0,
            eos_token_id=1,
        )
    ).save_pretrained(folder)


def extractor(name: str, folder: Path) -> None:
    """A file of an extractor's weights, under its published name."""
    makers: dict[str, Callable[[Path], None]] = {"inception": _inception, "dinov2": _dinov2, "i3d": _i3d}
    makers[name](folder / WEIGHTS[name].filename)


def _inception(path: Path) -> None:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Unfilled(FeatureExtractorInceptionV3):
        def load_state_dict(self, *args: object, **options: object) -> None:
            """Keep the random weights."""

    torch.save({}, path)
    state = Unfilled("inception-v3-compat", ["2048"], feature_extractor_weights_path=path).state_dict()
    torch.save(state, path)


def _dinov2(path: Path) -> None:
    from zigma.metrics.extractors.dinov2 import DINOv2

    torch.save(DINOv2(width=128, depth=2, positions=37 * 37, patch=14).state_dict(), path)


class _I3D(nn.Module):
    """The signature of the customary TorchScript file."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 400)

    def forward(
        self, x: Tensor, rescale: bool = False, resize: bool = False, return_features: bool = False
    ) -> Tensor:
        return self.linear(x.mean(dim=(2, 3, 4)) / 255)


def _i3d(path: Path) -> None:
    with warnings.catch_warnings():  # TorchScript is deprecated, and what the published file is
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(_I3D()).save(str(path))


def shards(config: DataConfig, out: Path, scratch: Path, vae: Path | None) -> None:
    """Drawn pictures or videos with captions and classes, prepared as shards for `config`."""
    from zigma.data.folders.plan import PrepareRequest
    from zigma.data.folders.prepare import prepare

    rng, source = np.random.default_rng(0), scratch / f"pictures-{config.name}-{config.size}"
    for i in range(PICTURES if config.frames is None else VIDEOS):
        folder = source / ("a", "b")[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        first, *others = [_drawn(rng, config.size) for _ in range(config.frames or 1)]
        if config.frames is None:
            first.save(folder / f"{i}.png")
        else:
            first.save(folder / f"{i}.gif", save_all=True, append_images=others, duration=100)
        (folder / f"{i}.txt").write_text("a drawn picture\n", encoding="utf-8")
    captioned = PREPARED[config.name].condition == "captions"
    clip = scratch / "clip"
    if captioned and not clip.is_dir():
        text_encoder(clip)
    request = PrepareRequest(
        str(source),
        size=config.size,
        frames=config.frames,
        captions=str(source) if captioned else None,
        classes=PREPARED[config.name].condition == "classes",
        held_out=0.3,
        vae=None if vae is None else str(vae),
        clip=str(clip) if captioned else None,
    )
    prepare(request, out, say=lambda line: None)


def _drawn(rng: np.random.Generator, side: int) -> Image.Image:
    from PIL import Image

    return Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).resize((side, side))
