"""What is cancelled stays so, whatever state it was caught in."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studies.__main__ import main
from studies.declare.registry import find_study
from studies.declare.study import Run, runs
from studies.launch import cluster
from studies.launch.cluster import Resources as With
from studies.launch.cluster import _executor, _slurm_parameters, short_time
from studies.launch.job import Job
from studies.launch.live import Live, live_runs
from studies.launch.submissions import Submission, job_name, new_submission, submissions, submitting
from studies.run.conditions import Conditions
from studies.run.lease import acquire
from studies.run.process import is_dead, this_process
from studies.run.queue import QueuedRun
from studies.run.record import read_records, record_files
from zigma.common.files import read_json, replace_json

RUNS = runs(find_study("scan_ablation"), "tiny", settings=["digits-8"])
SMALL = (
    "--set training.batch_images=8 --set model.hidden=16 --set model.depth=2 --set model.patch=2 "
    "--set sampling.steps=2 --set evaluation.n_generated=100 --heartbeat 0.2 --checkpoint-every 0.1"
)


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A Slurm that answers so, and writes down what it is told to cancel."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    def answers(*jobs: str) -> None:
        lines = "\n".join(jobs)
        scripts = {
            "squeue": f"cat <<'E'\n{lines}\nE",
            "sacct": "true",
            "scancel": f"echo $* >> {tmp_path}/told",
        }
        for name, script in scripts.items():
            (folder / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / name).chmod(0o755)

    answers()
    return answers


def told(tmp_path: Path) -> set[str]:
    file = tmp_path / "told"
    return set(file.read_text().split()) if file.exists() else set()


def submit(results: Path, run: Run = RUNS[0], launcher: Any = None, **jobs: Any) -> Submission:
    made = new_submission("slurm", [QueuedRun(run)], Conditions(results, beat_s=0.1))
    gone = this_process() | {"pid_started": 1}
    replace_json(made.folder / "submission.json", {**made.contents, "launcher": launcher or gone})
    if jobs:
        replace_json(made.folder / "jobs.json", jobs)
    return next(submission for submission in submissions(results) if submission.folder == made.folder)


def only(results: Path) -> Live:
    (live,), error = live_runs(results)
    assert error is None
    return live


def cancel(results: Path, *words: str) -> int:
    return main(["cancel", *words, "--results", str(results)])


def test_nothing_to_cancel_is_said(tmp_path: Path, slurm: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert cancel(tmp_path) == 0  # what was asked for holds, as `status` says it
    assert capsys.readouterr().out == f"nothing is queued or running in {tmp_path}\n"
    for word, says in (("scan_ablation", "is of the study 'scan_ablation'"), ("sweep", "is called 'sweep'")):
        with pytest.raises(SystemExit) as left:
            cancel(tmp_path, word)
        assert left.value.code == 2
        assert capsys.readouterr().err == (
            f"python -m studies cancel: no run that is queued or running {says}\n"
        )


@pytest.mark.parametrize(
    "state", ["PENDING", "COMPLETING", "REQUEUED", "REQUEUE_HOLD", "PREEMPTED", "NODE_FAIL", "SUSPENDED"]
)
def test_a_job_between_two_states_is_queued_and_can_be_cancelled(
    tmp_path: Path, slurm: Any, state: str
) -> None:
    results = tmp_path / "results"
    made = submit(results, ids=["5"])
    with acquire(results / "work" / RUNS[0].identity, RUNS[0].about) as owner:
        owner.progress = {"step": 7, "steps": 10}
        owner.beat("running")
    slurm(f"5|{state}|None||zigma")
    assert (only(results).state, "near step 7/10" in only(results).reason) == ("queued", True)
    assert cancel(results) == 0
    assert told(tmp_path) == {"5"}
    assert made.cancelled == {RUNS[0].identity}
    assert only(results).state == "cancelled"


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "CANCELLED", "COMPLETED", "OUT_OF_MEMORY"])
def test_a_job_that_has_ended_is_not_under_way_and_says_how(tmp_path: Path, slurm: Any, state: str) -> None:
    submit(tmp_path / "results", ids=["5"])
    slurm(f"5|{state}|None||zigma")
    assert (only(tmp_path / "results").state, state in only(tmp_path / "results").reason) == (
        "interrupted",
        True,
    )


def test_a_job_that_starts_again_does_not_show_its_former_node(tmp_path: Path, slurm: Any) -> None:
    results = tmp_path / "results"
    submit(results, ids=["5"])
    with acquire(results / "work" / RUNS[0].identity, RUNS[0].about) as owner:
        owner.progress = {"step": 7, "steps": 10, "loss": 1.0, "seconds_left": 3.0}
        owner.beat("running")
    slurm("5|RUNNING|None||zigma")
    live = only(results)
    assert (live.state, live.lease, dict(live.heartbeat)) == ("running", None, {})
    assert live.reason == "job 5 starts; it resumes near step 7/10"


@pytest.mark.parametrize(("nodes", "former"), [("node1", False), ("node[1-2]", False), ("node2", True)])
def test_a_process_that_is_silent_for_a_moment_is_shown_unless_its_job_is_elsewhere_now(
    tmp_path: Path, slurm: Any, nodes: str, former: bool
) -> None:
    results = tmp_path / "results"
    submit(results, ids=["5"])
    # it does not beat
    owner = acquire(results / "work" / RUNS[0].identity, {**RUNS[0].about, "step": 7}, 0.01)
    file = owner.work / "claim-000001.json"
    replace_json(file, {**read_json(file), "host": "node1.cluster", "job": "5"})
    time.sleep(0.1)
    slurm(f"5|RUNNING|None|{nodes}|zigma")
    live = only(results)
    assert (live.state, live.lease is None, "step" in live.heartbeat) == ("running", former, not former)


def test_every_submission_of_a_run_is_cancelled(tmp_path: Path, slurm: Any) -> None:
    """Two launchers have submitted it: only the latest job was cancelled, and the other one ran."""
    results = tmp_path / "results"
    first, second = submit(results, ids=["5"]), submit(results, ids=["6"])
    slurm("5|PENDING|Priority||zigma", "6|PENDING|Priority||zigma")
    assert cancel(results) == 0
    assert told(tmp_path) == {"5", "6"}
    assert first.cancelled == second.cancelled == {RUNS[0].identity}


def test_jobs_whose_launcher_was_killed_are_found_by_their_name(tmp_path: Path, slurm: Any) -> None:
    results = tmp_path / "results"
    made = submit(results)
    slurm(f"77|RUNNING|None|node1|{job_name('mine', made, 0)}", "78|RUNNING|None|node1|another.000001-abcd.0")
    assert (only(results).state, only(results).job) == ("running", "77")
    assert cancel(results) == 0
    assert told(tmp_path) == {"77"}


def test_a_run_that_is_just_being_submitted_can_be_cancelled(tmp_path: Path, slurm: Any) -> None:
    results = tmp_path / "results"
    made = submit(results, launcher=this_process())
    assert (only(results).state, only(results).reason) == ("queued", "being submitted")
    assert cancel(results) == 0
    assert made.cancelled == {RUNS[0].identity}
    assert Job(made.folder, 0)() is False  # the job that comes all the same
    assert not (results / "records").exists()
    assert not (results / "work" / RUNS[0].identity).exists()


def test_what_was_cancelled_and_submitted_again_is_queued(tmp_path: Path, slurm: Any) -> None:
    results = tmp_path / "results"
    submit(results, ids=["5"]).cancel([RUNS[0].identity])
    submit(results, ids=["6"])
    slurm("5|CANCELLED|None||zigma", "6|PENDING|Priority||zigma")
    assert (only(results).state, only(results).job) == ("queued", "6")


def test_one_launcher_at_a_time(tmp_path: Path) -> None:
    import threading

    order: list[str] = []

    def second() -> None:
        with submitting(tmp_path):
            order.append("second")

    with submitting(tmp_path):
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.3)
        order.append("first")
    other.join()
    assert order == ["first", "second"]


def test_a_percent_sign_in_the_path_is_written_as_slurm_wants_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "srun").write_text("#!/bin/sh\n")
    (tmp_path / "srun").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    executor = _executor(tmp_path / "50%noise")
    text = executor._make_submission_file_text(f"python {tmp_path}/50%noise/x", "uid")
    lines = [line for line in text.splitlines() if "--output" in line]
    assert len(lines) == 2  # of sbatch and of srun
    assert "50%%noise/%j_0_log.out" in lines[0]
    assert lines[1].startswith("srun")
    assert "50%%noise" in lines[1]
    assert f"{tmp_path}/50%noise/x" in lines[1]


def test_short_jobs_are_told_of_their_end_late_and_warned_of(tmp_path: Path) -> None:
    made = submit(tmp_path)
    queue = [QueuedRun(RUNS[0])]
    for minutes, delay in ((1, 15), (4, 60), (60, 90)):
        assert _slurm_parameters(queue, With(minutes=minutes), made, 0, [])["signal_delay_s"] == delay
    assert "--time 1: each job ends after 1 min" in str(short_time(With(minutes=1)))
    assert short_time(With(minutes=60)) is None
    assert short_time(With()) is None


def test_a_second_array_waits_for_the_first_only_where_so_many_run_at_once(tmp_path: Path) -> None:
    made = submit(tmp_path)
    queue = [QueuedRun(RUNS[0])]
    assert "dependency" not in _slurm_parameters(queue, With(minutes=9), made, 0, ["5_0"])
    waits = _slurm_parameters(queue, With(minutes=9, parallel=2), made, 1000, ["5_0"])
    assert waits["dependency"] == "afterany:5"
    assert waits["job_name"].endswith(f".{made.folder.name}.1000")


def test_what_slurm_does_not_end_is_named_and_can_be_cancelled_again(
    tmp_path: Path, slurm: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    submit(results, ids=["5"])
    slurm("5|RUNNING|None||zigma")
    complaint = "scancel: error: Unable to contact slurm controller"
    (tmp_path / "bin" / "scancel").write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 1\n")
    for _ in range(2):
        assert cancel(results) == 1
        says = f"{RUNS[0].label}: Slurm did not end job 5 ({complaint}): enter `scancel 5`\n"
        assert capsys.readouterr().out == says
    assert only(results).state == "running"
    slurm("5|RUNNING|None||zigma")
    assert cancel(results) == 0
    assert told(tmp_path) == {"5"}
    slurm("5|COMPLETING|None||zigma")
    assert only(results).state == "cancelled"


def test_a_submission_that_is_interrupted_is_taken_back(
    tmp_path: Path, slurm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C after the first of two arrays: its jobs would go on, and those of the second could only fail."""

    class Executor:
        arrays = 0

        def update_parameters(self, **parameters: Any) -> None: ...

        def submit_array(self, jobs: list[Job]) -> list[Any]:
            self.arrays += 1
            if self.arrays == 2:
                raise KeyboardInterrupt
            return [SimpleNamespace(job_id=f"7_{n}") for n in range(len(jobs))]

    executor = Executor()
    monkeypatch.setattr(cluster, "_executor", lambda folder: executor)
    monkeypatch.setattr(cluster, "_largest_array", lambda: 1)
    with pytest.raises(KeyboardInterrupt):
        cluster.submit_slurm([QueuedRun(run) for run in RUNS[:2]], Conditions(tmp_path / "r"), With())
    assert told(tmp_path) == {"7_0"}
    assert list(submissions(tmp_path / "r")) == []


