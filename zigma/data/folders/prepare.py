"""From a folder of images or videos to shards with latents and text features.

Every shard is written under another name first and renamed when it is whole, with a receipt beside it
(`train-000000.json`). The same command again makes what is missing; several machines share the work by `part`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zigma.common.files import is_partial, replace_text
from zigma.common.words import counted, first_line
from zigma.data.folders.kept import PLAN, Plan, PlannedShard, Receipt, keep, read_plan, read_receipt
from zigma.data.folders.plan import PrepareRequest, identity_of, listing_sha256, make_plan, say_unused
from zigma.data.folders.writer import ShardWriter
from zigma.data.shards.manifest import MANIFEST
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
    if workers < 1:
        raise ValueError(f"workers are processes, at least 1, not {workers}")
    _check_device(device)
    plan = _plan(request, out, say)
    say_unused(plan.unused_captions, say)
    todo = [shard for shard in plan.shards[part[0] :: part[1]] if read_receipt(out, shard) is None]
    total = sum(len(shard.samples) for shard in todo)
    with _bar(counted(len(todo), "shard"), total) as advance:
        for receipt in _receipts(request, out, todo, workers, device):
            advance(receipt.samples + len(receipt.skipped))
    made = (read_receipt(out, shard) for shard in plan.shards)
    receipts = [receipt for receipt in made if receipt is not None]
    if len(receipts) < len(plan.shards):
        say("shards of other parts are still missing; the manifest is written when they are there")
        return None
    # every shard is there, so nobody is at work on these: their writers were killed
    for file in out.iterdir():
        if is_partial(file) or file.name.endswith(".partial"):
            file.unlink(missing_ok=True)
    manifest = _manifest(receipts, plan)
    try:
        replace_text(out / MANIFEST, json.dumps(manifest, indent=1, sort_keys=True))
    except FileNotFoundError:  # another job that has finished just now swept this one's, and wrote the same
        if not (out / MANIFEST).is_file():
            raise
    counts = manifest["counts"]
    say(
        f"{counts['train']} training, {counts['held_out']} held-out, {counts['skipped']} skipped "
        f"(why: {out / MANIFEST})"
    )
    return manifest


@contextmanager
def _bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """How many files are done, for a person; nothing in a log."""
    console = Console(stderr=True)
    if (
        not console.is_terminal
    ):  # some versions of rich end even a bar that is switched off with an empty line
        yield lambda files: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(what, total=total)
        yield lambda files: bar.advance(task, files)


def _check_device(name: str) -> None:
    """ValueError for a device that torch does not know or that is not in this machine, before anything is read."""
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = first_line(error)
        raise ValueError(f"no device {name!r} here (cpu, cuda or cuda:1): {reason}") from error


def _plan(request: PrepareRequest, out: Path, say: Callable[[str], None]) -> Plan:
    encoders: list[tuple[str, str | None, Part]] = [
        ("vae", request.vae, "vae"),
        ("clip", request.clip, "text_encoder"),
    ]
    weights = {name: weights_identity(folder, part) for name, folder, part in encoders if folder is not None}
    listing, identity = listing_sha256(request), identity_of(request, weights)
    plan = read_plan(out)
    if plan is None:
        plan = make_plan(request, weights, say)
        out.mkdir(parents=True, exist_ok=True)
        keep(out / PLAN, plan)
        return plan
    differs = [key for key in identity if plan.request.get(key) != identity[key]]
    if plan.listing != listing:
        differs.append("the files of the source")
    if differs:
        raise ValueError(
            f"{out} holds another preparation ({', '.join(differs)} differ): choose another folder"
        )
    return plan


def _receipts(
    request: PrepareRequest, out: Path, shards: list[PlannedShard], workers: int, device: str
) -> Iterator[Receipt]:
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


def _write_shard(shard: PlannedShard) -> Receipt:
    assert _writer is not None
    return _writer.write(shard)


def _manifest(receipts: list[Receipt], plan: Plan) -> dict[str, Any]:
    skipped = [*plan.skipped, *(row for receipt in receipts for row in receipt.skipped)]

    def count(split: str) -> int:
        return sum(receipt.samples for receipt in receipts if receipt.split == split)

    return {
        "format": _FORMAT,
        "request": plan.request,
        "latent_scale": LATENT_SCALE,  # latents are stored without it and seen times it
        "counts": {"train": count("train"), "held_out": count("test"), "skipped": len(skipped)},
        "classes": plan.classes,
        "shards": [receipt.model_dump(exclude={"skipped"}) for receipt in receipts],
        "skipped": [row.model_dump() for row in sorted(skipped, key=lambda row: row.file)],
        "passed_over": plan.passed_over,
        "unused_captions": plan.unused_captions.model_dump(),
    }
