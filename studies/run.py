"""Carry out one run: train, sample, measure, record. Torch is imported here and nowhere above."""

from __future__ import annotations

import os
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from filelock import FileLock, Timeout

from studies.config import MeasurementConfig, RunConfig
from studies.environment import environment
from studies.plan import CHECKPOINT_EVERY_S, Mode, to_run
from studies.record import SCHEMA, read_record, record_path, recorded, write_record
from studies.study import Run, fingerprints
from studies.watch import WATCH_NOTHING, Watch

OWNER_PATIENCE_S = 2.0  # a process that was just killed lets go of its run in less
MAIN_PATIENCE_S = 10.0


class Owned(RuntimeError):
    """Another process is carrying out this run."""


def work_folder(results: Path, run: Run) -> Path:
    """Where a run keeps its checkpoint and samples; nothing there is needed once its record is written."""
    return results / "work" / run.identity


def carry_out(
    run: Run,
    results: Path,
    watch: Watch = WATCH_NOTHING,
    mode: Mode = "cached",
    checkpoint_every_s: float = CHECKPOINT_EVERY_S,
) -> dict[str, Any]:
    """Train and evaluate `run` and write its record; resume from the last checkpoint where there is one.

    A run that raises leaves a record with status `failed` and the error, never a number. Mode `cached` takes any
    record there is, `retry` repeats failed ones from their last checkpoint, `force` repeats all from nothing; the
    record that is replaced is kept (see `write_record`).

    Raises:
        Owned: another process holds the run; two processes never write one record.
    """
    from zigma.training.processes import OtherProcessFailed, from_main, processes

    main = processes().is_main_process  # the others compute their share, and leave lock and record to it
    work = work_folder(results, run)
    work.mkdir(parents=True, exist_ok=True)
    with ExitStack() as owned:

        def known() -> dict[str, Any] | None:
            try:
                owned.enter_context(FileLock(work / "owner.lock", timeout=OWNER_PATIENCE_S))
            except Timeout:
                raise Owned(f"{run.label} is being run by another process") from None
            return _known(run, results, mode)

        try:
            record = from_main(known)
        except OtherProcessFailed as error:
            raise Owned(str(error)) from None
        if record is not None:
            return record
        record = _record(run, results, watch, checkpoint_every_s)
        failed_among_several = record["status"] == "failed" and processes().num_processes > 1
        if main or (failed_among_several and not _soon_recorded(results, run, record["started"])):
            write_record(recorded(results).get(run.identity) or record_path(results, run), record)
        if failed_among_several:
            _leave(record["error"])
        if main and record["status"] == "done":
            (work / "checkpoint.pt").unlink(missing_ok=True)
        from_main(lambda: None)  # nobody begins the next run before this one is recorded
        return record


def _known(run: Run, results: Path, mode: Mode) -> dict[str, Any] | None:
    """The record that answers for the run, perhaps made since it was planned; None if it is to be carried out."""
    checkpoint, path = work_folder(results, run) / "checkpoint.pt", recorded(results).get(run.identity)
    if path is None:
        return None
    known = read_record(path).data
    if not to_run(known["status"], mode):
        return known
    older = checkpoint.exists() and checkpoint.stat().st_mtime <= path.stat().st_mtime
    if mode == "force" and older:  # a newer one is of this very repetition, interrupted: go on from it
        checkpoint.unlink()
    return None


def _soon_recorded(results: Path, run: Run, since: str) -> bool:
    """Whether the main process records the failure too: it does unless it waits for this one in some step."""
    deadline = time.monotonic() + MAIN_PATIENCE_S
    while time.monotonic() < deadline:
        path = recorded(results).get(run.identity)
        if path is not None and read_record(path)["finished"] >= since:
            return True
        time.sleep(0.2)
    return False


def _leave(error: str) -> NoReturn:
    """End this process of several at once: the others may wait for it in the middle of a step, for hours.

    The launcher (torchrun, accelerate, srun with --kill-on-bad-exit) then ends them too.
    """
    print(f"process {os.environ.get('RANK', '?')} failed: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def _record(run: Run, results: Path, watch: Watch, checkpoint_every_s: float) -> dict[str, Any]:
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "study": run.study,
        "arm": run.arm,
        "scale": run.scale,
        "setting": run.setting,
        "seed": run.config.seed,
        "identity": run.identity,
        "config": asdict(run.config),
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
        record |= _perform(run, results, watch, checkpoint_every_s)
    except (
        Exception
    ) as error:  # whatever went wrong is the run's result; it is recorded, never replaced by a number
        (work_folder(results, run) / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        record |= {"status": "failed", "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return record | {"finished": _now(), "environment": environment()}


def _perform(run: Run, results: Path, watch: Watch, checkpoint_every_s: float) -> dict[str, Any]:
    """What the kind of run asks for: metrics, curves, wall_time_s and cost of the record."""
    config = run.config
    if isinstance(config, RunConfig):
        from studies.artifacts import Places
        from studies.train_and_evaluate import train_and_evaluate

        name = record_path(results, run).relative_to(results / "records").as_posix().removesuffix(".json")
        places = Places(results, name, work_folder(results, run))
        return train_and_evaluate(config, places, watch, checkpoint_every_s)
    from studies.measure import measure_network, measure_scan

    watch.stage("measuring")
    return measure_network(config) if isinstance(config, MeasurementConfig) else measure_scan(config)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
