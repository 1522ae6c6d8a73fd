"""What shards hold, known by the suffixes of their members, and which of their samples are held out.

Both the shards of `python -m zigma.data prepare` and those of the released project are known.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from zigma.data.config import DataConfig
from zigma.data.media import UnreadableError
from zigma.data.names import PREPARED
from zigma.data.shards.tar_index import Entry

HELD_OUT_PREFIXES = ("test", "val", "held")
_ONE_IN = 20  # samples held out where no shard is: decided by a hash of the key
_PICTURES = tuple(f"{stem}{kind}" for stem in ("image.", "") for kind in ("png", "jpg", "jpeg", "webp"))
# The first suffix that is there is taken. {size} is the size in pixels.
_SUFFIXES = {
    ("pixels", "image"): _PICTURES,
    ("pixels", "video"): ("frames.zip",),
    ("latents", "image"): ("img_feature{size}.npy", "latent.npy", "latent_hr.npy"),
    ("latents", "video"): ("frame_feature{size}.npy",),
    "captions": ("caption.json", "caption.txt", "txt"),
    "text": ("caption_clip_feature.npy", "caption_feature.npy"),
    "classes": ("cls_id.cls", "cls"),
}


@dataclass(frozen=True)
class Fields:
    """The suffixes under which the shards hold what is read; None for what they do not hold."""

    images: str
    captions: str | None
    text: str | None
    classes: str | None

    def required(self) -> set[str]:
        """Suffixes without which a sample is of no use."""
        return {s for s in (self.images, self.captions, self.text, self.classes) if s is not None}


def find_fields(config: DataConfig, entries: list[Entry]) -> Fields:
    """Where the wanted view is found. Raises ValueError, naming what there is, when it is not there."""
    there = {suffix for entry in entries for suffix in entry.members}

    def first(kind: Any) -> str | None:
        wanted = (suffix.format(size=config.size) for suffix in _SUFFIXES[kind])
        return next((suffix for suffix in wanted if suffix in there), None)

    kind = "image" if config.frames is None else "video"
    images = first((config.view, kind))
    if images is None:
        wanted = ", ".join(s.format(size=config.size) for s in _SUFFIXES[config.view, kind])
        raise ValueError(
            f"{config.name} as {kind} {config.view} at {config.size} pixels needs members {wanted}; "
            f"the shards hold {', '.join(sorted(there)) or 'nothing'}"
        )
    fields = Fields(images, first("captions"), first("text"), first("classes"))
    condition = PREPARED[config.name].condition
    if condition is not None and getattr(fields, condition) is None:
        wanted = " or ".join(_SUFFIXES[condition])
        raise ValueError(f"{config.name} needs {condition} ({wanted}), which the shards do not hold")
    return fields


def read_captions(data: bytes, suffix: str) -> list[str]:
    """The captions of one sample, from JSON (one or a list) or from text (one per line)."""
    try:
        text = data.decode()
        found = json.loads(text) if suffix.endswith("json") else text.strip().splitlines()
    except ValueError as error:
        raise UnreadableError(f"{suffix}: {error}") from error
    found = [found] if isinstance(found, str) else found
    if not isinstance(found, list) or not found or not all(isinstance(caption, str) for caption in found):
        raise UnreadableError(f"{suffix} is neither a caption nor a list of captions")
    return found


def divide(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Training and held-out samples.

    Held out are the shards named test*, val* or held*; where there are none, the samples whose hashed key
    falls on one in 20, so that a sample stays on its side however the shards are cut.
    """
    held = [entry for entry in entries if entry.shard.name.startswith(HELD_OUT_PREFIXES)]
    if not held:
        held = [e for e in entries if int(hashlib.sha256(e.key.encode()).hexdigest(), 16) % _ONE_IN == 0]
        held = held or entries[-1:]
    chosen = {id(entry) for entry in held}
    return [entry for entry in entries if id(entry) not in chosen], held
