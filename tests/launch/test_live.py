"""`status` tells the truth, from files and from what Slurm says, and tells it fast."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from studies.__main__ import main
from studies.declare.identity import identity_of
from studies.declare.registry import find_study
from studies.declare.study import Run, runs
from studies.launch.live import Live, live_runs
from studies.launch.submissions import Submission, new_submission
from studies.run.conditions import Conditions
from studies.run.lease import acquire
from studies.run.process import this_process
from studies.run.publish import write_record
from studies.run.queue import QueuedRun
from studies.run.summary import MEMORY, VERSION
from zigma.common.files import replace_json

ROOT = Path(__file__).parents[2]
RUNS = runs(find_study("scan_ablation"), "tiny", settings=["digits-8"])
ABOUT = {"study": "scan_ablation", "arm": "sweep", "scale": "tiny", "setting": "digits-8", "seed": 0}


def identity(n: int) -> str:
    """Of the n-th recorded run."""
    return identity_of({"seed": n}, {})


def record_of(n: int, **changes: Any) -> dict[str, Any]:
    whole = {
        "schema": 1,
        "identity": identity(n),
        "config": {"seed": n},
        "fingerprints": {},
        "status": "done",
    }
    rest = {"error": None, "metrics": [], "curves": {}, "wall_time_s": {}, "cost": {}, "environment": {}}
    return whole | rest | ABOUT | {"seed": n} | changes


def path_of(results: Path, identity: str) -> Path:
    return results / "records" / "tiny" / "scan_ablation" / f"sweep.digits-8.seed0.{identity}.json"


def lease(results: Path, identity: str, process: dict[str, Any], heartbeat: dict[str, Any]) -> Path:
    """A lease as a process of another machine leaves it; returns the heartbeat's file."""
    work = results / "work" / identity
    token = "0" * 16
    (work / token).mkdir(parents=True)
    owner = {"host": "node7", "pid": 4, "beat_s": 0.2, "token": token}
    (work / "claim-000001.json").write_text(json.dumps(owner | process))
    beat = work / token / "heartbeat.json"
    beat.write_text(json.dumps({"state": "running", "beat": 7, **ABOUT, **heartbeat}))
    return beat


def slurm(
    folder: Path, monkeypatch: pytest.MonkeyPatch, queue: str, accounts: str = "", fails: str = ""
) -> None:
    """A Slurm that answers so."""
    folder.mkdir(exist_ok=True)
    for name, answer in (("squeue", queue), ("sacct", accounts)):
        (folder / name).write_text(
            f"#!/bin/sh\n{f'echo {fails} >&2; exit 1' if fails else ''}\ncat <<'E'\n{answer}\nE\n"
        )
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def submit(results: Path, runs: list[Run], cluster: Any = "slurm", **jobs: Any) -> Submission:
    made = new_submission(cluster, [QueuedRun(run) for run in runs], Conditions(results, "cached", 1.0))
    replace_json(made.folder / "jobs.json", jobs)
    return made


def by_arm(results: Path) -> dict[str, Live]:
    return {str(run.about["arm"]): run for run in live_runs(results)[0]}


def test_slurms_runs_by_what_the_queue_and_the_accounts_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    made = submit(results, RUNS, ids=["5_0", "5_1", "5_2", "5_3"])
    slurm(
        tmp_path / "bin", monkeypatch, "5_0|RUNNING|None\n5_1|PENDING|Resources", "5_2|TIMEOUT\n5_3|CANCELLED"
    )
    (made.folder / "5_2_0_log.out").write_text("first\nModuleNotFoundError: No module named 'torch'\n\n")
    made.cancel([RUNS[3].identity])
    live = by_arm(results)
    states = {arm: run.state for arm, run in live.items()}
    assert states == {
        "sweep": "running",
        "zigzag-1": "queued",
        "zigzag-2": "interrupted",
        "zigzag-8": "cancelled",
    }
    assert live["zigzag-1"].reason == "job 5_1: Resources"
    assert live["zigzag-2"].reason == "job 5_2 TIMEOUT; ModuleNotFoundError: No module named 'torch'"


