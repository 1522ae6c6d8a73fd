"""Prepared data: shards written by `python -m zigma.data prepare`, or laid out as the released project's.

Samples are reached by index, so the order of a run is decided by its seed and nothing else. What a sample
holds is known by the suffixes of its members (`zigma.data.layout`).
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from zigma.common.words import counted
from zigma.data.config import DataConfig
from zigma.data.dataset import Batch, Dataset, Indices, as_index, from_uint8
from zigma.data.fingerprints import fingerprint
from zigma.data.layout import Fields, class_number, divide, find_fields, first_of, read_captions
from zigma.data.media import UnreadableError, load_image, unpack_frames, window
from zigma.data.shards.descriptors import Descriptors
from zigma.data.shards.manifest import read_manifest
from zigma.data.shards.npy import NpyHeader, Read, member_reader, read_header, read_rows
from zigma.data.shards.sources import shard_files, shards_root
from zigma.data.shards.tar_index import Entry, index_shards

LATENT_SCALE = 0.18215  # latents are stored as the autoencoder gives them and seen times this
_MOST_BYTES = 2**28  # of a picture, a zip of frames or a text
_MOST_UNREADABLE = 64  # in a row, after which the shards are taken to be wrong as a whole


@dataclass
class ShardSplit:
    """Samples read from shards when they are asked for, several at once.

    A sample that cannot be read is replaced by the next one that can, with a warning, and stays listed in
    `skipped` (key -> reason). `random` says whether the caption out of several and the frames out of a longer
    video are drawn anew each time (from torch's global generator) or fixed by the sample's key.
    """

    entries: list[Entry]
    fields: Fields
    config: DataConfig
    random: bool
    classes: int | None = None  # how many, where a manifest names them
    skipped: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        complete = []
        for entry in self.entries:
            missing = self.fields.missing(entry)
            if missing:
                self._skip(entry, f"without {', '.join(missing)}")
            else:
                complete.append(entry)
        self.entries = complete
        self._process: tuple[int, ThreadPoolExecutor, Descriptors] | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def fixed(self) -> ShardSplit:
        """The same samples with nothing drawn: what a metric is taken against is the same in every run."""
        return replace(self, random=False)

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which opens the shards itself."""
        return vars(self) | {"_process": None}

    def _of_process(self) -> tuple[ThreadPoolExecutor, Descriptors]:
        """Threads and open files of this process: in a forked one the parent's threads are gone and never answer."""
        if self._process is None or self._process[0] != os.getpid():
            threads = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))
            self._process = (os.getpid(), threads, Descriptors())
        return self._process[1:]

    def batch(self, indices: Indices) -> Batch:
        """See `Split.batch`. Raises ValueError when a sample is not of the configured size."""
        index = as_index(indices, len(self)).tolist()
        # One draw for the whole batch: what is drawn after it does not depend on how a batch is cut into shares.
        drawn = str(int(torch.randint(2**62, ()))) if self.random else ""
        seen: Counter[int] = Counter()
        choices = []
        for i in index:
            choices.append(self._choice(f"{drawn} {seen[i]}" if drawn else "", i))
            seen[i] += 1
        if not index:
            raise ValueError("a batch of no samples has no shape")
        items = list(self._of_process()[0].map(self._readable, index, choices))
        images, classes, captions, text = zip(*items, strict=True)
        return Batch(
            images=_stack(images, "images"),
            classes=torch.tensor(classes) if self.fields.classes else None,
            captions=list(captions) if self.fields.captions else None,
            text=_stack(text, "text features") if self.fields.text else None,
        )

    def largest_class(self) -> int:
        """The largest class of any sample; samples whose class cannot be read are skipped."""
        largest = -1
        for entry in self.entries:
            try:
                largest = max(largest, self._class_of(entry))
            except UnreadableError as error:
                self._skip(entry, str(error))
        return largest

    def _class_of(self, entry: Entry) -> int:
        number = class_number(self._whole(entry, self.fields.classes))
        if self.classes is not None and number >= self.classes:
            raise UnreadableError(f"the class {number} is none of the {self.classes} that the manifest names")
        return number

    def _choice(self, drawn: str, index: int) -> tuple[float, float]:
        digest = hashlib.sha256(os.fsencode(drawn + self.entries[index].key)).digest()
        first, second = (int.from_bytes(digest[i : i + 4], "big") / 2**32 for i in (0, 4))
        return first, second

    def _readable(self, index: int, choice: tuple[float, float]) -> tuple[Any, ...]:
        reason = ""
        for step in range(min(len(self), _MOST_UNREADABLE)):
            entry = self.entries[(index + step) % len(self)]
            try:
                return self._item(entry, *choice)
            except UnreadableError as error:
                reason = str(error)
                self._skip(entry, reason)
        tried = min(len(self), _MOST_UNREADABLE)
        raise ValueError(f"no readable sample among {tried} of {self.config.name}; the last: {reason}")

    def _skip(self, entry: Entry, reason: str) -> None:
        name = f"{entry.shard.name}:{entry.key}"
        if name not in self.skipped:
            warnings.warn(f"skipping {name}: {reason}", stacklevel=2)
            self.skipped[name] = reason

    def _item(self, entry: Entry, which: float, where: float) -> tuple[Any, ...]:
        fields = self.fields
        image = self._latents(entry, where) if self.config.view == "latents" else self._pixels(entry, where)
        label = self._class_of(entry) if fields.classes else None
        captions = None
        if suffix := first_of(entry, fields.captions):
            captions = read_captions(self._whole(entry, fields.captions), suffix)
        caption = captions[int(which * len(captions))] if captions else None
        text = self._text(entry, which, captions) if fields.text else None
        return image, label, caption, text

    def _pixels(self, entry: Entry, where: float) -> Tensor:
        data, size = self._whole(entry, self.fields.images), self.config.size
        if self.config.frames is None:
            pixels = load_image(data, size)
        else:
            pixels = unpack_frames(data, size, where, self.config.frames)
        return from_uint8(torch.from_numpy(pixels.copy()).movedim(-1, -3))

    def _latents(self, entry: Entry, where: float) -> Tensor:
        side, frames = self.config.size // 8, self.config.frames
        with self._array(entry, self.fields.images) as (read, header):
            if header.shape[-2:] != (side, side):
                raise ValueError(
                    f"the latents of {entry.shard.name}:{entry.key} are {header.shape[-2:]}, but a size of "
                    f"{self.config.size} pixels has ({side}, {side})"
                )
            axes = 3 if frames is None else 4
            if len(header.shape) != axes:
                raise UnreadableError(f"latents of {axes} axes are needed, not of {len(header.shape)}")
            first = 0 if frames is None else window(header.shape[0], frames, where)
            rows = header.shape[0] if frames is None else frames
            return LATENT_SCALE * self._numbers(entry, read, header, first, rows)

    def _text(self, entry: Entry, which: float, captions: list[str] | None) -> Tensor:
        """Features (tokens, width) of the caption that `which` chooses, out of one or of as many as captions."""
        with self._array(entry, self.fields.text) as (read, header):
            if len(header.shape) not in (2, 3) or not all(header.shape):
                raise UnreadableError(f"text features have the shape {header.shape}")
            count = header.shape[0] if len(header.shape) == 3 else 1
            if captions is not None and len(header.shape) == 3 and count != len(captions):
                raise UnreadableError(f"{counted(len(captions), 'caption')} with features of {count}")
            rows = NpyHeader((count, *header.shape[-2:]), header.dtype, header.begin)
            return self._numbers(entry, read, rows, int(which * count), 1)[0]

    def _numbers(self, entry: Entry, read: Read, header: NpyHeader, first: int, count: int) -> Tensor:
        try:
            return torch.from_numpy(read_rows(read, header, first, count))
        except ValueError as error:
            raise UnreadableError(f"an array of {entry.key}: {error}") from error

    @contextmanager
    def _array(self, entry: Entry, suffixes: tuple[str, ...]) -> Iterator[tuple[Read, NpyHeader]]:
        """The header of an array, and what reads it."""
        with self._member(entry, suffixes) as read:
            try:
                header = read_header(read)
            except ValueError as error:
                raise UnreadableError(f"{first_of(entry, suffixes)}: {error}") from error
            yield read, header

    def _whole(self, entry: Entry, suffixes: tuple[str, ...]) -> bytes:
        with self._member(entry, suffixes) as read:
            return read(0, _MOST_BYTES)

    @contextmanager
    def _member(self, entry: Entry, suffixes: tuple[str, ...]) -> Iterator[Read]:
        """Reads (offset, length) within a sample's member, the first that it has of these suffixes."""
        suffix = first_of(entry, suffixes)
        assert suffix is not None  # samples without were left out
        with self._of_process()[1].reading(entry.shard) as descriptor:
            yield member_reader(descriptor, *entry.members[suffix])


