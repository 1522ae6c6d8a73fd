"""Prepared data: shards written by `python -m zigma.data prepare`, or laid out as the released project's.

Samples are reached by index, so the order of a run is decided by its seed and nothing else. What a sample
holds is known by the suffixes of its members (`zigma.data.layout`).
"""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zigma.data.config import DataConfig
from zigma.data.dataset import Batch, Dataset, Indices, as_index, from_uint8
from zigma.data.fingerprints import fingerprint
from zigma.data.layout import Fields, divide, find_fields, read_captions
from zigma.data.media import UnreadableError, load_image, unpack_frames, window
from zigma.data.shards.npy import NpyHeader, Read, read_header, read_rows
from zigma.data.shards.sources import MANIFEST, shard_files, shards_root
from zigma.data.shards.tar_index import Entry, index_shards

LATENT_SCALE = 0.18215  # latents are stored as the autoencoder gives them and seen times this
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
    skipped: dict[str, str] = field(default_factory=dict)
    _open: dict[Path, int] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        complete = []
        for entry in self.entries:
            missing = self.fields.required() - set(entry.members)
            if missing:
                self._skip(entry, f"without {', '.join(sorted(missing))}")
            else:
                complete.append(entry)
        self.entries = complete
        self._pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))

    def __len__(self) -> int:
        return len(self.entries)

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which opens the shards itself."""
        return {key: value for key, value in vars(self).items() if key != "_pool"} | {"_open": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._pool = ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1))

    def batch(self, indices: Indices) -> Batch:
        """See `Split.batch`. Raises ValueError when a sample is not of the configured size."""
        index = as_index(indices, len(self)).tolist()
        for shard in {self.entries[i].shard for i in index}:
            self._descriptor(shard)
        # One draw for the whole batch: what is drawn after it does not depend on how a batch is cut into shares.
        drawn = str(int(torch.randint(2**62, ()))) if self.random else ""
        seen: Counter[int] = Counter()
        choices = []
        for i in index:
            choices.append(self._choice(f"{drawn} {seen[i]}" if drawn else "", i))
            seen[i] += 1
        items = list(self._pool.map(self._readable, index, choices))
        images, classes, captions, text = zip(*items, strict=True)
        return Batch(
            images=torch.stack(images),
            classes=None if self.fields.classes is None else torch.tensor(classes),
            captions=None if self.fields.captions is None else list(captions),
            text=None if self.fields.text is None else torch.stack(text),
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
        assert self.fields.classes is not None
        text = self._reader(entry, self.fields.classes)(0, -1)
        try:
            return int(text)
        except ValueError as error:
            raise UnreadableError(f"the class {text[:40]!r} is not a whole number") from error

    def _choice(self, drawn: str, index: int) -> tuple[float, float]:
        digest = hashlib.sha256((drawn + self.entries[index].key).encode()).digest()
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
        raise ValueError(
            f"no readable sample among {_MOST_UNREADABLE} of {self.config.name}; the last: {reason}"
        )

    def _skip(self, entry: Entry, reason: str) -> None:
        name = f"{entry.shard.name}:{entry.key}"
        if name not in self.skipped:
            warnings.warn(f"skipping {name}: {reason}", stacklevel=2)
            self.skipped[name] = reason

    def _item(self, entry: Entry, which: float, where: float) -> tuple[Any, ...]:
        fields = self.fields
        image = self._latents(entry, where) if self.config.view == "latents" else self._pixels(entry, where)
        label = self._class_of(entry) if fields.classes else None
        captions = (
            read_captions(self._reader(entry, fields.captions)(0, -1), fields.captions)
            if fields.captions
            else None
        )
        caption = captions[int(which * len(captions))] if captions else None
        if fields.text is None:
            return image, label, caption, None
        header = self._header(entry, fields.text)
        if captions is not None and len(header.shape) == 3 and header.shape[0] != len(captions):
            raise UnreadableError(f"{len(captions)} captions with features of {header.shape[0]}")
        count = header.shape[0] if len(header.shape) == 3 else 1
        whole = NpyHeader((count, *header.shape[-2:]), header.dtype, header.begin)
        text = self._rows(entry, fields.text, whole, int(which * count), 1)[0]
        return image, label, caption, text

    def _pixels(self, entry: Entry, where: float) -> Tensor:
        data, size = self._reader(entry, self.fields.images)(0, -1), self.config.size
        if self.config.frames is None:
            pixels = load_image(data, size)
        else:
            pixels = unpack_frames(data, size, where, self.config.frames)
        return from_uint8(torch.from_numpy(pixels.copy()).movedim(-1, -3))

    def _latents(self, entry: Entry, where: float) -> Tensor:
        header, side = self._header(entry, self.fields.images), self.config.size // 8
        if header.shape[-2:] != (side, side):
            raise ValueError(
                f"the latents of {entry.shard.name}:{entry.key} are {header.shape[-2:]}, but a size of "
                f"{self.config.size} pixels has ({side}, {side})"
            )
        if self.config.frames is None:
            return LATENT_SCALE * self._rows(entry, self.fields.images, header, 0, header.shape[0])
        if len(header.shape) != 4:
            raise UnreadableError(f"the latents of a video have 4 axes, not {len(header.shape)}")
        first = window(header.shape[0], self.config.frames, where)
        return LATENT_SCALE * self._rows(entry, self.fields.images, header, first, self.config.frames)

    def _header(self, entry: Entry, suffix: str) -> NpyHeader:
        try:
            return read_header(self._reader(entry, suffix))
        except ValueError as error:
            raise UnreadableError(f"{suffix}: {error}") from error

    def _rows(self, entry: Entry, suffix: str, header: NpyHeader, first: int, count: int) -> Tensor:
        try:
            rows = read_rows(self._reader(entry, suffix), header, first, count)
        except ValueError as error:
            raise UnreadableError(f"{suffix}: {error}") from error
        return torch.from_numpy(rows.astype(np.float32))

    def _reader(self, entry: Entry, suffix: str) -> Read:
        """Reads (offset, length) within a member; a negative length means to its end."""
        begin, whole = entry.members[suffix]
        descriptor = self._descriptor(entry.shard)

        def read(offset: int, length: int) -> bytes:
            left = max(0, whole - offset)
            return os.pread(descriptor, left if length < 0 else min(length, left), begin + offset)

        return read

    def _descriptor(self, shard: Path) -> int:
        if shard not in self._open:
            self._open[shard] = os.open(shard, os.O_RDONLY)
        return self._open[shard]


def load(config: DataConfig) -> Dataset:
    """The shards of `config.root` (or of $ZIGMA_DATA/NAME-SIZE) as a data set.

    Raises ValueError when the folder, the wanted members or one of the two parts is missing.
    """
    root = shards_root(config)
    entries = index_shards(shard_files(root))
    fields = find_fields(config, entries)
    train, held_out = (
        ShardSplit(part, fields, config, random=i == 0) for i, part in enumerate(divide(entries))
    )
    if not len(train) or not len(held_out):
        raise ValueError(
            f"{root} holds {len(train)} training and {len(held_out)} held-out samples; both are needed"
        )
    names = _class_names(root)
    classes = None
    if fields.classes is not None:
        classes = len(names) or 1 + max(train.largest_class(), held_out.largest_class())
    return Dataset(
        train=train,
        held_out=held_out,
        classes=classes,
        channels=held_out.batch([0]).images.shape[-3],
        fingerprint=fingerprint(config),
        class_names=names,
    )


def _class_names(root: Path) -> tuple[str, ...]:
    manifest = root / MANIFEST
    return tuple(json.loads(manifest.read_text()).get("classes", ())) if manifest.is_file() else ()
