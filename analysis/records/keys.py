"""What a record or a declaration computes, all seeds alike, and how two configurations differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from studies.declare.own_data import NAME as OWN_IMAGES

LISTED = 3  # differences that are named


def key(config: Mapping[str, Any]) -> str:
    """A hash of a configuration without seed and `data.root`.

    The hashes of data, extractor and orders are no part of it (they are of the record's identity): a machine that
    lacks the paper's data and weights can still tell which cell a record of theirs belongs to.
    """
    plain = {name: value for name, value in config.items() if name != "seed"}
    if isinstance(plain.get("data"), dict):
        plain["data"] = {name: value for name, value in plain["data"].items() if name != "root"}
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    if "\\ud" in canonical:  # perhaps half of a surrogate pair, which no output can hold: a ValueError here
        json.dumps(plain, ensure_ascii=False).encode()
    return hashlib.sha256(canonical.encode()).hexdigest()


def key_of_run(config: Mapping[str, Any], setting: str) -> str:
    """The same of a run: two folders of a person's images have one configuration, and are told apart by the setting."""
    own = config.get("data", {}).get("name") == OWN_IMAGES
    return key(config) + (setting if own else "")


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Dotted path -> (theirs, ours) for all that differs between two configurations, seed and root apart."""
    a, b = dict(_leaves(theirs)), dict(_leaves(ours))
    absent = "absent"
    return {
        path: (a.get(path, absent), b.get(path, absent))
        for path in dict.fromkeys([*a, *b])
        if path not in ("seed", "data.root") and a.get(path, absent) != b.get(path, absent)
    }


def in_words(changed: Mapping[str, tuple[Any, Any]], words: str) -> str:
    """The first differences, each as `words` puts path, theirs and ours, and how many more there are."""
    shown = [words.format(path, *both) for path, both in changed.items()]
    more = f" and {len(shown) - LISTED} more" if len(shown) > LISTED else ""
    return "; ".join(shown[:LISTED]) + more


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, value
