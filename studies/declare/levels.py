"""Where the floors and ceilings of a setting lie, and which settings share them. No torch is imported here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from studies.declare.identity import as_recorded, fingerprints, own_fingerprints
from zigma.common.plugged import short
from zigma.experiment.config import Config, RunConfig

FOLDER = "levels"  # below a results folder and below what is published
OF_THE_NETWORK = {"orders", "numerics", "mixer", "ordering"}
ON_THE_WAY = {"every_steps", "n_on_the_way", "metrics_on_the_way"}


def levels_key(config: RunConfig) -> str:
    """A hash of what decides a setting's levels: data, protocol, what is predicted of which path, and the patch.

    Arms of a setting share it, and so do studies on the same data by the same protocol.
    """
    plain = as_recorded(config)
    whole: dict[str, Any] = {
        "data": {name: value for name, value in plain["data"].items() if name != "root"},
        "interpolant": plain["interpolant"],
        "evaluation": {name: value for name, value in plain["evaluation"].items() if name not in ON_THE_WAY},
        "patch": config.model.patch,
    }
    if not _is_embedded(config) and not config.data.is_own:
        whole["fingerprints"] = _of_shards(config)
    own = {name: value for name, value in own_fingerprints(config).items() if name not in OF_THE_NETWORK}
    if own:  # a file that was edited gives other levels
        whole["own"] = own
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def _is_embedded(config: RunConfig) -> bool:
    from zigma.data.names import EMBEDDED  # not above: every command imports this module

    return config.data.name in EMBEDDED


def _of_shards(config: RunConfig) -> dict[str, str] | None:
    """What shards hold, whose name does not say it, and who judges them; None where they are not here."""
    try:
        return {name: of for name, of in fingerprints(config).items() if name not in OF_THE_NETWORK}
    except (ValueError, FileNotFoundError):
        return None


def has_levels(config: Config) -> bool:
    """Whether a setting has levels of its own: runs on fields record theirs, and what trains nothing has none."""
    return isinstance(config, RunConfig) and config.data.name != "fields"


def levels_path(folder: Path, config: RunConfig) -> Path:
    """The file of a setting's levels below a results folder (or `published/`)."""
    return (
        folder
        / FOLDER
        / f"{short(config.data.name).replace(':', '.')}-{config.data.size}.{levels_key(config)}.json"
    )
