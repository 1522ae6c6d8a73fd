"""What identifies the pixels a run sees: a hash of the source files, the recipe and the configuration.

Nothing here imports torch or scikit-learn, so that listing studies and resolving a run's identity stay fast.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from zigma.common.files import sha256_of
from zigma.common.plugged import DATA, short
from zigma.data.config import DataConfig
from zigma.data.embedded.shipped import shipped_file
from zigma.data.names import EMBEDDED, is_own
from zigma.data.shards.sources import shards_identity, shards_root


def fingerprint(config: DataConfig) -> str:
    """A hexadecimal hash of what the data is and how it is seen; where it lies (`root`) does not enter.

    Embedded data is identified by its source files and the version of its recipe, prepared shards by the
    hashes in their manifest, which their bytes are checked against, shards without a manifest by name and hash.
    Raises ValueError when the files are missing.
    """
    seen = config.model_dump(mode="json")
    del seen["root"]
    identity: dict[str, Any] = {"config": seen}
    if is_own(config.name):
        seen["name"], identity["source"] = short(config.name), DATA.identity(config.name)
    elif config.name in EMBEDDED:
        embedded = EMBEDDED[config.name]
        identity["recipe"] = embedded.recipe
        identity["sources"] = [sha256_of(shipped_file(*file)) for file in embedded.files]
    else:
        identity["shards"] = shards_identity(shards_root(config))
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]
