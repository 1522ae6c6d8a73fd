"""Which captions belong to which file: decided by their paths, and never against what a path says."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

# a path, with or without suffix, as the captions' file or folder gives it -> captions
Captions = dict[str, list[str]]
_ABOUT_TEXT = re.compile(
    r"captions?|te?xts?|labels?|annotations?|anns?|prompts?|descriptions?|metadata", re.I
)


class Matched(NamedTuple):
    """What `match_captions` decides."""

    texts: dict[str, list[str] | str]  # for each file its captions, or in a word why it has none
    unused: list[str]  # the paths among the captions that no file is served by


def match_captions(files: Iterable[str], captions: Captions) -> dict[str, list[str] | str]:
    """For each file, by its path relative to the source, its captions, or in a word why it has none.

    A file gets the captions given under its own path, with or without suffix. Where there are none, what is given
    under the same name elsewhere serves if no folder contradicts (`_agree`), the one that shares most folders at its
    end; but only when no other captions fit as well, and no other file would be served by the same ones.
    """
    return matched(files, captions).texts


def matched(files: Iterable[str], captions: Captions) -> Matched:
    """As `match_captions`, with the captions that are left over."""
    by_path: dict[str, str] = {}
    by_name: dict[str, list[str]] = defaultdict(list)
    for key in captions:
        path = normal(key)
        by_path.setdefault(path, key)
        by_name[PurePosixPath(path).name].append(key)
    chosen: dict[str, str] = {}
    fitting: dict[str, list[str]] = {}
    for file in files:
        own = [by_path[name] for name in (normal(file), _without_suffix(file)) if name in by_path]
        if own:
            chosen[file] = own[0]
        else:
            alike = [key for name in _names(file) for key in by_name.get(name, ()) if _agree(file, key)]
            most = max((_shared_end(file, key) for key in alike), default=0)
            fitting[file] = [key for key in alike if _shared_end(file, key) == most]
    reasons: dict[str, list[str] | str] = {}
    borrowers: dict[str, list[str]] = defaultdict(list)
    rivals = _rivals(fitting)
    for file, keys in fitting.items():
        if not keys:
            reasons[file] = "no caption"
        elif len(keys) > 1:
            reasons[file] = f"ambiguous captions: {', '.join(keys[:3])} fit alike"
        elif _above(file, keys[0]) in rivals:
            reasons[file] = f"ambiguous captions: the folder of {keys[0]} is one of several that fit alike"
        else:
            borrowers[keys[0]].append(file)
    own_keys = set(chosen.values())
    for key, several in borrowers.items():
        closest = max(_shared_end(file, key) for file in several)
        nearest = [file for file in several if _shared_end(file, key) == closest]
        for file in several:
            if key in own_keys or file not in nearest:
                reasons[file] = "no caption"
            elif len(nearest) == 1:
                chosen[file] = key
            else:
                reasons[file] = f"ambiguous captions: {key} fits {' and '.join(nearest[:3])} alike"
    texts = reasons | {file: captions[key] or "no caption" for file, key in chosen.items()}
    used = set(chosen.values())
    return Matched(texts, [key for key in captions if key not in used])


def normal(path: str) -> str:
    """A path as the files of the source are named: slashes, no ./ or a/.., accents composed as on Linux and Windows."""
    parts: list[str] = []
    for part in unicodedata.normalize("NFC", path.replace("\\", "/")).split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def _agree(file: str, key: str) -> bool:
    """Whether the folders of a key may be those of a file of the same name.

    The captions may have been written from a folder inside the source (the key's folders are the last of the file's)
    or from one above it (the other way round). Beside `images/cats` there may be `captions/cats`: a folder that only
    says that texts lie in it contradicts none in its place. Every other folder that both have must be the same.
    """
    folders, of_key = _folders(file), _folders(key)
    shared = _shared_end(file, key)
    if shared == len(of_key):
        return True
    if shared == len(folders):
        return _above(file, key)[-1] != ".."  # `../0.png` lies beside the folder of the captions, not in it
    differing = [b for a, b in zip(folders, of_key, strict=False) if a != b]
    return len(folders) == len(of_key) and len(differing) == 1 and _is_about_text(differing[0])


def _is_about_text(folder: str) -> bool:
    return any(_ABOUT_TEXT.fullmatch(word) for word in re.split(r"[^a-zA-Z]+", folder))


def _rivals(fitting: dict[str, list[str]]) -> set[tuple[str, ...]]:
    """Folders above the source, as keys name them, of which only one can be: for some file several of them fit.

    Where a table names cats/0.png and dogs/0.png, and the source is one of the two folders, the caption of
    dogs/1.png must not go to 1.png only because there is none of cats/1.png.
    """
    rivals: set[tuple[str, ...]] = set()
    for file, keys in fitting.items():
        above = {_above(file, key) for key in keys}
        if len(above) > 1:
            rivals |= above
    return rivals - {()}


def _above(file: str, key: str) -> tuple[str, ...]:
    """The folders that a key has before those of the file."""
    of_key = _folders(key)
    return of_key[: max(0, len(of_key) - len(_folders(file)))]


def _folders(path: str) -> tuple[str, ...]:
    return PurePosixPath(normal(path)).parts[:-1]


def _without_suffix(file: str) -> str:
    return normal(PurePosixPath(file).with_suffix("").as_posix())


def _names(file: str) -> tuple[str, str]:
    """Under which names a file's captions may be given: its own, and without suffix."""
    path = PurePosixPath(normal(file))
    return path.name, path.stem


def _shared_end(file: str, key: str) -> int:
    """How many folders at their end two paths share."""
    one, other = _folders(file)[::-1], _folders(key)[::-1]
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
