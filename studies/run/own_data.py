"""Prepare a person's folder of images for runs: once for each contents, below the results folder."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from studies.declare.own_data import FILE, FOLDER, MOST_WORDS, OwnData, own_data
from studies.declare.registry import studies
from zigma.common.files import read_json, replace_json, text_of_name
from zigma.common.remembered import remembered_sha256
from zigma.common.words import WordError, counted, printable, shown

if TYPE_CHECKING:
    from zigma.data.folders.plan import PrepareRequest

MAYBE = "metadata"  # Hugging Face's name of a table that may hold captions, or anything else
TABLES = ("captions", MAYBE)  # names of captions' tables beside the images, with one of these endings
ENDINGS = (".csv", ".jsonl", ".json")
USED_FROM = 0.5  # share of the images that must have a text beside them for those to be captions
LISTED = 5  # skipped files that are named for each reason
FEWEST = 2  # held-out images: fewer have no covariance
LONGEST_NAME = 60  # bytes of the folder's name in that of a setting
LARGEST = 4096  # pixels a side
HELD_OUT = 500  # images that are held out of a large folder; a fifth of a small one


def prepare_own(
    folder: Path,
    size: int,
    results: Path,
    *,
    captions: Path | None = None,
    latents: bool = False,
    say: Callable[[str], None] = print,
) -> OwnData:
    """The folder as shards of `size` pixels a side. What was prepared of the same contents before is taken as it is.

    Classes are the first folders below `folder`, where every image lies in one of several. Of two folders such as
    train and test, the images of the second are held out; else a share, decided by their contents. Captions are those
    of `captions`, of a table beside the images (captions.csv, .json, .jsonl), or of .txt files beside them.

    Raises:
        WordError: no folder, no images, too few of them, a caption that is too long, a size that cannot be, or a
            results folder among the images.
    """
    from zigma.data.folders.kept import read_plan
    from zigma.data.folders.plan import PrepareRequest, say_unused
    from zigma.data.folders.prepare import prepare
    from zigma.data.weights import autoencoder_folder

    folder = folder.expanduser()
    if not folder.is_dir():
        raise WordError(f"--data takes a folder of images; there is no folder {folder}")
    if not 8 <= size <= LARGEST or size % 8:
        raise WordError(
            f"--size takes pixels that 8 divides, such as 32 or 64, {LARGEST} at most, not {size}"
        )
    images = _images(folder)
    if not images:
        shards = "; its tar files are shards, which scale `paper` reads: see zigma/data/README.md"
        raise WordError(f"--data {folder} holds no image{shards if any(folder.glob('*.tar')) else ''}")
    captions = captions or _captions_beside(folder, images, say)
    held_out = _held_out_folder(folder, images, say)
    hashes = list(remembered_sha256(images, from_bytes=1 << 20))
    request = PrepareRequest(
        source=str(folder),
        size=size,
        captions=None if captions is None else str(captions),
        classes=_has_classes(folder, images, held_out),
        held_out_folder=held_out,
        held_out=_share(hashes),
        vae=str(autoencoder_folder()) if latents else None,
    )
    name = _beginning(re.sub(r"[^\w+-]+", "_", folder.resolve().name).strip("_")) or "images"
    key = _key(folder, images, hashes, request)
    root = results / FOLDER / f"{name}-{size}-{key}"
    if results.resolve().is_relative_to(folder.resolve()):
        raise WordError(f"--data {folder} holds the results folder {results}: choose another by --results")
    with _alone(root, say):
        if (done := _prepared_before(root, results)) is not None:
            if (plan := read_plan(root)) is not None:
                say_unused(plan.unused_captions, say)
            _say_skipped(read_json(root / "manifest.json"), say)
            return done
        shutil.rmtree(root, ignore_errors=True)  # begun and not finished, or damaged since
        manifest = prepare(request, root, say=say)
        assert manifest is not None
        _say_skipped(manifest, say)
        try:
            data = _as_prepared(folder, f"{name}-{size}", key, root, results, request, manifest)
        except WordError:
            shutil.rmtree(root)
            raise
        replace_json(root / FILE, asdict(data))
    return data


def _beginning(name: str) -> str:
    """As much of a name as has room in that of a record."""
    return name.encode()[:LONGEST_NAME].decode(errors="ignore")


def _share(hashes: list[str]) -> float:
    """Which share is held out: a fifth of few images, less of many, and never fewer than a distance needs.

    An image is held out where its hash, as a number from 0 to 1, lies below the share (`zigma.data.folders.plan`).
    """
    least = sorted(int(each[:8], 16) / 2**32 for each in set(hashes))[:FEWEST]
    return max(min(0.2, max(0.05, HELD_OUT / len(hashes))), least[-1] + 2**-32)


@contextmanager
def _alone(root: Path, say: Callable[[str], None]) -> Iterator[None]:
    """While one process prepares a folder of images, others wait."""
    root.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(root.with_name(f".{root.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("another process prepares these images; waiting for it")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _prepared_before(root: Path, results: Path) -> OwnData | None:
    """What was prepared there; None where nothing was, or where shards have been lost or changed since."""
    from zigma.data.shards.sources import shards_identity

    done = next((data for data in own_data(results) if Path(data.root) == root.absolute()), None)
    try:
        if done is not None:
            shards_identity(root)
    except ValueError:
        return None
    return done


def _as_prepared(
    folder: Path, name: str, key: str, root: Path, results: Path, request: PrepareRequest, manifest: Any
) -> OwnData:
    """Raises WordError for too few images, and for captions that are too long."""
    counts = manifest["counts"]
    if counts["held_out"] < FEWEST or counts["train"] < FEWEST:
        raise WordError(
            f"--data {folder}: {counted(counts['train'], 'image')} to train on and {counts['held_out']} to compare "
            f"with are too few; give about 20 different ones or more"
        )
    words, longest = _longest_caption(root)
    if words > MOST_WORDS and request.vae is None:
        raise WordError(
            f"--data {folder}: the caption {shown(longest, 60)!r} has {words} words; at most {MOST_WORDS} can be read"
        )
    return OwnData(
        _setting(name, key, results),
        str(root.absolute()),
        request.size,
        counts["train"],
        counts["held_out"],
        len(manifest["classes"]),
        words,
        request.vae is not None,
    )


def _images(folder: Path) -> list[Path]:
    from zigma.data.folders.walk import walk
    from zigma.data.media import IMAGE_SUFFIXES

    images = [path for path in walk(folder).files if path.suffix.lower() in IMAGE_SUFFIXES]
    # alike in every locale
    return sorted(images, key=lambda path: Path(text_of_name(path.relative_to(folder))))


def _captions_beside(folder: Path, images: list[Path], say: Callable[[str], None]) -> Path | None:
    from zigma.data.folders.annotations import read_captions_file

    names = [image.relative_to(folder).as_posix() for image in images]
    for table in (folder / f"{stem}{ending}" for stem in TABLES for ending in ENDINGS):
        if not table.is_file():
            continue
        try:
            served = table.stem != MAYBE or _served(names, read_captions_file(table))
        except ValueError as error:
            say(printable(f"{table.name} is not used: {error}"))
            continue
        if served:
            return table
        say(f"{table.name} is not used: it holds no caption of an image here")
    having = sum(_says_something(image.with_suffix(".txt")) for image in images)
    if having and having < USED_FROM * len(images):
        say(
            f"captions are not used: {having} of {counted(len(images), 'image')} have one in a .txt beside them"
        )
    return folder if having and having >= USED_FROM * len(images) else None


def _served(names: list[str], captions: dict[str, list[str]]) -> bool:
    from zigma.data.folders.matching import match_captions

    return any(isinstance(texts, list) for texts in match_captions(names, captions).values())


def _says_something(text: Path) -> bool:
    return text.is_file() and bool(text.read_bytes().strip())


def _held_out_folder(folder: Path, images: list[Path], say: Callable[[str], None]) -> str | None:
    """Of two splits, one of them to train on, the other; None where the folders do not say what is to be held out."""
    from zigma.data.folders.annotations import split_folders

    splits = split_folders(image.relative_to(folder).as_posix() for image in images)
    others = [split for split in splits if not Path(split).name.lower().startswith("train")]
    if len(splits) == 2 and len(others) == 1:
        say(printable(f"held out are the images in {others[0]}; the others are trained on"))
        return others[0]
    if len(splits) > 1:
        names = ", ".join(splits)
        say(
            printable(
                f"{names} are one data set here, of which a share is held out; of two folders one would be"
            )
        )
    return None


def _has_classes(folder: Path, images: list[Path], held_out: str | None) -> bool:
    """Whether every image lies in the folder of a class, and there are several."""
    from zigma.data.folders.annotations import class_folders

    classes = set(
        class_folders([image.relative_to(folder).as_posix() for image in images], held_out).values()
    )
    return None not in classes and len(classes) > 1


def _key(folder: Path, images: list[Path], hashes: list[str], request: Any) -> str:
    """A hash of what the shards will hold: names and contents of the images, their captions, and what is asked for."""
    from zigma.data.folders.plan import identity_of
    from zigma.data.weights import autoencoder_identity

    digest = hashlib.sha256(repr(sorted(identity_of(request, {}).items())).encode())
    for image, contents in zip(images, hashes, strict=True):
        digest.update(os.fsencode(f"{image.relative_to(folder).as_posix()}\0{contents}\n"))
    digest.update(autoencoder_identity().encode() if request.vae is not None else b"False")
    return digest.hexdigest()[:8]


def _setting(name: str, key: str, results: Path) -> str:
    """The name, unless other contents or a declared setting have it already."""
    declared = {at for study in studies().values() for settings in study.scales.values() for at in settings}
    return f"{name}-{key[:4]}" if name in {data.setting for data in own_data(results)} | declared else name


def _longest_caption(root: Path) -> tuple[int, str]:
    """How many words it has, and the caption; 0 where there is none."""
    from zigma.data.folders.kept import read_plan
    from zigma.data.text import words_of

    plan = read_plan(root)
    samples = [] if plan is None else [sample for shard in plan.shards for sample in shard.samples]
    captions = (caption for sample in samples for caption in sample.captions or ())
    return max(((len(words_of(caption)), caption) for caption in captions), default=(0, ""))


def _say_skipped(manifest: dict[str, Any], say: Callable[[str], None]) -> None:
    reasons = Counter(str(row["reason"]) for row in manifest.get("skipped", []))
    for reason, count in reasons.most_common(LISTED):
        files = [str(row["file"]) for row in manifest.get("skipped", []) if row["reason"] == reason]
        more = f" and {count - LISTED} more" if count > LISTED else ""
        say(printable(f"skipped, {reason}: {', '.join(files[:LISTED])}{more}"))
    if len(reasons) > LISTED:
        others = sum(count for _, count in reasons.most_common()[LISTED:])
        say(f"skipped for {counted(len(reasons) - LISTED, 'other reason')}: {counted(others, 'file')}")
