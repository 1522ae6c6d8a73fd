"""Where the shards of a data set are, and what they are. No torch."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from zigma.common.places import DATA_VARIABLE
from zigma.common.remembered import remembered_sha256
from zigma.data.config import DataConfig
from zigma.data.names import PREPARED
from zigma.data.shards.manifest import MANIFEST, read_manifest
from zigma.data.system_files import is_system_file

REMEMBERED_BYTES = 1 << 20  # smaller shards are hashed sooner than remembered


def shards_root(config: DataConfig) -> Path:
    """The folder of shards of a prepared data set: `config.root`, or NAME-SIZE inside $ZIGMA_DATA.

    Raises ValueError when neither is a folder.
    """
    title = PREPARED[config.name].title
    if config.root is not None:
        root = Path(config.root).expanduser()
    elif DATA_VARIABLE in os.environ:
        root = Path(os.environ[DATA_VARIABLE]).expanduser() / f"{config.name}-{config.size}"
    else:
        raise ValueError(
            f"{config.name} ({title}) ships in no package: name the folder of its shards by --set data.root=FOLDER, or "
            "the folder above it by the variable ZIGMA_DATA; `python -m zigma.data prepare` makes them"
        )
    if not root.is_dir():
        raise ValueError(
            f"no folder {root} with shards of {title}: make it by `python -m zigma.data prepare`"
        )
    return root


def shard_files(root: Path) -> list[Path]:
    """The shards (`*.tar`) of a folder in order of their names: those that its manifest lists, or all without one.

    Raises ValueError when there is none, or a listed one is missing, OSError where the folder may not be read.
    """
    present = [
        path
        for path in sorted(root.iterdir())  # which says so where it may not read: a glob would yield nothing
        if path.name.endswith(".tar") and not is_system_file([path.name])
        if path.is_file() or not path.exists()  # a link to no file is a shard that is missing, not none
    ]
    manifest = read_manifest(root)
    if manifest is not None:
        listed = sorted(root / row.file for row in manifest.shards)
        others = [path.name for path in present if path not in listed]
        if others:
            warnings.warn(
                f"{root} holds {len(others)} shards that its {MANIFEST} does not list, such as {others[0]}: not used",
                stacklevel=2,
            )
        for path in listed:
            _check_listed(path)
        present = listed
    if not present:
        raise ValueError(
            f"the folder {root} holds no shard (*.tar): make them by `python -m zigma.data prepare`"
        )
    return present


def _check_listed(path: Path) -> None:
    if not path.is_file():
        raise ValueError(f"{path} is not the shard that {MANIFEST} lists: prepare it again")


def shards_identity(root: Path) -> list[list[str]]:
    """What tells these shards from others: name and hash of each. A shard changed in place is noticed.

    The shards are read once; their hashes are remembered until they change. Raises ValueError where one is not what
    the manifest lists.
    """
    manifest = read_manifest(root)
    if manifest is None:
        files = shard_files(root)
        return [[file.name, digest] for file, digest in zip(files, _sha256(files), strict=True)]
    for row in manifest.shards:  # cheap, and most often what is wrong
        path = root / row.file
        if not path.is_file() or path.stat().st_size != row.bytes:
            raise ValueError(f"{path} is not the shard that {MANIFEST} lists: prepare it again")
    digests = _sha256([root / row.file for row in manifest.shards])
    for row, digest in zip(manifest.shards, digests, strict=True):
        if digest != row.sha256:
            raise ValueError(
                f"{root / row.file} is not the shard that {MANIFEST} lists, its bytes have changed: prepare it again"
            )
    return [[row.file, row.sha256] for row in manifest.shards]


def _sha256(files: list[Path]) -> list[str]:
    return remembered_sha256(files, from_bytes=REMEMBERED_BYTES)


def encoded_by(root: Path) -> str | None:
    """The hash of the autoencoder whose latents the shards hold; None where no manifest tells."""
    manifest = read_manifest(root)
    return None if manifest is None else manifest.request.weights.get("vae")
