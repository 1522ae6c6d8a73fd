"""A small record, and how it stands in its file."""

from pathlib import Path
from typing import Any

from studies.declare.identity import identity_of
from studies.run.record import checksum

CONFIG = {"scan": "sweep-1", "grid": [8, 8], "depth": 2, "seed": 0}


IDENTITY = identity_of(CONFIG, {})


def record(**changes: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "schema": 1,
        "study": "scan_ablation",
        "arm": "sweep",
        "scale": "tiny",
        "setting": "digits-8",
        "seed": 0,
        "identity": IDENTITY,
        "config": CONFIG,
        "fingerprints": {},
        "status": "done",
        "error": None,
        "metrics": [{"name": "held_out_loss", "value": 0.5}],
        "curves": {"loss": {"step": [1, 2], "value": [0.5, 0.25]}},
        "wall_time_s": {},
        "cost": {},
        "environment": {},
    }
    return whole | changes


def sealed(**changes: Any) -> dict[str, Any]:
    """As a record stands in its file."""
    data = record(**changes)
    return data | {"checksum": checksum(data)}


def path_of(results: Path, identity: str = IDENTITY) -> Path:
    return results / "records" / "tiny" / "scan_ablation" / f"sweep.digits-8.seed0.{identity}.json"
