"""Which file goes into which shard: decided once, before anything is encoded, and kept in OUT/plan.json.

A file's side (train or held-out) is decided by a hash of its contents, or of the group its name belongs to:
equal pictures are never on both sides, and adding files moves none of the others.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from zigma.common.files import sha256_of
from zigma.data.folders.annotations import Captions, captions_identity, captions_of, read_captions_file
from zigma.data.media import IMAGE_SUFFIXES, VIDEO_SUFFIXES

PLAN = "plan.json"
_RECIPE = 1  # raised when the same request would give other shards


@dataclass(frozen=True)
class PrepareRequest:
    """What is to be prepared. Everything here decides what the shards hold; how fast is said elsewhere."""

    source: str
    size: int = 256
    frames: int | None = None  # prepare videos of at least so many frames; None for images
    most_frames: int | None = None  # of a long video, only the first
    captions: str | None = None  # file or folder, see zigma.data.annotations
    classes: bool = False  # the first folder below the source is the class
    held_out: float = 0.05  # share of the files
    held_out_folder: str | None = None  # hold out exactly the files in this folder of the source
    group: str | None = None  # regular expression; files whose match is equal stay on one side
    vae: str | None = None
    clip: str | None = None
    latent: str = "sample"  # or "mean" of the autoencoder's posterior
    picture: str | None = "png"  # or "jpg"; None keeps latents only
    shard_samples: int = 256

    def __post_init__(self) -> None:
        for name in ("size", "shard_samples", "frames", "most_frames"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is a share from 0 to below 1, got {self.held_out}")
        if self.size % 8:
            raise ValueError(f"size must be divisible by 8, the factor of the autoencoder, got {self.size}")
        if self.clip and not self.captions:
            raise ValueError("clip encodes captions: give captions too")
        if self.vae is None and self.picture is None:
            raise ValueError("nothing would be written: give vae for latents or keep the pictures")
        if self.group is not None:
            try:
                re.compile(self.group)
            except re.error as error:
                raise ValueError(f"group {self.group!r} is no regular expression: {error}") from error


def make_plan(request: PrepareRequest, weights: dict[str, str], say: Callable[[str], None]) -> dict[str, Any]:
    """The plan: {"request", "classes", "skipped", "shards": [{"file", "split", "samples": [...]}]}.

    `weights` names the encoders' hashes. Raises ValueError when the source holds nothing to prepare.
    """
    source = Path(request.source).expanduser()
    if not source.is_dir():
        raise ValueError(f"no folder {source} to prepare")
    suffixes = IMAGE_SUFFIXES if request.frames is None else VIDEO_SUFFIXES
    found = [file for file in walk(source) if file.suffix.lower() in suffixes]
    files = sorted(file.relative_to(source).as_posix() for file in found if file.is_file())
    dead = sorted(file.relative_to(source).as_posix() for file in found if not file.is_file())
    if not files:
        raise ValueError(f"{source} holds no file ending in {', '.join(sorted(suffixes))}")
    say(f"reading {len(files)} files once for their hashes")
    with ThreadPoolExecutor(max_workers=8) as pool:
        hashes = dict(zip(files, pool.map(lambda file: sha256_of(source / file), files), strict=True))
    captions = read_captions_file(Path(request.captions).expanduser()) if request.captions else None
    classes = sorted({file.split("/")[0] for file in files if "/" in file}) if request.classes else []
    samples, skipped = _samples(request, files, hashes, captions, classes)
    return {
        "request": identity_of(request, weights),
        "classes": classes,
        "skipped": [*skipped, *({"file": file, "reason": "a link to no file"} for file in dead)],
        "shards": _shards(samples, request.shard_samples),
    }


def identity_of(request: PrepareRequest, weights: dict[str, str]) -> dict[str, Any]:
    """What two preparations must share for one to go on with the other: not where things lie."""
    places = ("source", "captions", "vae", "clip")
    options = {key: value for key, value in asdict(request).items() if key not in places}
    captions = captions_identity(Path(request.captions).expanduser()) if request.captions else None
    return {"recipe": _RECIPE, **options, "captions": captions, "weights": weights}


def listing_sha256(request: PrepareRequest) -> str:
    """A hash of the names, sizes and times of the files under the source: they must not change half-way."""
    source = Path(request.source).expanduser()
    digest = hashlib.sha256()
    for file in sorted(walk(source)):
        if file.is_file():
            status = file.stat()
            digest.update(f"{file.relative_to(source)}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def walk(source: Path) -> Iterator[Path]:
    """Every file below a folder, also in folders that are links: FacesHQ is two data sets linked into one folder."""
    seen: set[str] = set()
    for folder, below, names in os.walk(source, followlinks=True):
        if (real := os.path.realpath(folder)) in seen:  # a link to a folder above
            below.clear()
            continue
        seen.add(real)
        yield from (Path(folder, name) for name in names)


def _samples(
    request: PrepareRequest,
    files: list[str],
    hashes: dict[str, str],
    captions: Captions | None,
    classes: list[str],
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Every file that is to be encoded, and every file that is not, with the reason."""
    samples: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    first: dict[tuple[str, str], str] = {}
    sides = {file: _side(request, file, hashes[file]) for file in files}
    held = {hashes[file] for file in files if sides[file] == "test"}
    for number, file in enumerate(files):
        side = sides[file]
        known = captions_of(file, captions) if captions is not None else None
        reason = None
        if captions is not None and known is None:
            reason = "no caption"
        elif request.classes and "/" not in file:
            reason = "in no class's folder"
        elif side == "train" and hashes[file] in held:
            reason = "the same contents are held out"
        elif first.setdefault((side, hashes[file]), file) != file:
            reason = f"the same contents as {first[side, hashes[file]]}"
        if reason is not None:
            skipped.append({"file": file, "reason": reason})
            continue
        sample: dict[str, Any] = {"key": f"{number:08d}", "file": file, "sha256": hashes[file], "split": side}
        if known is not None:
            sample["captions"] = known
        if request.classes:
            sample["class"] = classes.index(file.split("/")[0])
        samples.append(sample)
    return samples, skipped


def _side(request: PrepareRequest, file: str, sha256: str) -> str:
    if request.held_out_folder is not None:
        inside = f"{file}/".startswith(request.held_out_folder.strip("/") + "/")
        return "test" if inside else "train"
    match = re.search(request.group, file) if request.group else None
    identity = hashlib.sha256(match.group(0).encode()).hexdigest() if match else sha256
    return "test" if int(identity[:8], 16) / 2**32 < request.held_out else "train"


def _shards(samples: list[dict[str, Any]], most: int) -> list[dict[str, Any]]:
    shards = []
    for split in ("train", "test"):
        part = [sample for sample in samples if sample["split"] == split]
        for number, begin in enumerate(range(0, len(part), most)):
            file = f"{split}-{number:06d}.tar"
            shards.append({"file": file, "split": split, "samples": part[begin : begin + most]})
    return shards


def load_plan(out: Path) -> dict[str, Any] | None:
    """The plan kept in `out`, if there is one."""
    path = out / PLAN
    plan: dict[str, Any] | None = json.loads(path.read_text()) if path.is_file() else None
    return plan
