"""Several launchers on one queue: each run is begun once, and the exit status says whether all is recorded."""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from studies.declare.registry import find_study
from studies.declare.study import runs
from studies.launch import lineup
from studies.launch.execute import Outcome
from studies.launch.lineup import LineUp
from studies.launch.pool import Share, launch
from studies.launch.progress import Reporter
from studies.run.conditions import Conditions
from studies.run.lease import acquire
from studies.run.publish import write_record
from studies.run.queue import QueuedRun
from studies.run.record import read_records, record_files, record_path
from zigma.experiment.config import ScanConfig

ROOT = Path(__file__).parents[2]
RUNS = runs(find_study("scan_ablation"), "tiny", range(2), settings=["digits-8"])
DONE = Outcome("done", "done")


def record(results: Path, queued: QueuedRun, status: str = "done") -> None:
    from studies.declare.identity import as_recorded, fingerprints

    run = queued.run
    whole = {"schema": 1, **run.about, "identity": run.identity, "config": as_recorded(run.config)}
    rest: dict[str, Any] = {"metrics": [], "curves": {}, "wall_time_s": {}, "cost": {}, "environment": {}}
    error = None if status == "done" else "it broke"
    outcome = {"fingerprints": fingerprints(run.config), "status": status, "error": error}
    write_record(record_path(results, run), whole | rest | outcome)


def line_up(results: Path, n: int = 3) -> tuple[LineUp, list[QueuedRun]]:
    queue = [QueuedRun(run) for run in RUNS[:n]]
    return LineUp(queue, results, Reporter(n)), queue


def test_a_run_that_another_process_has_recorded_is_not_begun(tmp_path: Path) -> None:
    line, queue = line_up(tmp_path)
    record(tmp_path, queue[0])
    record(tmp_path, queue[1], "failed")
    assert line.next() == (3, queue[2])
    assert {n: outcome.kind for n, outcome in line.outcomes.items()} == {1: "done", 2: "failed"}
    assert "recorded meanwhile by another process" in line.outcomes[1].line


def test_a_run_that_another_process_has_under_way_is_put_off_and_taken_when_it_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lineup, "LOOK_AGAIN_S", 0.01)
    line, queue = line_up(tmp_path, 2)
    with acquire(tmp_path / "work" / queue[0].run.identity, {}):
        assert line.next() == (2, queue[1])
        line.end(2, queue[1], DONE, seconds=30.0)
        assert line.next() is None
        assert line.wait()  # patient: a run like it took 30 s here
        assert line.next() is None
    assert line.wait()
    assert line.next() == (1, queue[0])


def test_patience_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lineup, "LOOK_AGAIN_S", 0.01)
    line, queue = line_up(tmp_path, 2)
    with acquire(tmp_path / "work" / queue[0].run.identity, {}):
        assert line.next() == (2, queue[1])
        line.end(2, queue[1], DONE, seconds=0.05)
        until = time.monotonic() + 10
        while line.wait():
            assert line.next() is None
            assert time.monotonic() < until
    assert line.outcomes[1].kind == "elsewhere"
    assert "it is being run by process" in line.outcomes[1].line


def test_what_was_recorded_elsewhere_in_the_end_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`elsewhere` and `stopped` say nothing of whether the run is recorded: the record does."""
    from studies.launch import pool

    queue = [QueuedRun(run) for run in RUNS[:2]]

    def lost(queued: QueuedRun, conditions: Conditions, tell: Any) -> Outcome:
        record(tmp_path, queued)  # by the process that took over
        return Outcome("stopped", "not run here: the run was taken over")

    monkeypatch.setattr(pool, "execute", lost)
    assert launch(queue, Conditions(tmp_path), Share(jobs=1)) == 0


def test_everything_cancelled_at_once_ends(tmp_path: Path) -> None:
    """`wait([])` waited for ever."""
    queue = [QueuedRun(run) for run in RUNS[:3]]
    identities = {queued.run.identity for queued in queue}
    share = Share(jobs=2, logs=tmp_path, cancelled=lambda: identities)
    assert launch(queue, Conditions(tmp_path), share) == 1


@pytest.mark.slow
def test_two_launchers_share_a_study_and_both_say_that_all_is_recorded(tmp_path: Path) -> None:
    small = (
        "--set training.steps=3 --set training.batch_images=8 --set model.hidden=16 --set model.depth=2 "
        "--set model.patch=2 --set sampling.steps=2 --set evaluation.n_generated=100 --seeds 2 --jobs 1"
    )
    words = [*f"run scan_ablation {small}".split(), "--results", str(tmp_path)]
    launchers = [
        subprocess.Popen(
            [sys.executable, "-m", "studies", *words], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    outputs = [launcher.communicate(timeout=280)[1] for launcher in launchers]
    assert [launcher.returncode for launcher in launchers] == [0, 0], outputs
    records = list(read_records(record_files(tmp_path)))
    assert len(records) == 8
    begun = Counter(
        line.split("]")[1].split("  ")[0]
        for text in outputs
        for line in text.splitlines()
        if "drawing" in line
    )
    assert set(begun.values()) == {1}


def test_lines_are_plain_in_a_log_and_drawn_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> str:
        with Reporter(2) as reporter:
            reporter.start(1, "a [b] c")
            reporter.tell(1, "starting")  # the run says so as well
            reporter.tell(1, "step 1/10  loss 0.5", 0.1)
            reporter.tell(1, "step 2/10  loss 0.4", 0.2)
            reporter.end(1, "done")
            reporter.say(2, "d", "is recorded")
        return capsys.readouterr().err

    # of steps a log is told every ten seconds
    assert told() == "[1/2] a [b] c  starting\n[1/2] a [b] c  done\n[2/2] d  is recorded\n"
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    drawn = told()
    assert "step 2/10  loss 0.4" in drawn
    assert "━" in drawn
    assert "[1/2] a [b] c  done" in drawn


def test_scans_are_measured_by_a_queue_too(tmp_path: Path) -> None:
    from studies.declare.study import Run

    run = Run("scans", "sweep", "tiny", "8x8", ScanConfig(scan="sweep-1", grid=(8, 8), depth=2))
    assert launch([QueuedRun(run)], Conditions(tmp_path), Share(jobs=1)) == 0
    assert [r["arm"] for r in read_records(record_files(tmp_path))] == ["sweep"]
