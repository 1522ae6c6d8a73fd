"""Truths planted in records, and the verdicts on them."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fake_records import fill

from analysis.claims import CLAIMS, Claim, Verdict, judge
from analysis.claims.claim import Contrast
from analysis.records import load

CLAIM = {claim.name: claim for claim in CLAIMS}

AS_CLAIMED = {"sweep": 9.0, "zigzag-1": 7.0, "zigzag-2": 6.0, "zigzag-8": 4.0}

FALLING = {"loss": {"step": [100, 200, 300, 400], "value": [1.0, 0.8, 0.7, 0.6]}}
POSITIONS = {
    "VisionMamba none": 9.0, "VisionMamba cosine": 7.0, "VisionMamba learned": 6.0,
    "ZigMa none": 5.0, "ZigMa cosine": 4.97, "ZigMa learned": 4.0,
}  # fmt: skip


def verdict(results: Path, name: str) -> Verdict:
    return judge(load(results), [CLAIM[name]])[0]


def judged(results: Path, *statements: Any) -> Verdict:
    return judge(load(results), [Claim("planted", "", "", "", statements)])[0]


def plant(
    results: Path, study: str, values: Mapping[str, float], setting: str | None = None, **more: Any
) -> None:
    fill(results, study, means=values, setting=setting, spread=0.05, **{"seeds": 5, **more})


def contrast(*values: float, claimed: tuple[float, float] = (0.0, math.inf), **more: Any) -> Contrast:
    """Ratios as given, one per seed."""
    samples = tuple((math.log(value),) for value in values)
    fields = {"decides": True, "counted": False, "unlearned": "", "records": ()}
    return Contrast("a is better than b", "tiny", "s", "fd", "ratio", samples, claimed, **{**fields, **more})
