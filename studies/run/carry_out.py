"""Carry out one run: train, sample, measure, record. Torch is imported here and nowhere above."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from studies.declare.identity import as_recorded, fingerprints
from studies.declare.study import Run
from studies.run.environment import environment
from studies.run.lease import BEAT_S, HEARTBEAT, Lost, Owned, Owner, acquire, verify
from studies.run.queue import CHECKPOINT_EVERY_S
from studies.run.record import SCHEMA, Superseded, digest, publish, read_record, record_path, recorded
from zigma.common.files import read_json
from zigma.experiment.config import MeasurementConfig, RunConfig
from zigma.experiment.watch import WATCH_NOTHING, Watch

if TYPE_CHECKING:
    from zigma.training import Progress

MAIN_PATIENCE_S = 10.0
ATTEMPT = "attempt.json"  # which record the run was begun afresh to replace
# What a machine lacks, and no property of the run: it stops, is not recorded as failed, and can be resumed.
OF_THE_MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ESTALE, errno.EACCES, errno.EPERM)


def work_folder(results: Path, run: Run) -> Path:
    """Where a run keeps its claims, checkpoint and samples until its record is written."""
    return results / "work" / run.identity


def carry_out(
    run: Run,
    results: Path,
    watch: Watch = WATCH_NOTHING,
    *,
    replaces: str | None = None,
    afresh: bool = False,
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
    beat_s: float = BEAT_S,
    debug: bool = False,
) -> dict[str, Any]:
    """Train and evaluate `run` and write its record; resume from the last checkpoint where there is one.

    A run that raises leaves a record with status `failed` and the error, never a number. `replaces` is the `digest`
    of the record that is to be repeated; any other record that is there by now is the result, and is left alone.
    `afresh` repeats from nothing, but resumes its own attempt when that was interrupted. `debug` raises what would be
    recorded as a failure.

    Raises:
        Owned: another process holds the run.
        Lost, Superseded: another process has taken over this run, or recorded it first.
        BadCheckpoint: what lies in the checkpoint's place is something else. Nothing is recorded.
        OSError: the machine failed: a full disk, no permission, another process of this run that is gone. Nothing is
            recorded.
    """
    from zigma.training.processes import OtherProcessFailed, from_main, processes

    main = processes().is_main_process  # the others compute their share, and leave run and record to it
    with ExitStack() as stack:
        owners: list[Owner] = []

        def begin() -> tuple[str | None, dict[str, Any] | None]:
            owner = acquire(work_folder(results, run), run.about | {"replaces": replaces}, beat_s)
            owners.append(stack.enter_context(owner))
            path = recorded(results).get(run.identity)
            if path is not None and digest(path) != replaces:  # perhaps since the run was planned
                known = read_record(path).data
                owner.finished = known["status"] == "done"
                return None, known
            if afresh:
                _begin_afresh(owner.folder, replaces)
            return owner.folder.name, None

        try:
            token, known = from_main(begin)
        except OtherProcessFailed as error:
            raise Owned(str(error)) from None
        if known is not None:
            return known
        assert token is not None
        if main:
            watch = _watched(owners[0], watch)
        record = _record(run, results, work_folder(results, run) / token, watch, checkpoint_every_s, debug)
        failed_among_several = record["status"] == "failed" and processes().num_processes > 1
        if main or (failed_among_several and not _soon_recorded(results, run, replaces)):
            _publish(results, run, token, record, replaces)
        if main:
            owners[0].finished = record["status"] == "done"
        if failed_among_several:
            _leave(record["error"])
        from_main(lambda: None)  # nobody begins the next run before this one is recorded
        return record


def _publish(results: Path, run: Run, token: str, record: dict[str, Any], replaces: str | None) -> None:
    verify(work_folder(results, run), token)
    # looked up again: the same run may have been recorded under another study's name
    publish(recorded(results).get(run.identity) or record_path(results, run), record, replaces)


def _begin_afresh(folder: Path, replaces: str | None) -> None:
    """Clear the folder, unless what is in it is of this very repetition, interrupted."""
    if replaces is not None and read_json(folder / ATTEMPT).get("replaces") == replaces:
        return
    for path in folder.iterdir():
        if path.name != HEARTBEAT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / ATTEMPT).write_text(json.dumps({"replaces": replaces}), encoding="utf-8")


def _soon_recorded(results: Path, run: Run, replaces: str | None) -> bool:
    """Whether the main process records the failure too: it does unless it waits for this one in some step."""
    deadline = time.monotonic() + MAIN_PATIENCE_S
    while time.monotonic() < deadline:
        path = recorded(results).get(run.identity)
        if path is not None and digest(path) != replaces:
            return True
        time.sleep(0.2)
    return False


def _leave(error: str) -> NoReturn:
    """End this process of several at once: the others may wait for it in the middle of a step, for hours.

    The launcher (torchrun, accelerate, srun with --kill-on-bad-exit) then ends them too.
    """
    print(f"process {os.environ.get('RANK', '?')} failed: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def _record(
    run: Run, results: Path, folder: Path, watch: Watch, checkpoint_every_s: float, debug: bool
) -> dict[str, Any]:
    from zigma.training.checkpoint import BadCheckpoint
    from zigma.training.processes import says_another_is_gone

    record: dict[str, Any] = {
        "schema": SCHEMA,
        **run.about,
        "identity": run.identity,
        "config": as_recorded(run.config),
        "fingerprints": fingerprints(run.config),
        "status": "done",
        "error": None,
        "metrics": [],
        "curves": {},
        "wall_time_s": {},
        "cost": {},
        "started": _now(),
    }
    try:
        record |= _perform(run, results, folder, watch, checkpoint_every_s)
    except (Lost, Superseded, BadCheckpoint):
        raise
    except Exception as error:  # whatever went wrong is the run's result, and is never replaced by a number
        verify(folder.parent, folder.name)  # else its folder is gone, which is no fault of the run
        if debug or (isinstance(error, OSError) and error.errno in OF_THE_MACHINE):
            raise
        if says_another_is_gone(error):
            raise ConnectionError(f"another process of this run is gone: {error}") from error
        (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        record |= {"status": "failed", "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return record | {"finished": _now(), "environment": environment()}


def _watched(owner: Owner, watch: Watch) -> Watch:
    """Tell the heartbeat what the watcher is told, and stop at once when the run is another's."""

    begun = False

    def training(progress: Progress) -> None:
        nonlocal begun
        owner.check()
        if not begun and progress.step > 1:
            watch.stage(f"resumed after step {progress.step - 1}")
        begun = True
        owner.progress = {"stage": "training", **asdict(progress)}
        watch.training(progress)

    def stage(message: str) -> None:
        owner.check()
        owner.progress = {"stage": message}
        watch.stage(message)

    return Watch(training, stage)


def _perform(
    run: Run, results: Path, folder: Path, watch: Watch, checkpoint_every_s: float
) -> dict[str, Any]:
    """What the kind of run asks for: metrics, curves, wall_time_s and cost of the record."""
    config = run.config
    if isinstance(config, RunConfig):
        from zigma.experiment.artifacts import Places
        from zigma.experiment.train_and_evaluate import train_and_evaluate

        name = record_path(results, run).relative_to(results / "records").as_posix().removesuffix(".json")
        places = Places(results, name, folder)
        return train_and_evaluate(config, places, watch, checkpoint_every_s)
    from zigma.experiment.measure import measure_network, measure_scan

    watch.stage("measuring")
    return measure_network(config) if isinstance(config, MeasurementConfig) else measure_scan(config)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
