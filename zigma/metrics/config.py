"""By which protocol a run is judged, as plain data: importable without torch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal, get_args

ExtractorName = Literal["digits", "lite0", "inception", "dinov2", "i3d"]
MetricName = Literal["frechet", "kernel", "prdc", "infinity"]
ReferenceName = Literal["held-out", "train"]


@dataclass(frozen=True)
class EvaluationConfig:
    """The metric protocol: part of a run's identity, because numbers of two protocols do not compare."""

    extractors: tuple[ExtractorName, ...] = ("digits",)  # every metric is computed on the features of each
    n_generated: int = 1000  # images, or videos
    n_real: int = 500
    reference: ReferenceName = "held-out"  # which part of the data the real images come from
    metrics: tuple[MetricName, ...] = ("frechet", "kernel")
    every_steps: int | None = None  # measure on the way too (Figures 8 and 14); None: at the end alone
    n_on_the_way: int = 250  # images drawn each time
    metrics_on_the_way: tuple[MetricName, ...] = ("frechet",)  # beside the held-out loss

    def __post_init__(self) -> None:
        for field, what, words in (
            ("extractors", "extractor", ExtractorName),
            ("metrics", "metric", MetricName),
            ("metrics_on_the_way", "metric", MetricName),
        ):
            names = tuple(getattr(self, field))
            object.__setattr__(self, field, names)
            for name in names:
                check_name(what, name, get_args(words))
            if len(set(names)) < len(names):
                raise ValueError(f"{field} names something twice: {', '.join(names)}")
        check_name("reference", self.reference, get_args(ReferenceName))
        for field in ("n_generated", "n_real", "n_on_the_way"):
            if getattr(self, field) < 2:
                raise ValueError(f"{field} must be at least 2, not {getattr(self, field)}")
        if self.every_steps is not None and self.every_steps < 1:
            raise ValueError(f"every_steps must be at least 1, or none, not {self.every_steps}")


def check_name(what: str, name: str, names: tuple[str, ...]) -> None:
    """Raise a ValueError with the nearest right name unless `name` is one of `names`."""
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(names)}"
        raise ValueError(f"unknown {what} {name!r}; {hint}")