def _stack(tensors: Sequence[Tensor], what: str) -> Tensor:
    shapes = {tuple(tensor.shape) for tensor in tensors}
    if len(shapes) > 1:
        raise ValueError(
            f"{what} of different shapes do not make a batch: {', '.join(map(str, sorted(shapes)))}"
        )
    return torch.stack(list(tensors))


def load(config: DataConfig) -> Dataset:
    """The shards of `config.root` (or of $ZIGMA_DATA/NAME-SIZE) as a data set.

    Raises ValueError when the folder, the wanted members or one of the two parts is missing.
    """
    root = shards_root(config)
    manifest = read_manifest(root)
    entries = index_shards(shard_files(root))
    fields = find_fields(config, entries)
    names = () if manifest is None or not fields.classes else tuple(manifest.classes)
    train, held_out = (
        ShardSplit(part, fields, config, random=i == 0, classes=len(names) or None)
        for i, part in enumerate(divide(entries))
    )
    if not len(train) or not len(held_out):
        raise ValueError(
            f"{root} holds {len(train)} training and {len(held_out)} held-out samples; both are needed"
        )
    classes = None
    if fields.classes:
        classes = len(names) or 1 + max(train.largest_class(), held_out.largest_class())
        if not classes:
            raise ValueError(f"no sample of {root} has a class that can be read")
    return Dataset(
        train=train,
        held_out=held_out,
        classes=classes,
        channels=held_out.batch([0]).images.shape[-3],
        fingerprint=fingerprint(config),
        class_names=names,
    )
