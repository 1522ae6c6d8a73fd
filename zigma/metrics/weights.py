"""Which file holds an extractor's weights, where it lies, and its name by content. No torch.

Nothing is downloaded: clusters often cannot, and a number should say which file it came from.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from zigma.metrics.config import ExtractorName

WEIGHTS_VARIABLE = "ZIGMA_WEIGHTS"


class MissingWeights(FileNotFoundError, ValueError):
    """An extractor's weights are not on this machine; the message says what to fetch and where to put it."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights: shipped in a folder of the package, or published at an address."""

    what: str
    filename: str
    url: str | None = None
    folder: Path | None = None

    def find(self, path: str | os.PathLike[str] | None = None) -> Path:
        """The file at `path` if given; else the shipped one, or the one in $ZIGMA_WEIGHTS or torch.hub's cache.

        Raises:
            MissingWeights: it is in none of them.
        """
        places = (
            [Path(path).expanduser()] if path is not None else [f / self.filename for f in self._folders()]
        )
        for place in places:
            if place.is_file():
                return place
        advice = (
            "`python -m zigma.metrics.train_digits` makes it"
            if self.url is None
            else f"fetch {self.url} and put it there, in the folder ${WEIGHTS_VARIABLE}, or give its path"
        )
        raise MissingWeights(f"{self.what}: no file {' nor '.join(map(str, places))}; {advice}")

    def _folders(self) -> list[Path]:
        if self.folder is not None:
            return [self.folder]
        own = os.environ.get(WEIGHTS_VARIABLE)
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        hub = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")) / "hub"  # torch.hub's documented rule
        return [*([Path(own).expanduser()] if own else []), hub.expanduser() / "checkpoints"]


WEIGHTS: dict[ExtractorName, WeightsFile] = {
    "digits": WeightsFile("digits", "digits.safetensors", folder=Path(__file__).parent / "weights"),
    "inception": WeightsFile(
        "Inception for FID and KID",
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
    "dinov2": WeightsFile(
        "DINOv2 ViT-L/14 for FDD",
        "dinov2_vitl14_pretrain.pth",
        "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
    ),
    "i3d": WeightsFile(
        "I3D (TorchScript) for FVD",
        "i3d_torchscript.pt",
        "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt",  # of StyleGAN-V's evaluation
    ),
}


def sha256(path: str | os.PathLike[str]) -> str:
    """The identity of a file of weights."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
