"""Writes one shard: decoded pictures, latents, text features, and a receipt of what became of every file."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zigma.common.files import path_of_name, replacing, sha256_of
from zigma.common.words import counted
from zigma.data.encoders import Autoencoder, TextEncoder, as_float16
from zigma.data.folders.kept import PlannedShard, Receipt, Sample, Skipped, keep, receipt_path
from zigma.data.folders.plan import PrepareRequest
from zigma.data.media import UnreadableError, encode_image, load_image, load_video, pack_frames

_BATCH_IMAGES = 8


class ShardWriter:
    """Encodes the files of one shard after the other."""

    def __init__(self, request: PrepareRequest, out: Path, device: str) -> None:
        self.request, self.out = request, out
        self.source = Path(request.source).expanduser()
        self.vae = Autoencoder(request.vae, device) if request.vae else None
        self.clip = TextEncoder(request.clip, device) if request.clip else None

    def write(self, shard: PlannedShard) -> Receipt:
        """Write one shard and its receipt; files that cannot be read are listed in the receipt."""
        path = self.out / shard.file
        skipped: list[Skipped] = []
        written = 0
        with replacing(path) as beside:
            with tarfile.open(beside, "w", format=tarfile.USTAR_FORMAT) as tar, ThreadPoolExecutor(4) as pool:
                chunk = _BATCH_IMAGES if self.request.frames is None else 1
                for begin in range(0, len(shard.samples), chunk):
                    samples = shard.samples[begin : begin + chunk]
                    loaded = list(zip(samples, pool.map(self._load, samples), strict=True))
                    skipped += [
                        Skipped(file=sample.file, reason=str(result))
                        for sample, result in loaded
                        if isinstance(result, UnreadableError)
                    ]
                    good = [(sample, pixels) for sample, pixels in loaded if isinstance(pixels, np.ndarray)]
                    for key, members in self._encode(good):
                        _add(tar, key, members)
                    written += len(good)
            receipt = Receipt(
                file=shard.file,
                split=shard.split,
                samples=written,
                bytes=beside.stat().st_size,
                sha256=sha256_of(beside),
                skipped=skipped,
            )
        keep(receipt_path(self.out, shard), receipt)  # last: it says that the shard is whole
        return receipt

    def _load(self, sample: Sample) -> np.ndarray | UnreadableError:
        """uint8 (H, W, 3) or (T, H, W, 3), or the reason why not."""
        file, request = self.source / path_of_name(sample.file), self.request
        try:
            if request.frames is None:
                return load_image(file, request.size)
            frames = load_video(file, request.size, request.most_frames)
        except UnreadableError as error:
            return error
        if len(frames) < request.frames:
            return UnreadableError(f"{counted(len(frames), 'frame')}, fewer than {request.frames}")
        return frames

    def _encode(self, good: list[tuple[Sample, np.ndarray]]) -> Iterator[tuple[str, dict[str, bytes]]]:
        """Key and members of every sample that was read."""
        if not good:
            return
        request, video = self.request, self.request.frames is not None
        latents = self._latents(good) if self.vae else [None] * len(good)
        for (sample, pixels), latent in zip(good, latents, strict=True):
            members: dict[str, bytes] = {}
            if request.picture is not None and video:
                members["frames.zip"] = pack_frames(pixels, request.picture)
            elif request.picture is not None:
                members[f"image.{request.picture}"] = encode_image(pixels, request.picture)
            if latent is not None:
                members[f"{'frame' if video else 'img'}_feature{request.size}.npy"] = _npy(as_float16(latent))
            if sample.captions is not None:
                members["caption.json"] = json.dumps(sample.captions).encode()
                if self.clip is not None:
                    features = as_float16(self.clip.encode(sample.captions))
                    members["caption_clip_feature.npy"] = _npy(features)
            if sample.class_number is not None:
                members["cls_id.cls"] = str(sample.class_number).encode()
                members["cls_name.json"] = json.dumps(sample.class_name).encode()
            yield sample.key, members

    def _latents(self, good: list[tuple[Sample, np.ndarray]]) -> list[Tensor]:
        """Latents of images together, or of the frames of one video after the other."""
        assert self.vae is not None
        lengths = [1 if pixels.ndim == 3 else len(pixels) for _, pixels in good]
        images = np.concatenate([pixels[None] if pixels.ndim == 3 else pixels for _, pixels in good])
        pictures = torch.from_numpy(images).permute(0, 3, 1, 2)
        # Drawn by the file's contents, so that who encodes it when makes no difference.
        seeds = [
            int(sample.sha256[:12], 16) + t
            for (sample, _), n in zip(good, lengths, strict=True)
            for t in range(n)
        ]
        encoded = torch.cat(
            [
                self.vae.encode(pictures[i : i + _BATCH_IMAGES], self._seeds(seeds[i : i + _BATCH_IMAGES]))
                for i in range(0, len(pictures), _BATCH_IMAGES)
            ]
        )
        return [
            x[0] if pixels.ndim == 3 else x
            for x, (_, pixels) in zip(encoded.split(lengths), good, strict=True)
        ]

    def _seeds(self, seeds: list[int]) -> list[int] | None:
        return seeds if self.request.latent == "sample" else None


def _add(tar: tarfile.TarFile, key: str, members: dict[str, bytes]) -> None:
    for suffix, data in members.items():
        info = tarfile.TarInfo(f"{key}.{suffix}")  # no time and no owner: equal contents give equal shards
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()
