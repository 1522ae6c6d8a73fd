"""From a folder of images or videos to shards with latents and text features.

Every shard is written under another name first and renamed when it is whole, with a receipt beside it
(`train-000000.json`). The same command again makes what is missing; several machines share the work by `part`.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from zigma.data.encoders import Autoencoder, TextEncoder, as_float16, weights_identity
from zigma.data.media import UnreadableError, encode_image, load_image, load_video, pack_frames
from zigma.data.plan import PLAN, PrepareRequest, identity_of, listing_sha256, load_plan, make_plan
from zigma.data.shards import LATENT_SCALE
from zigma.data.sources import MANIFEST, sha256_of

_FORMAT = 1
_BATCH_IMAGES = 8


def prepare(
    request: PrepareRequest,
    out: Path,
    *,
    workers: int = 1,
    device: str = "cpu",
    part: tuple[int, int] = (0, 1),
    say: Callable[[str], None] = print,
) -> dict[str, Any] | None:
    """Write the shards of `request` into `out`, or go on where an earlier call stopped.

    Returns the manifest, or None while shards of other parts are missing. `part` = (i, n) takes every n-th
    shard from the i-th on. Raises ValueError when `out` holds a preparation of something else.
    """
    if out.expanduser().resolve().is_relative_to(Path(request.source).expanduser().resolve()):
        raise ValueError(
            f"the shards cannot lie inside the folder they are made from: choose another than {out}"
        )
    plan = _plan(request, out, say)
    todo = [shard for shard in plan["shards"][part[0] :: part[1]] if not _done(out, shard)]
    total = sum(len(shard["samples"]) for shard in todo)
    with tqdm(total=total, unit="file", desc=f"{len(todo)} shards", disable=None) as progress:
        for receipt in _receipts(request, out, todo, workers, device):
            progress.update(receipt["samples"] + len(receipt["skipped"]))
    if not all(_done(out, shard) for shard in plan["shards"]):
        say("shards of other parts are still missing; the manifest is written when they are there")
        return None
    manifest = _manifest(out, plan)
    _write(out / MANIFEST, manifest)
    counts = manifest["counts"]
    say(
        f"{counts['train']} training, {counts['held_out']} held-out, {counts['skipped']} skipped (see {MANIFEST})"
    )
    return manifest


def _plan(request: PrepareRequest, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    weights = {
        name: weights_identity(folder, part)
        for name, folder, part in (("vae", request.vae, "vae"), ("clip", request.clip, "text_encoder"))
        if folder is not None
    }
    listing, wanted = listing_sha256(request), identity_of(request, weights)
    plan = load_plan(out)
    if plan is None:
        plan = {"listing": listing, **make_plan(request, weights, say)}
        out.mkdir(parents=True, exist_ok=True)
        _write(out / PLAN, plan)
        return plan
    differs = [key for key in wanted if plan["request"].get(key) != wanted[key]]
    if plan["listing"] != listing:
        differs.append("the files of the source")
    if differs:
        raise ValueError(
            f"{out} holds another preparation ({', '.join(differs)} differ): choose another folder"
        )
    return plan


def _done(out: Path, shard: dict[str, Any]) -> bool:
    file, receipt = out / shard["file"], _receipt_path(out, shard)
    return (
        receipt.is_file()
        and file.is_file()
        and json.loads(receipt.read_text())["bytes"] == file.stat().st_size
    )


def _receipt_path(out: Path, shard: dict[str, Any]) -> Path:
    return (out / shard["file"]).with_suffix(".json")


def _receipts(
    request: PrepareRequest, out: Path, shards: list[dict[str, Any]], workers: int, device: str
) -> Iterator[dict[str, Any]]:
    """The receipt of every shard as it is finished, by this process or by `workers` others."""
    if workers <= 1 or len(shards) <= 1:
        writer = ShardWriter(request, out, device)
        yield from (writer.write(shard) for shard in shards)
        return
    threads = max(1, (os.cpu_count() or 1) // workers)
    with ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_start, initargs=(request, out, device, threads)
    ) as pool:
        jobs = [pool.submit(_write_shard, shard) for shard in shards]
        for job in as_completed(jobs):
            yield job.result()


_writer: ShardWriter | None = None  # of a worker process, which loads the encoders once


def _start(request: PrepareRequest, out: Path, device: str, threads: int) -> None:
    global _writer
    torch.set_num_threads(threads)
    _writer = ShardWriter(request, out, device)


def _write_shard(shard: dict[str, Any]) -> dict[str, Any]:
    assert _writer is not None
    return _writer.write(shard)


class ShardWriter:
    """Encodes the files of one shard after the other."""

    def __init__(self, request: PrepareRequest, out: Path, device: str) -> None:
        self.request, self.out = request, out
        self.source = Path(request.source).expanduser()
        self.vae = Autoencoder(request.vae, device) if request.vae else None
        self.clip = TextEncoder(request.clip, device) if request.clip else None

    def write(self, shard: dict[str, Any]) -> dict[str, Any]:
        """Write one shard and its receipt; files that cannot be read are listed in the receipt."""
        path = self.out / shard["file"]
        partial = path.with_name(f"{path.name}.partial")
        skipped: list[dict[str, str]] = []
        written = 0
        with tarfile.open(partial, "w", format=tarfile.USTAR_FORMAT) as tar, ThreadPoolExecutor(4) as pool:
            chunk = _BATCH_IMAGES if self.request.frames is None else 1
            for begin in range(0, len(shard["samples"]), chunk):
                samples = shard["samples"][begin : begin + chunk]
                loaded = list(zip(samples, pool.map(self._load, samples), strict=True))
                bad = [(sample, found) for sample, found in loaded if isinstance(found, UnreadableError)]
                skipped += [{"file": sample["file"], "reason": str(error)} for sample, error in bad]
                good = [(sample, found) for sample, found in loaded if isinstance(found, np.ndarray)]
                for key, members in self._encode(good):
                    _add(tar, key, members)
                written += len(good)
        receipt = {
            "file": shard["file"],
            "split": shard["split"],
            "samples": written,
            "bytes": partial.stat().st_size,
            "sha256": sha256_of(partial),
            "skipped": skipped,
        }
        partial.replace(path)
        _write(_receipt_path(self.out, shard), receipt)  # last: its being there says that the shard is whole
        return receipt

    def _load(self, sample: dict[str, Any]) -> np.ndarray | UnreadableError:
        """uint8 (H, W, 3) or (T, H, W, 3), or the reason why not."""
        file, request = self.source / sample["file"], self.request
        try:
            if request.frames is None:
                return load_image(file, request.size)
            frames = load_video(file, request.size, request.most_frames)
        except UnreadableError as error:
            return error
        if len(frames) < request.frames:
            return UnreadableError(f"{len(frames)} frames, fewer than {request.frames}")
        return frames

    def _encode(
        self, good: list[tuple[dict[str, Any], np.ndarray]]
    ) -> Iterator[tuple[str, dict[str, bytes]]]:
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
            if "captions" in sample:
                members["caption.json"] = json.dumps(sample["captions"]).encode()
                if self.clip is not None:
                    members["caption_clip_feature.npy"] = _npy(
                        as_float16(self.clip.encode(sample["captions"]))
                    )
            if "class" in sample:
                members["cls_id.cls"] = str(sample["class"]).encode()
                members["cls_name.json"] = json.dumps(sample["file"].split("/")[0]).encode()
            yield sample["key"], members

    def _latents(self, good: list[tuple[dict[str, Any], np.ndarray]]) -> list[Tensor]:
        """Latents of images together, or of the frames of one video after the other."""
        assert self.vae is not None
        lengths = [1 if pixels.ndim == 3 else len(pixels) for _, pixels in good]
        images = np.concatenate([pixels[None] if pixels.ndim == 3 else pixels for _, pixels in good])
        pictures = torch.from_numpy(images).permute(0, 3, 1, 2)
        # Drawn by the file's contents, so that who encodes it when makes no difference.
        seeds = [
            int(sample["sha256"][:12], 16) + t
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


def _manifest(out: Path, plan: dict[str, Any]) -> dict[str, Any]:
    receipts = [json.loads(_receipt_path(out, shard).read_text()) for shard in plan["shards"]]
    skipped = plan["skipped"] + [row for receipt in receipts for row in receipt["skipped"]]

    def count(split: str) -> int:
        return sum(receipt["samples"] for receipt in receipts if receipt["split"] == split)

    return {
        "format": _FORMAT,
        "request": plan["request"],
        "latent_scale": LATENT_SCALE,  # latents are stored without it and seen times it
        "counts": {"train": count("train"), "held_out": count("test"), "skipped": len(skipped)},
        "classes": plan["classes"],
        "shards": [
            {key: value for key, value in receipt.items() if key != "skipped"} for receipt in receipts
        ],
        "skipped": sorted(skipped, key=lambda row: row["file"]),
    }


def _add(tar: tarfile.TarFile, key: str, members: dict[str, bytes]) -> None:
    for suffix, data in members.items():
        info = tarfile.TarInfo(f"{key}.{suffix}")  # no time and no owner: equal contents give equal shards
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))


def _npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _write(path: Path, contents: dict[str, Any]) -> None:
    """Write JSON so that a reader sees the old file or the new one, never half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(contents, indent=1, sort_keys=True))
    partial.replace(path)
