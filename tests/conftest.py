"""What tests of several parts need."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An AutoencoderKL of Stable Diffusion's shape (factor 8, 4 channels), but narrow, where a run looks for it."""
    import torch

    from zigma.experiment import stand_ins

    pytest.importorskip("diffusers")
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights") / "sd-vae-ft-ema"
    stand_ins.autoencoder(folder)
    return folder
