"""By which protocol a run is judged, as plain data: importable without torch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class EvaluationConfig:
    """The metric protocol: part of a run's identity, because numbers of two protocols do not compare."""

    extractor: str = "digits"  # whose features the Frechet distance and KID are computed on
    n_generated: int = 1000
    n_real: int = 500
    reference: str = "held-out"  # which part of the data the real images come from
