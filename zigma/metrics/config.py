"""By which protocol a run is judged, as plain data: importable without torch."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Literal, get_args

ExtractorName = Literal["digits", "inception", "dinov2", "i3d"]
MetricName = Literal["frechet", "kernel", "prdc", "infinity"]


@dataclass(frozen=True)
class EvaluationConfig:
    """The metric protocol: part of a run's identity, because numbers of two protocols do not compare."""

    extractor: ExtractorName = "digits"  # whose features the Frechet distance and KID are computed on
    n_generated: int = 1000
    n_real: int = 500
    reference: str = "held-out"  # which part of the data the real images come from
    metrics: tuple[MetricName, ...] = ("frechet", "kernel")

    def __post_init__(self) -> None:
        check_name("extractor", self.extractor, get_args(ExtractorName))
        for metric in self.metrics:
            check_name("metric", metric, get_args(MetricName))
        for field in ("n_generated", "n_real"):
            if getattr(self, field) < 2:
                raise ValueError(f"{field} must be at least 2, not {getattr(self, field)}")


def check_name(what: str, name: str, names: tuple[str, ...]) -> None:
    """Raise a ValueError with the nearest right name unless `name` is one of `names`."""
    if name not in names:
        near = difflib.get_close_matches(str(name), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(names)}"
        raise ValueError(f"unknown {what} {name!r}; {hint}")
