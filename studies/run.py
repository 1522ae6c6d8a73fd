"""Carry out one run: train, sample, measure, record. Torch is imported here and nowhere above."""

from __future__ import annotations

import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from studies.config import Config, MeasurementConfig, RunConfig
from studies.environment import environment
from studies.plan import CHECKPOINT_EVERY_S, Mode, to_run
from studies.record import SCHEMA, read_record, record_path, recorded, write_record
from studies.study import Run, fingerprints
from studies.watch import WATCH_NOTHING, Watch

OWNER_PATIENCE_S = 2.0  # a process that was just killed lets go of its run in less


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
    work = work_folder(results, run)
    work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(work / "owner.lock", timeout=OWNER_PATIENCE_S):
            checkpoint, path = work / "checkpoint.pt", recorded(results).get(run.identity)
            if path is not None:  # perhaps since the run was planned, by another process
                known = read_record(path).data
                if not to_run(known["status"], mode):
                    return known
                older = checkpoint.exists() and checkpoint.stat().st_mtime <= path.stat().st_mtime
                if (
                    mode == "force" and older
                ):  # a newer one is of this very repetition, interrupted: go on from it
                    checkpoint.unlink()
            record = _record(run, work, watch, checkpoint_every_s)
            write_record(path or record_path(results, run), record)
            if record["status"] == "done":
                checkpoint.unlink(missing_ok=True)
            return record
    except Timeout:
        raise Owned(f"{run.label} is being run by another process") from None


def _record(run: Run, work: Path, watch: Watch, checkpoint_every_s: float) -> dict[str, Any]:
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
        record |= _perform(run.config, work, watch, checkpoint_every_s)
    except (
        Exception
    ) as error:  # whatever went wrong is the run's result; it is recorded, never replaced by a number
        (work / "error.txt").write_text(traceback.format_exc(), encoding="utf-8")
        record |= {"status": "failed", "error": f"{type(error).__name__}: {' '.join(str(error).split())}"}
    return record | {"finished": _now(), "environment": environment()}


def _perform(config: Config, work: Path, watch: Watch, checkpoint_every_s: float) -> dict[str, Any]:
    """What the kind of run asks for: metrics, curves, wall_time_s and cost of the record."""
    if isinstance(config, RunConfig):
        from studies.train_and_evaluate import train_and_evaluate

        return train_and_evaluate(config, work, watch, checkpoint_every_s)
    from studies.measure import measure_network, measure_scan

    watch.stage("measuring")
    return measure_network(config) if isinstance(config, MeasurementConfig) else measure_scan(config)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
