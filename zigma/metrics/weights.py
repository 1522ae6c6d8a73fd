"""Finding the weights of a published network on this machine, and naming them by their content.

Nothing is downloaded: clusters often cannot, and a number should say which file it came from.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import torch

WEIGHTS_VARIABLE = "ZIGMA_WEIGHTS"


class MissingWeights(FileNotFoundError, ValueError):
    """An extractor's weights are not on this machine; the message says what to fetch and where to put it."""


@dataclass(frozen=True)
class Published:
    """A file of weights and where it is published."""

    what: str
    filename: str
    url: str

    def find(self, path: str | os.PathLike[str] | None = None) -> Path:
        """The file at `path` if given; else in the folder $ZIGMA_WEIGHTS, else in torch.hub's checkpoints.

        Raises:
            MissingWeights: it is in none of them.
        """
        if path is not None:
            places = [Path(path).expanduser()]
        else:
            own = os.environ.get(WEIGHTS_VARIABLE)
            folders = [Path(own).expanduser()] if own else []
            places = [f / self.filename for f in (*folders, Path(torch.hub.get_dir()) / "checkpoints")]
        for place in places:
            if place.is_file():
                return place
        raise MissingWeights(
            f"{self.what}: no file {' nor '.join(map(str, places))}; fetch {self.url} and put it there, "
            f"in the folder ${WEIGHTS_VARIABLE}, or give its path"
        )


def sha256(path: str | os.PathLike[str]) -> str:
    """The identity of a file of weights."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
