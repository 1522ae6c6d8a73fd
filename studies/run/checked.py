"""Which records were checked before, by the hash of their bytes: checking ten thousand takes seconds, hashing 0.1 s.

The hashes lie in the user's cache and not among the results, which may come from somebody else, work folder and all.
A file that was changed has another hash; what other checks have passed counts for nothing.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Set
from pathlib import Path

import pydantic

from studies.declare import identity
from zigma.common.user_cache import keep_cached, read_cached

MEMORY = "records.json"
WORTH = 1000  # records from which on remembering is worth a file
MOST = 100_000  # hashes kept
HERE = Path(__file__)
CHECKS = (HERE.with_name("record.py"), HERE.with_name("schema.py"), Path(identity.__file__))


def checked_before() -> Set[str]:
    """The hashes of records that these very checks have passed."""
    memory = read_cached(MEMORY)
    hashes = memory.get("sha256") if memory.get("checks") == _checks() else None
    return set(map(str, hashes)) if isinstance(hashes, list) else set()


def remember(before: Set[str], now: Set[str]) -> None:
    """Keep the hashes of records that have passed now, beside those of before unless they become too many."""
    if not now <= before:
        whole = before | now
        keep_cached(MEMORY, {"checks": _checks(), "sha256": sorted(whole if len(whole) <= MOST else now)})


def _checks() -> str:
    """A hash of all that decides what is a record."""
    versions = f"{sys.version} {pydantic.VERSION}".encode()
    return hashlib.sha256(b"".join([versions, *(path.read_bytes() for path in CHECKS)])).hexdigest()
