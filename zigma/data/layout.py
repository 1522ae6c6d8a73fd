"""What shards hold, known by the suffixes of their members, and which of their samples are held out.

Both the shards of `python -m zigma.data prepare` and those of the released project can be read.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections import Counter
from dataclasses import dataclass

from zigma.data.captions import checked, decoded, json_of, lines_of
from zigma.data.config import DataConfig
from zigma.data.media import IMAGE_SUFFIXES, UnreadableError
from zigma.data.names import PREPARED
from zigma.data.shards.tar_index import Entry

HELD_OUT_PREFIXES = ("test", "val", "held")
_ONE_IN = 20  # samples held out where no shard is: decided by a hash of the key
_MOST_CLASSES = 1_000_000  # a network learns a vector for each
_COMMON = ("png", "jpg", "jpeg", "webp")  # looked for first where a sample has several pictures
_KINDS = (*_COMMON, *sorted(suffix[1:] for suffix in IMAGE_SUFFIXES if suffix[1:] not in _COMMON))
_PICTURES = tuple(f"{stem}{kind}" for stem in ("image.", "") for kind in _KINDS)
CAPTION_SUFFIXES = ("caption.json", "caption.txt", "txt")
_CLASS_SUFFIXES = ("cls_id.cls", "cls")
TEXT_SUFFIXES = ("caption_clip_feature.npy", "caption_feature.npy")
_LATENT_SUFFIXES = {  # {size} is the size in pixels
    "image": ("img_feature{size}.npy", "latent.npy", "latent_hr.npy"),
    "video": ("frame_feature{size}.npy",),
}
LATENT = re.compile(r"(img|frame)_feature\d+\.npy|latent(_hr)?\.npy")
_MISSING = {"captions": CAPTION_SUFFIXES, "classes": _CLASS_SUFFIXES}
_USED_FROM = 0.5  # share of the samples that must have captions, classes or text features for them to be used


@dataclass(frozen=True)
class Fields:
    """The suffixes under which the shards hold what is read, the first that a sample has; none for what they lack."""

    images: tuple[str, ...]
    captions: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()

    def missing(self, entry: Entry) -> list[str]:
        """What a sample lacks without which it is of no use."""
        roles = (self.images, self.captions, self.text, self.classes)
        return [suffixes[0] for suffixes in roles if suffixes and first_of(entry, suffixes) is None]


def first_of(entry: Entry, suffixes: tuple[str, ...]) -> str | None:
    """The first of the suffixes that a sample has."""
    return next((suffix for suffix in suffixes if suffix in entry.members), None)


def find_fields(config: DataConfig, entries: list[Entry]) -> Fields:
    """Where what `config` asks for lies. Raises ValueError, naming what there is, when it is not in the shards.

    Pictures, captions and classes are looked for in each sample. Latents and text features come out of encoders that
    must not be mixed, so that all are of the one suffix that most samples have. What less than half of the samples
    have besides, a stray class for example, is not used, with a warning.
    """
    present = Counter(suffix for entry in entries for suffix in entry.members)
    kind = "image" if config.frames is None else "video"
    if config.view == "latents":
        looked_for = tuple(suffix.format(size=config.size) for suffix in _LATENT_SUFFIXES[kind])
        images = _most_common(looked_for, present)
    else:
        looked_for = _PICTURES if kind == "image" else ("frames.zip",)
        images = tuple(suffix for suffix in looked_for if present[suffix])
    if not images:
        raise ValueError(
            f"{config.name} as {kind} {config.view} at {config.size} pixels needs members {', '.join(looked_for)}; "
            f"the shards hold {', '.join(sorted(present)[:50]) or 'nothing'}"
        )
    condition = PREPARED[config.name].condition
    roles = {
        "captions": tuple(suffix for suffix in CAPTION_SUFFIXES if present[suffix]),
        "text": _most_common(TEXT_SUFFIXES, present),
        "classes": tuple(suffix for suffix in _CLASS_SUFFIXES if present[suffix]),
    }
    if condition is not None and not roles[condition]:
        words = " or ".join(_MISSING[condition])
        raise ValueError(f"{config.name} needs {condition} ({words}), which the shards do not hold")
    return Fields(
        images,
        **{role: _used(role, role == condition, suffixes, entries) for role, suffixes in roles.items()},
    )


def _most_common(suffixes: tuple[str, ...], present: Counter[str]) -> tuple[str, ...]:
    best = max(suffixes, key=lambda suffix: present[suffix])  # the first of equals
    return (best,) if present[best] else ()


def _used(role: str, needed: bool, suffixes: tuple[str, ...], entries: list[Entry]) -> tuple[str, ...]:
    """The suffixes, or none where so few samples have one that the others would be lost for them."""
    having = sum(first_of(entry, suffixes) is not None for entry in entries) if suffixes else 0
    if needed or not having or having >= _USED_FROM * len(entries):
        return suffixes
    warnings.warn(
        f"{role} are not used: {having} of {len(entries)} samples have them ({', '.join(suffixes)})",
        stacklevel=2,
    )
    return ()


def read_captions(data: bytes, suffix: str) -> list[str]:
    """The captions of one sample, from JSON (one or a list) or from text (one per line).

    Raises UnreadableError for anything that is no text, and where nothing but empty captions is left.
    """
    try:
        text = decoded(data)
        captions = checked(json_of(text) if suffix.endswith("json") else lines_of(text))
    except ValueError as error:
        raise UnreadableError(f"{suffix}: {error}") from error
    if not captions:
        raise UnreadableError(f"{suffix} holds no caption")
    return captions


def class_number(data: bytes) -> int:
    """The class of one sample, a whole number from 0 on. Raises UnreadableError for anything else."""
    text = data.strip()
    if not text.isdigit() or len(text) > len(str(_MOST_CLASSES)) or int(text) >= _MOST_CLASSES:
        raise UnreadableError(f"the class {data[:40]!r} is not a whole number from 0 to {_MOST_CLASSES - 1}")
    return int(text)


def divide(entries: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Training and held-out samples.

    Held out are the shards named test*, val* or held*; where there are none, the samples whose hashed key
    falls on one in 20, so that a sample stays on its side however the shards are cut.
    """
    held = [entry for entry in entries if entry.shard.name.startswith(HELD_OUT_PREFIXES)]
    if not held:
        held = [e for e in entries if int(hashlib.sha256(os.fsencode(e.key)).hexdigest(), 16) % _ONE_IN == 0]
        held = held or entries[-1:]
    chosen = {id(entry) for entry in held}
    return [entry for entry in entries if id(entry) not in chosen], held
