"""Where the shards of a data set are, and what they are. No torch."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from zigma.data.config import DataConfig
from zigma.data.names import PREPARED

MANIFEST = "manifest.json"
_HEAD_BYTES = 1 << 16


def shards_root(config: DataConfig) -> Path:
    """The folder of shards of a prepared data set: `config.root`, or NAME-SIZE inside $ZIGMA_DATA.

    Raises ValueError when neither is a folder.
    """
    title = PREPARED[config.name].title
    if config.root is not None:
        root = Path(config.root).expanduser()
    elif "ZIGMA_DATA" in os.environ:
        root = Path(os.environ["ZIGMA_DATA"]).expanduser() / f"{config.name}-{config.size}"
    else:
        raise ValueError(
            f"{config.name} ({title}) is not embedded: set root= or the variable ZIGMA_DATA to the folder of "
            "its shards, made by `python -m zigma.data prepare`"
        )
    if not root.is_dir():
        raise ValueError(
            f"no folder {root} with shards of {title}: make it by `python -m zigma.data prepare`"
        )
    return root


def shard_files(root: Path) -> list[Path]:
    """The shards (`*.tar`) of a folder in order of their names. Raises ValueError when there is none."""
    files = sorted(root.glob("*.tar"))
    if not files:
        raise ValueError(
            f"the folder {root} holds no shard (*.tar): make them by `python -m zigma.data prepare`"
        )
    return files


def shards_identity(root: Path) -> list[list[str]]:
    """What tells these shards from others, without reading them whole: one row per shard."""
    manifest = root / MANIFEST
    if manifest.is_file():
        rows = json.loads(manifest.read_text())["shards"]
        for row in rows:
            if not (root / row["file"]).is_file() or (root / row["file"]).stat().st_size != row["bytes"]:
                raise ValueError(
                    f"{root / row['file']} is not the shard that {MANIFEST} lists: prepare it again"
                )
        return [[row["file"], row["sha256"]] for row in rows]
    return [[file.name, str(file.stat().st_size), _head_sha256(file)] for file in shard_files(root)]


def _head_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.sha256(stream.read(_HEAD_BYTES)).hexdigest()


def listed_shards(root: Path) -> dict[str, str]:
    """The SHA-256 of every shard that the manifest lists, by name; none without a manifest."""
    manifest = root / MANIFEST
    rows = json.loads(manifest.read_text())["shards"] if manifest.is_file() else []
    return {row["file"]: row["sha256"] for row in rows}


def encoded_by(root: Path) -> str | None:
    """The hash of the autoencoder whose latents the shards hold; None where no manifest tells."""
    manifest = root / MANIFEST
    if not manifest.is_file():
        return None
    found: str | None = json.loads(manifest.read_text())["request"]["weights"].get("vae")
    return found