def test_lists_of_submitits_are_added_to_ours(tmp_path: Path) -> None:
    queue = [QueuedRun(RUNS[0])]
    made = new_submission("slurm", queue, Conditions(tmp_path))
    extra = {"srun-args": "--mpi=none", "setup": ["module load cuda", "hostname"], "account": "1e3"}
    found = _slurm_parameters(queue, With(extra=extra), made, 0, [])
    assert found["srun_args"] == ["--kill-on-bad-exit=1", "--mpi=none"]
    assert found["setup"] == ["module load cuda", "hostname"]
    assert found["account"] == "1e3"


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for path in tmp_path.glob("work/jobs/*/jobs.json"):
        process = read_json(path)["process"]
        if is_dead(process) is False:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process["pid"], signal.SIGKILL)


@pytest.mark.parametrize("after_s", [0.0, 2.5])
def test_a_local_submission_cancelled_at_once_never_runs_and_ends(local: Path, after_s: float) -> None:
    words = f"run scan_ablation {SMALL} --cluster local --parallel 2 --set training.steps=100000"
    assert main([*words.split(), "--results", str(local)]) == 0
    time.sleep(after_s)
    assert cancel(local) == 0
    until = time.monotonic() + 60
    (process,) = [read_json(path)["process"] for path in local.glob("work/jobs/*/jobs.json")]
    while is_dead(process) is False:
        assert time.monotonic() < until, "the process that was submitted goes on"
        time.sleep(0.1)
    assert {run.state for run in live_runs(local)[0]} == {"cancelled"}
    assert not list(read_records(record_files(local)))


def test_killing_the_process_that_was_named_ends_its_runs(
    local: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"run scan_ablation {SMALL} --cluster local --only sweep --set training.steps=100000"
    assert main([*words.split(), "--results", str(local)]) == 0
    named = int(capsys.readouterr().out.split("here, process ")[1].split()[0])
    until = time.monotonic() + 120
    while only(local).heartbeat.get("step", 0) < 3:
        assert time.monotonic() < until
        time.sleep(0.1)
    lease = only(local).lease
    assert lease is not None
    os.kill(named, signal.SIGKILL)
    until = time.monotonic() + 10
    while is_dead(lease.process) is False:
        assert time.monotonic() < until, "the run goes on without it"
        time.sleep(0.05)
    assert only(local).state == "interrupted"


def test_a_process_that_does_not_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such module >&2; exit 3\n")
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(SystemExit) as left:
        main(["run", "scan_ablation", "--cluster", "local", "--results", str(tmp_path / "new")])
    assert left.value.code == 2
    assert "does not start: no such module" in capsys.readouterr().err
    assert not list((tmp_path / "new").glob("work/jobs/*"))
