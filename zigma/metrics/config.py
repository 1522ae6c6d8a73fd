"""By which protocol a run is judged, as plain data: importable without torch."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from zigma.common.configuration import Configuration, Count, Whole
from zigma.common.plugged import EXTRACTORS, short
from zigma.common.words import unknown

ExtractorName = Literal["digits", "lite0", "inception", "dinov2", "i3d"]
MetricName = Literal["frechet", "kernel", "prdc", "infinity"]
ReferenceName = Literal["held-out", "train"]
Images = Annotated[Whole, Field(ge=2)]  # fewer have no covariance
FEWEST_FRAMES = 9  # of a video that I3D sees: its strides leave nothing of fewer


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError(f"names something twice: {', '.join(names)}")
    return names


def _extractor(name: str) -> str:
    check_extractor(name)
    return name


def _labels_once(names: tuple[str, ...]) -> tuple[str, ...]:
    _once(tuple(map(label_of, names)))  # in results, files of one name in two folders would be one
    return names


Extractors = Annotated[tuple[Annotated[str, AfterValidator(_extractor)], ...], AfterValidator(_labels_once)]
Metrics = Annotated[tuple[MetricName, ...], AfterValidator(_once)]


class EvaluationConfig(Configuration):
    """The metric protocol: part of a run's identity, because numbers of two protocols do not compare."""

    extractors: Extractors = ("digits",)  # every metric is computed on the features of each
    n_generated: Images = 1000  # images, or videos
    n_real: Images = 500
    reference: ReferenceName = "held-out"  # which part of the data the real images come from
    metrics: Metrics = ("frechet", "kernel")
    every_steps: Count | None = None  # measure on the way too (Figures 8 and 14); None: at the end alone
    n_on_the_way: Images = 250  # images drawn each time
    metrics_on_the_way: Metrics = ("frechet",)  # beside the held-out loss


def is_own(name: str) -> bool:
    """Whether an extractor is of a person's file or of an installed package (entry point of `zigma.extractors`)."""
    return name not in get_args(ExtractorName)


def label_of(name: str) -> str:
    """What an extractor is called in results and names of files: `FILE.NAME` for `FOLDER/FILE.py:NAME`."""
    return short(name).replace(".py:", ".")


def check_extractor(name: str) -> None:
    """Raise a WordError with the nearest right name unless there is such an extractor."""
    if is_own(name) and not EXTRACTORS.takes(name):
        raise unknown("extractor", name, (*get_args(ExtractorName), *EXTRACTORS.entries(), "FILE.py:NAME"))


def check_loads(name: str) -> None:
    """The same, and run the file or the package of an extractor that is not of this one."""
    check_extractor(name)
    if is_own(name):
        EXTRACTORS.load(name)