@pytest.mark.parametrize("why", ["JobHeldUser", "launch failed requeued held"])
def test_a_job_that_waits_for_its_user_says_how_it_goes_on(
    why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    submit(results, RUNS[:2], ids=["5_0", "5_1"])
    slurm(tmp_path / "bin", monkeypatch, f"5_0|PENDING|{why}\n5_1|PENDING|JobHeldAdmin")
    live = by_arm(results)
    assert live["sweep"].reason == f"job 5_0: {why}; it waits until you enter `scontrol release 5_0`"
    assert live["zigzag-1"].reason == "job 5_1: JobHeldAdmin"  # which its user cannot release


def test_slurm_that_does_not_answer_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    submit(results, RUNS[:1], ids=["5"])
    slurm(
        tmp_path / "bin", monkeypatch, "", fails="slurm_load_jobs error: Unable to contact slurm controller"
    )
    assert main(["status", "--results", str(results)]) == 0
    output = capsys.readouterr().out
    assert "Slurm does not answer: slurm_load_jobs error" in output
    assert "unknown scan_ablation sweep digits-8 seed 0 Slurm does not answer" in " ".join(output.split())


def test_a_heart_that_beats_on_another_machine(tmp_path: Path) -> None:
    lease(tmp_path, "a" * 16, {}, {"step": 3, "steps": 10, "loss": 0.25, "seconds_left": 61.0})
    (run,), _ = live_runs(tmp_path)
    assert run.state == "running"


@pytest.mark.parametrize("shift_s", [-1e6, 1e6])
def test_dates_that_are_off_are_watched_and_not_believed(
    tmp_path: Path, shift_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    beating = lease(tmp_path, "a" * 16, {}, {})
    silent = lease(tmp_path, "b" * 16, {}, {})
    for beat in (beating, silent):
        os.utime(beat, (time.time() + shift_s,) * 2)
    sleep = time.sleep

    def beat(seconds: float) -> None:
        beating.write_text(json.dumps({"state": "running", "beat": 8, **ABOUT}))
        sleep(seconds)

    monkeypatch.setattr(time, "sleep", beat)
    states = {run.identity[0]: run.state for run in live_runs(tmp_path)[0]}
    assert states == {"a": "running", "b": "interrupted"}


def test_a_job_that_waits_again_is_not_running_because_it_beat_a_moment_ago(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = tmp_path / "results"
    submit(results, RUNS[:1], ids=["5"])
    slurm(tmp_path / "bin", monkeypatch, "5|PENDING|BeginTime")
    lease(results, RUNS[0].identity, {"job": "5"}, {})
    assert [run.state for run in live_runs(results)[0]] == ["queued"]


def test_what_was_let_go_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lease(
        tmp_path, "a" * 16, {}, {"state": "released", "reason": "OSError: \x1b[31m No space left on device"}
    )
    lease(
        tmp_path, "b" * 16, this_process() | {"pid_started": 1}, {"step": 3, "steps": 10, "arm": "zigzag-1"}
    )
    assert main(["status", "--results", str(tmp_path)]) == 0
    output = capsys.readouterr().out
    assert "No space left on device" in output
    assert "its process is gone at step 3/10" in output
    assert "\x1b" not in output


def test_a_run_with_a_record_is_done_whatever_was_left_lying(tmp_path: Path) -> None:
    lease(tmp_path, identity(0), {}, {"replaces": None})
    write_record(path_of(tmp_path, identity(0)), record_of(0))
    assert live_runs(tmp_path) == ([], None)


def test_a_run_that_is_repeated_is_running_though_it_has_a_record(tmp_path: Path) -> None:
    from studies.run.record import digest

    write_record(path_of(tmp_path, identity(0)), record_of(0))
    about = ABOUT | {"replaces": digest(path_of(tmp_path, identity(0)))}
    with acquire(tmp_path / "work" / identity(0), about, 1.0):
        assert [run.state for run in live_runs(tmp_path)[0]] == ["running"]


def test_status_names_what_is_no_record_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_record(path_of(tmp_path, identity(0)), record_of(0))
    foreign = path_of(tmp_path, "b" * 16)
    foreign.write_text('{"schema": 7}')
    assert main(["status", "--results", str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[1].split() == ["scan_ablation", "tiny", "1"]
    assert f"left alone: {foreign} has schema 7" in captured.err
    assert foreign.read_text() == '{"schema": 7}'


def test_ten_thousand_records_and_a_thousand_live_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    curve = {"step": list(range(100)), "value": [0.123456789] * 100}
    curves = {"loss": curve, "fd_digits": curve}
    folder = path_of(tmp_path, "x").parent
    folder.mkdir(parents=True)
    for n in range(10_000):
        path_of(tmp_path, identity(n)).write_text(json.dumps(record_of(n, curves=curves), indent=1))
    for n in range(1000):
        lease(
            tmp_path,
            f"f{n:015x}",
            {"beat_s": 60},
            {"step": n, "steps": 1000, "loss": 1.0, "seconds_left": 9.0},
        )
    ids = [f"5_{n}" for n in range(1000)]
    slurm(tmp_path / "bin", monkeypatch, "\n".join(f"{job}|RUNNING|None" for job in ids))
    made = submit(tmp_path, [RUNS[0]] * 1000, ids=ids)
    contents = dict(made.contents)
    contents["runs"] = [dict(run, identity=f"f{n:015x}") for n, run in enumerate(made.runs)]
    replace_json(made.folder / "submission.json", contents)
    for command, bound_s in (("status", 6.0), ("status", 3.0), ("list", 4.0)):
        # processor time: other tests share the machine. Idle, it is 1.9, 0.5 and 0.6 s
        started = time.process_time()
        assert main([command, "--results", str(tmp_path)]) == 0
        assert time.process_time() - started < bound_s, command
        if command == "status":
            assert capsys.readouterr().out.splitlines()[1].split() == [
                "scan_ablation",
                "tiny",
                "10000",
                "1000",
            ]
    assert (tmp_path / "view" / MEMORY).exists()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    command = [sys.executable, "-m", "studies", "list", "--results", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    # as a command, which imports first
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 4


def test_the_memory_of_records_is_never_believed_against_a_file(tmp_path: Path) -> None:
    from studies.run.summary import summaries

    for n in range(300):
        write_record(path_of(tmp_path, identity(n)), record_of(n))
    before, _ = summaries(tmp_path)
    memory = tmp_path / "view" / MEMORY
    assert summaries(tmp_path) == (before, [])
    changed = path_of(tmp_path, identity(7))
    write_record(changed, record_of(7, status="failed", error="it broke"))
    path_of(tmp_path, identity(8)).unlink()
    after, _ = summaries(tmp_path)
    assert [summary.error for summary in after if summary.status == "failed"] == ["it broke"]
    assert len(after) == 299
    for text in (
        "",
        "[]",
        json.dumps({"version": VERSION, "records": {str(changed): [1]}}),
        json.dumps({"version": VERSION, "records": 3}),
    ):
        memory.write_text(text)
        assert summaries(tmp_path)[0] == after
    memory.unlink()
    os.mkfifo(memory)  # which nobody writes to
    assert summaries(tmp_path)[0] == after


def test_a_record_that_was_altered_in_place_is_read_anew(tmp_path: Path) -> None:
    """At equal size, and with its time put back."""
    from studies.run.summary import summaries

    for n in range(300):
        write_record(path_of(tmp_path, identity(n)), record_of(n))
    assert summaries(tmp_path)[1] == []
    altered = path_of(tmp_path, identity(7))
    state, text = altered.stat(), altered.read_text()
    altered.write_text(text.replace('"done"', '"oops"'))
    os.utime(altered, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert [str(altered) in str(fault) for fault in summaries(tmp_path)[1]] == [True]


def test_status_takes_the_name_of_a_study_that_is_recorded_and_not_declared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_record(path_of(tmp_path, identity(0)), record_of(0) | {"study": "my_own"})
    assert main(["status", "my_own", "--results", str(tmp_path)]) == 0
    assert "my_own" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        main(["status", "my_other", "--results", str(tmp_path)])
