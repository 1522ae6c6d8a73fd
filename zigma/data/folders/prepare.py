"""From a folder of images or videos to shards with latents and text features.

Every shard is written under another name first and renamed when it is whole, with a receipt beside it
(`train-000000.json`). The same command again makes what is missing; several machines share the work by `part`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from zigma.data.folders.plan import PLAN, PrepareRequest, identity_of, listing_sha256, load_plan, make_plan
from zigma.data.folders.writer import ShardWriter, receipt_path, write_json
from zigma.data.shards.sources import MANIFEST
from zigma.data.shards.split import LATENT_SCALE
from zigma.data.weights import Part, weights_identity

_FORMAT = 1


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
    write_json(out / MANIFEST, manifest)
    counts = manifest["counts"]
    say(
        f"{counts['train']} training, {counts['held_out']} held-out, {counts['skipped']} skipped (see {MANIFEST})"
    )
    return manifest


def _plan(request: PrepareRequest, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    encoders: list[tuple[str, str | None, Part]] = [
        ("vae", request.vae, "vae"),
        ("clip", request.clip, "text_encoder"),
    ]
    weights = {name: weights_identity(folder, part) for name, folder, part in encoders if folder is not None}
    listing, wanted = listing_sha256(request), identity_of(request, weights)
    plan = load_plan(out)
    if plan is None:
        plan = {"listing": listing, **make_plan(request, weights, say)}
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / PLAN, plan)
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
    file, receipt = out / shard["file"], receipt_path(out, shard)
    return (
        receipt.is_file()
        and file.is_file()
        and json.loads(receipt.read_text())["bytes"] == file.stat().st_size
    )


def _receipts(
    request: PrepareRequest, out: Path, shards: list[dict[str, Any]], workers: int, device: str
) -> Iterator[dict[str, Any]]:
    """The receipt of every shard as it is finished, by this process or by `workers` others."""
    if not shards:
        return
    if workers <= 1 or len(shards) == 1:
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


def _manifest(out: Path, plan: dict[str, Any]) -> dict[str, Any]:
    receipts = [json.loads(receipt_path(out, shard).read_text()) for shard in plan["shards"]]
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
