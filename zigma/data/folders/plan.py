"""Which file goes into which shard: decided once, before anything is encoded, and kept in OUT/plan.json.

A file's side (train or held-out) is decided by a hash of its contents, or of the group its name belongs to:
equal pictures are never on both sides, and adding files moves none of the others.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from zigma.common.files import path_of_name, sha256_of, text_of_name
from zigma.common.words import counted, printable
from zigma.data.folders.annotations import (
    caption_files,
    captions_identity,
    class_folders,
    read_captions_file,
)
from zigma.data.folders.kept import Plan, PlannedShard, Sample, Skipped, Unused
from zigma.data.folders.matching import Matched, matched
from zigma.data.folders.walk import Walk, walk
from zigma.data.media import IMAGE_SUFFIXES, VIDEO_SUFFIXES

# raised when the same request would give other shards
_RECIPE = 2
_RECIPE_OF_CAPTIONS = 3  # captions whose folders contradict a file's are not used
LISTED = 5  # captions of no file that are named on the screen


@dataclass(frozen=True)
class PrepareRequest:
    """What is to be prepared. Everything here decides what the shards hold; how fast is said elsewhere."""

    source: str
    size: int = 256
    frames: int | None = None  # prepare videos of at least so many frames; None for images
    most_frames: int | None = None  # of a long video, only the first
    captions: str | None = None  # file or folder, see zigma.data.folders.annotations
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
        if self.most_frames is not None and self.most_frames < (self.frames or 1):
            raise ValueError(f"most_frames={self.most_frames} would leave less than frames={self.frames}")
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


def make_plan(request: PrepareRequest, weights: dict[str, str], say: Callable[[str], None]) -> Plan:
    """What `request` asks for, decided for every file.

    `weights` names the encoders' hashes. Raises ValueError when the source holds nothing to prepare.
    """
    source = _source(request)
    below = walk(source)
    suffixes = IMAGE_SUFFIXES if request.frames is None else VIDEO_SUFFIXES
    files = sorted(
        text_of_name(file.relative_to(source).as_posix())
        for file in below.files
        if file.suffix.lower() in suffixes
    )
    if not files:
        raise ValueError(f"{source} holds no file ending in {', '.join(sorted(suffixes))}")
    captions = _captions(request, files)
    passed_over = _passed_over(below, suffixes, _caption_files(request))
    unused = Unused() if captions is None else Unused.of(captions.unused)
    if captions is not None:
        having = sum(isinstance(texts, list) for texts in captions.texts.values())
        say(f"captions for {having} of {counted(len(files), 'file')}, from {request.captions}")
    if passed_over:
        say("passed over: " + ", ".join(f"{count} {what}" for what, count in passed_over.items()))
    say(f"reading {counted(len(files), 'file')} once for their hashes")
    with ThreadPoolExecutor(max_workers=8) as pool:
        hashes = dict(
            zip(files, pool.map(lambda file: sha256_of(source / path_of_name(file)), files), strict=True)
        )
    classes = class_folders(files, request.held_out_folder) if request.classes else None
    if classes is not None and not any(classes.values()):
        raise ValueError(f"no file of {source} lies in the folder of a class")
    samples, skipped = _samples(request, files, hashes, None if captions is None else captions.texts, classes)
    broken = [
        {
            "file": printable(text_of_name(file.relative_to(source).as_posix(), "surrogateescape")),
            "reason": reason,
        }
        for file, reason in below.broken.items()
        if file.suffix.lower() in suffixes
    ]
    return Plan(
        listing=_listing(source, below),
        request=identity_of(request, weights),
        classes=sorted({name for name in classes.values() if name}) if classes is not None else [],
        passed_over=passed_over,
        skipped=[Skipped(**row) for row in (*skipped, *broken)],
        unused_captions=unused,
        shards=_shards(samples, request.shard_samples),
    )


def _passed_over(below: Walk, suffixes: frozenset[str], captions: set[Path]) -> dict[str, int]:
    """How many files there are of each suffix that is neither prepared nor captions, and how many hidden ones."""
    left = (file for file in below.files if file.resolve() not in captions)
    counts = Counter(text_of_name(file.suffix).lower() or "without suffix" for file in left)
    others = {suffix: count for suffix, count in sorted(counts.items()) if suffix not in suffixes}
    return others | ({"hidden or a system's": below.hidden} if below.hidden else {})


def say_unused(unused: Unused, say: Callable[[str], None]) -> None:
    """In a line, how many captions are of no file, and the first of them."""
    if unused.count:
        listed = ", ".join(unused.first[:LISTED]) + (", ..." if unused.count > LISTED else "")
        say(printable(f"captions of no file: {unused.count:,} ({listed})"))


def _captions(request: PrepareRequest, files: list[str]) -> Matched | None:
    """For each file its captions, or why it has none; None where captions are not asked for."""
    if request.captions is None:
        return None
    captions = matched(files, read_captions_file(Path(request.captions).expanduser()))
    if all(isinstance(texts, str) for texts in captions.texts.values()):
        example = f"; the captions are of {', '.join(captions.unused[:3])}" if captions.unused else ""
        raise ValueError(
            f"no file has a caption of its own in {request.captions}; "
            f"{files[0]}: {captions.texts[files[0]]}{example}"
        )
    return captions


def _caption_files(request: PrepareRequest) -> set[Path]:
    """The files that captions are read from."""
    if request.captions is None:
        return set()
    return {file.resolve() for _, file in caption_files(Path(request.captions).expanduser())}


def identity_of(request: PrepareRequest, weights: dict[str, str]) -> dict[str, Any]:
    """What two preparations must share for one to go on with the other: not where things lie."""
    places = ("source", "captions", "vae", "clip")
    options = {key: value for key, value in asdict(request).items() if key not in places}
    captions = captions_identity(Path(request.captions).expanduser()) if request.captions else None
    recipe = _RECIPE if captions is None else _RECIPE_OF_CAPTIONS
    return {"recipe": recipe, **options, "captions": captions, "weights": weights}


def listing_sha256(request: PrepareRequest) -> str:
    """A hash of the names, sizes and times of the files under the source: they must not change half-way."""
    source = _source(request)
    return _listing(source, walk(source))


def _source(request: PrepareRequest) -> Path:
    """The folder that is prepared. Raises ValueError where there is none."""
    source = Path(request.source).expanduser()
    if not source.is_dir():
        raise ValueError(f"no folder {source} to prepare")
    return source


def _listing(source: Path, below: Walk) -> str:
    digest = hashlib.sha256()
    for name, file in sorted((Path(text_of_name(file.relative_to(source))), file) for file in below.files):
        status = file.stat()
        digest.update(f"{name}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def _samples(
    request: PrepareRequest,
    files: list[str],
    hashes: dict[str, str],
    captions: dict[str, list[str] | str] | None,
    classes: dict[str, str | None] | None,
) -> tuple[list[Sample], list[dict[str, str]]]:
    """Every file that is to be encoded, and every file that is not, with the reason."""
    samples: list[Sample] = []
    skipped: list[dict[str, str]] = []
    first: dict[tuple[str, str], str] = {}
    names = sorted({name for name in classes.values() if name}) if classes is not None else []
    sides = {file: _side(request, file, hashes[file]) for file in files}
    held = {hashes[file] for file in files if sides[file] == "test"}
    if request.held_out_folder is not None and not held:
        raise ValueError(f"no file lies in the folder {request.held_out_folder} that is to be held out")
    for number, file in enumerate(files):
        side = sides[file]
        texts = captions[file] if captions is not None else None
        name = classes[file] if classes is not None else None
        reason = None
        if isinstance(texts, str):
            reason = texts
        elif classes is not None and name is None:
            reason = "in no class's folder"
        elif side == "train" and hashes[file] in held:
            reason = "the same contents are held out"
        elif first.setdefault((side, hashes[file]), file) != file:
            reason = f"the same contents as {first[side, hashes[file]]}"
        if reason is not None:
            skipped.append({"file": file, "reason": reason})
            continue
        samples.append(
            Sample(
                key=f"{number:08d}",
                file=file,
                sha256=hashes[file],
                split=side,
                captions=texts if isinstance(texts, list) else None,
                class_number=None if name is None else names.index(name),
                class_name=name,
            )
        )
    return samples, skipped


def _side(request: PrepareRequest, file: str, sha256: str) -> Literal["train", "test"]:
    if request.held_out_folder is not None:
        inside = f"{file}/".startswith(request.held_out_folder.strip("/") + "/")
        return "test" if inside else "train"
    match = re.search(request.group, file) if request.group else None
    identity = hashlib.sha256(match.group(0).encode()).hexdigest() if match else sha256
    return "test" if int(identity[:8], 16) / 2**32 < request.held_out else "train"


def _shards(samples: list[Sample], most: int) -> list[PlannedShard]:
    shards = []
    for split in ("train", "test"):
        part = [sample for sample in samples if sample.split == split]
        for number, begin in enumerate(range(0, len(part), most)):
            file = f"{split}-{number:06d}.tar"
            shards.append(PlannedShard(file=file, split=split, samples=part[begin : begin + most]))
    return shards
