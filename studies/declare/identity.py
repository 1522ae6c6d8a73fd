"""When two runs are the same run: a hash of all that decides their numbers. No torch is imported here.

A field that a configuration gains later must not make every record stale: declare it with
`zigma.common.configuration.later(default)`. At its default it then stands in no dump and enters no identity.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from zigma.data.config import DataConfig
from zigma.experiment.config import Config, RunConfig, ScanConfig
from zigma.models.config import ZigMaConfig


def identity(config: Config) -> str:
    """A hash of all that decides a run's numbers: configuration, the orders its plan reads, data and protocol.

    The same run in two tables has one identity, so it runs once. Hashing the orders themselves, not only the
    plan's name, makes a record stale when a curve's code changes, a user's own curve included.
    """
    return identity_of(config.model_dump(mode="json"), fingerprints(config))


def identity_of(config: Mapping[str, Any], hashes: Mapping[str, str]) -> str:
    """The identity of a configuration as a dict, such as a record's, with the hashes of what it names."""
    whole: dict[str, Any] = {"config": dict(config), **hashes}
    if "data" in whole["config"]:  # where the data lies does not enter; what it is stands in its hash
        whole["config"]["data"] = {k: v for k, v in whole["config"]["data"].items() if k != "root"}
    canonical = json.dumps(whole, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def identity_here(config: Config) -> str | None:
    """`identity`, or None where this machine lacks the data or the weights that it names: nobody ran it here."""
    try:
        return identity(config)
    except (
        ValueError,
        FileNotFoundError,
    ):  # whoever asks for such a run is told why: studies.declare.validate
        return None


@cache
def fingerprints(config: Config) -> dict[str, str]:
    """Hashes of what a configuration names but does not contain: the data, the networks that judge it, the orders."""
    orders = orders_fingerprint(config)
    hashes = {} if orders is None else {"orders": orders}
    if isinstance(config, RunConfig):
        from zigma.data import autoencoder_identity
        from zigma.metrics import extractor_identity

        hashes["data"] = _data_fingerprint(config.data)
        hashes |= {f"extractor {name}": extractor_identity(name) for name in config.evaluation.extractors}
        if config.data.view == "latents":
            hashes["autoencoder"] = autoencoder_identity()
    return hashes


def forget_orders() -> None:
    """Hash orders anew: a file may have changed what a name means."""
    _orders.cache_clear()
    fingerprints.cache_clear()


@cache
def _data_fingerprint(data: DataConfig) -> str:
    from zigma.data import fingerprint

    return fingerprint(data)


def orders_fingerprint(config: Config) -> str | None:
    """A hash of the orders that a configuration's layers read; None for a network that scans nothing."""
    if isinstance(config, ScanConfig):
        return _orders(config.scan, config.grid, config.depth)
    if isinstance(config.model, ZigMaConfig):
        return _orders(config.model.scan, config.model.token_grid, config.model.depth)
    return None


@cache
def _orders(plan: str, grid: tuple[int, ...], depth: int) -> str:
    from zigma.scans import ParallelScan, scan_plan

    digest = hashlib.sha256()
    for layer in scan_plan(plan, grid=grid, depth=depth):
        for order in layer.scans if isinstance(layer, ParallelScan) else (layer,):
            digest.update(f"{order.segments}:".encode() + order.order.tobytes())
    return digest.hexdigest()[:16]
