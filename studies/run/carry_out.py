"""Carry out one run: train, sample, measure, record. Torch is imported here and nowhere above.

From top to bottom: `carry_out` takes the lease and puts the record in place, `_record` turns whatever happens into a
record or into an error, `_perform` asks the library for the numbers.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
import traceback
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from studies.declare.identity import as_recorded, fingerprints
from studies.declare.study import Run
from studies.run.artifacts import STAGED, mark, put_in_place
from studies.run.conditions import Conditions
from studies.run.faults import MachineFault, Stopped, full_disk, machine_fault
from studies.run.history import begin_segment, made_by_other_code, now
from studies.run.lease import HEARTBEAT, Lost, Owned, Owner, acquire, verify
from studies.run.publish import Superseded, publish
from studies.run.record import SCHEMA, checksum, digest, read_record, record_fault, record_path, recorded
from zigma.common.files import read_json
from zigma.common.plugged import own_place
from zigma.common.words import one_line
from zigma.experiment.config import MeasurementConfig, RunConfig
from zigma.experiment.watch import WATCH_NOTHING, Watch
from zigma.profiling.environment import environment

if TYPE_CHECKING:
    from zigma.training import Progress

MAIN_PATIENCE_S = 10.0
ATTEMPT = "attempt.json"  # which record the run was begun afresh to replace
LONGEST_ERROR = 2000  # characters of it that a record keeps


@dataclass(frozen=True)
class Attempt:
    """A run in the hands of its owner, whose folder is `folder`; `path` is where its record will be."""

    run: Run
    conditions: Conditions
    replaces: str | None
    folder: Path
    path: Path

    @property
    def name(self) -> str:
        """SCALE/STUDY/ARM.SETTING.seedN.IDENTITY, of the record and of all that lies beside it."""
        return self.path.relative_to(self.conditions.results / "records").as_posix().removesuffix(".json")


def work_folder(results: Path, run: Run) -> Path:
    """Where a run keeps its lease, checkpoint and samples until its record is written."""
    return results / "work" / run.identity


def carry_out(
    run: Run, conditions: Conditions, watch: Watch = WATCH_NOTHING, replaces: str | None = None
) -> dict[str, Any]:
    """Train and evaluate `run` and write its record; resume from the last checkpoint where there is one.

    A run that raises leaves a record with status `failed` and the error, never a number. `replaces` is the `digest`
    of the record that is to be repeated; any other record that is there by now is the result, and is left alone.
    In mode `force` it is repeated from nothing, but resumes its own attempt when that was interrupted. Of several
    processes that share the run, all call this; `watch` is told nothing where another process has recorded the run.

    Raises:
        Owned: another process holds the run.
        Lost, Superseded: another process has taken over this run, or recorded it first.
        BadCheckpoint: what lies in the checkpoint's place is something else. Nothing is recorded.
        OSError: the machine failed: a full disk, no permission, no memory, another process of this run that is gone.
            Nothing is recorded.
    """
    from zigma.training.processes import OtherProcessFailed, from_main, processes

    main = processes().is_main_process  # the others compute their share, and leave run and record to it
    with ExitStack() as stack:
        owners: list[Owner] = []

        def begin() -> tuple[str, dict[str, Any] | None]:
            work = work_folder(conditions.results, run)
            owner = acquire(work, run.about | {"replaces": replaces}, conditions.beat_s)
            owners.append(stack.enter_context(owner))
            path = recorded(conditions.results).get(run.identity)
            if path is not None:
                record = read_record(path).data
                # of an owner gone since it published it
                put_in_place(owner.folder, conditions.results, record)
                if digest(path) != replaces:  # recorded since the run was queued
                    owner.finished = record["status"] == "done"
                    return owner.folder.name, record
            if conditions.mode == "force":
                _begin_afresh(owner.folder, replaces)
            return owner.folder.name, None

        try:
            token, recorded_meanwhile = from_main(begin)
        except OtherProcessFailed as error:
            raise Owned(str(error)) from None
        if recorded_meanwhile is not None:
            return recorded_meanwhile
        # the same run may have been recorded under another study's name
        path = recorded(conditions.results).get(run.identity) or record_path(conditions.results, run)
        attempt = Attempt(run, conditions, replaces, work_folder(conditions.results, run) / token, path)
        watch = _watched(owners[0], watch) if main else watch
        watch.stage("starting")
        record = _record(attempt, watch)
        failed_among_several = record["status"] == "failed" and processes().num_processes > 1
        if main or (failed_among_several and not _soon_recorded(attempt)):
            _publish(attempt, record)
        if main:
            owners[0].finished = record["status"] == "done"
        if failed_among_several:
            _leave(record["error"])
        from_main(lambda: None)  # nobody begins the next run before this one is recorded
        return record


def _begin_afresh(folder: Path, replaces: str | None) -> None:
    """Clear the folder, unless what is in it is of this very repetition, interrupted."""
    if replaces is not None and read_json(folder / ATTEMPT).get("replaces") == replaces:
        return
    for path in folder.iterdir():
        if path.name != HEARTBEAT:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / ATTEMPT).write_text(json.dumps({"replaces": replaces}), encoding="utf-8")


def _watched(owner: Owner, watch: Watch) -> Watch:
    """Tell the heartbeat what the watcher is told, and stop at once when the run is another's."""

    begun = False

    def training(progress: Progress) -> None:
        nonlocal begun
        owner.check()
        if not begun and progress.step > 1:
            watch.stage(f"resumed after step {progress.step - 1}{made_by_other_code(owner.folder)}")
        begun = True
        owner.progress = {"stage": "training", **asdict(progress)}
        watch.training(progress)

    def stage(message: str) -> None:
        owner.check()
        owner.progress = {"stage": message}
        watch.stage(message)

    return Watch(training, stage)


