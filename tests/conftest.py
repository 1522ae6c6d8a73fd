"""What tests of several parts need."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AutoencoderKL of Stable Diffusion's shape (factor 8, 4 channels), but narrow, where a run looks for it."""
    import torch

    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    model = diffusers.AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        layers_per_block=1,
    )
    folder = tmp_path_factory.mktemp("weights") / "sd-vae-ft-ema"
    model.save_pretrained(folder)
    return folder
