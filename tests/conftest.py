"""What tests of several parts need."""

import os
from pathlib import Path

import pytest

# threads of several workers on one core wait for each other by spinning
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    threads = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for library in ("OMP", "OPENBLAS", "MKL"):
        os.environ.setdefault(f"{library}_NUM_THREADS", str(threads))


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