def _record(attempt: Attempt, watch: Watch) -> dict[str, Any]:
    """The record of an attempt, done or failed; an error where neither is the run's own doing."""
    from zigma.training.checkpoint import BadCheckpoint
    from zigma.training.processes import says_another_is_gone

    run, folder, here = attempt.run, attempt.folder, environment()
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
        "started": now(),
    }
    bare = dict(record)
    try:
        bare |= _history(attempt, here)
        record |= bare | _perform(attempt, watch)
        fault = record_fault(record | {"environment": here})
        if fault is not None:  # such as a metric that is not a number
            raise ValueError(f"what the run has computed {fault}")
    except (Lost, Superseded, BadCheckpoint, Stopped):
        raise
    except (Exception, SystemExit) as error:
        # whatever went wrong is the run's result, and never becomes a number
        verify(folder.parent, folder.name)  # else its folder is gone, which is no fault of the run
        if attempt.conditions.debug:
            raise
        lacking = machine_fault(error) or full_disk(folder)
        if lacking is not None:
            raise error if isinstance(error, OSError) else MachineFault(lacking) from error
        if isinstance(error, Exception) and says_another_is_gone(error):
            raise ConnectionError(f"another process of this run is gone: {error}") from error
        (folder / "error.txt").write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        record = bare | {"status": "failed", "error": _in_a_line(error)}
    return record | {"finished": now(), "environment": here}


def _history(attempt: Attempt, here: dict[str, Any]) -> dict[str, Any]:
    """What has worked on the run so far, this process added, and when the first began."""
    from zigma.training.checkpoint import checkpoint_step
    from zigma.training.processes import from_main, processes

    step = checkpoint_step(attempt.folder / "checkpoint.pt")  # by each process: each says so if it is none
    segments = from_main(lambda: begin_segment(attempt.folder, here, step, processes().num_processes))
    return {"history": segments, "started": next(s["started"] for s in segments if s["started"])}


def _perform(attempt: Attempt, watch: Watch) -> dict[str, Any]:
    """What the kind of run asks for: metrics, curves, wall_time_s and cost of the record."""
    config = attempt.run.config
    if isinstance(config, RunConfig):
        from zigma.experiment.artifacts import Places
        from zigma.experiment.train_and_evaluate import train_and_evaluate

        places = Places(attempt.folder / STAGED, attempt.name, attempt.folder)
        return train_and_evaluate(config, places, watch, attempt.conditions.checkpoint_every_s)
    from zigma.experiment.measure import measure_network, measure_scan

    watch.stage("measuring")
    return measure_network(config) if isinstance(config, MeasurementConfig) else measure_scan(config)


def _publish(attempt: Attempt, record: dict[str, Any]) -> None:
    """Put the record in place, and then what lies beside it."""
    folder = attempt.folder
    verify(folder.parent, folder.name)
    sealed = record | {"checksum": checksum(record)}
    if record.get("artifacts"):
        mark(folder, sealed["checksum"])
    publish(attempt.path, sealed, attempt.replaces, attempt.conditions.results)
    try:
        put_in_place(folder, attempt.conditions.results, sealed)
    except OSError as error:
        verify(folder.parent, folder.name)  # else its files went to the new owner
        raise MachineFault(f"it is recorded, but its samples or weights are not in place: {error}") from error


def _soon_recorded(attempt: Attempt) -> bool:
    """Whether the main process records the failure too: it does unless it waits for this one in some step."""
    deadline = time.monotonic() + MAIN_PATIENCE_S
    while time.monotonic() < deadline:
        path = recorded(attempt.conditions.results).get(attempt.run.identity)
        if path is not None and digest(path) != attempt.replaces:
            return True
        time.sleep(0.2)
    return False


def _leave(error: str) -> NoReturn:
    """End this process of several at once: the others may wait for it in the middle of a step, for hours.

    The launcher (torchrun, accelerate, srun with --kill-on-bad-exit) then ends them too.
    """
    print(f"process {os.environ.get('RANK', '?')} failed: {error}", file=sys.stderr, flush=True)
    os._exit(1)


def _in_a_line(error: BaseException) -> str:
    text = one_line(error)
    place = own_place(error)
    return f"{type(error).__name__}{'' if place is None else f' at {place}'}: {text}"[:LONGEST_ERROR]
