"""Runs behind the terminal's back: submitted at once, followed, stopped, and taken up again."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from studies.__main__ import main
from studies.launch.live import Live, live_runs
from studies.launch.pool import _places
from studies.launch.worker import environments
from studies.run.process import is_dead
from studies.run.record import read_records, record_files
from zigma.common.words import WordError

ROOT = Path(__file__).parents[2]
SMALL = (
    "--set training.batch_images=8 --set model.hidden=16 --set model.depth=2 --set model.patch=2 "
    "--set sampling.steps=2 --set evaluation.n_generated=100 --heartbeat 0.2 --checkpoint-every 0.1"
)
PATIENCE_S = 120


def command(words: str, results: Path) -> int:
    return main([*words.split(), "--results", str(results)])


def submit(words: str, results: Path) -> int:
    return command(f"run scan_ablation {SMALL} {words}", results)


def live(results: Path) -> dict[str, Live]:
    return {str(run.about["arm"]): run for run in live_runs(results)[0]}


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def training(results: Path, arm: str) -> Callable[[], bool]:
    return lambda: arm in live(results) and live(results)[arm].heartbeat.get("step", 0) > 5


def dispatchers(results: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text())["process"] for path in results.glob("work/jobs/*/jobs.json")]


@pytest.fixture
def results(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    for process in dispatchers(tmp_path):
        if is_dead(process) is False:
            os.kill(process["pid"], signal.SIGTERM)
    with contextlib.suppress(AssertionError):
        wait_for(lambda: all(is_dead(process) for process in dispatchers(tmp_path)))
    # should a run outlive its dispatcher all the same
    for left in psutil.process_iter(["cmdline"]):
        if any(str(tmp_path) in word for word in left.info["cmdline"] or ()):
            left.kill()


@pytest.mark.slow
def test_submit_follow_cancel_and_kill(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    started = time.monotonic()
    both = "--cluster local --parallel 1 --only sweep --only zigzag-8 --set training.steps=100000"
    assert submit(both, results) == 0
    assert time.monotonic() - started < 10
    assert "submitted 2 runs here" in capsys.readouterr().out
    wait_for(training(results, "sweep"))
    assert live(results)["zigzag-8"].state == "queued"
    assert submit(both, results) == 0
    assert "queued or running already: 2 of 2 runs" in capsys.readouterr().out

    assert command("status", results) == 0
    output = capsys.readouterr().out
    assert "step " in output
    assert "on this machine" in output
    assert command("logs sweep", results) == 0
    assert "reading the real images" in capsys.readouterr().out

    assert command("cancel sweep", results) == 0  # the next one takes its place
    wait_for(training(results, "zigzag-8"))
    assert live(results)["sweep"].state == "cancelled"
    (dispatcher,) = dispatchers(results)
    os.kill(dispatcher["pid"], signal.SIGKILL)
    wait_for(lambda: live(results)["zigzag-8"].state == "interrupted")
    assert not list(read_records(record_files(results)))


@pytest.mark.slow
def test_a_killed_machine_is_interrupted_and_the_same_command_finishes(results: Path) -> None:
    one = "--cluster local --only sweep --set training.steps=300"
    assert submit(one, results) == 0
    wait_for(training(results, "sweep"))
    run = live(results)["sweep"]
    assert run.lease is not None
    os.kill(int(run.lease.process["pid"]), signal.SIGKILL)
    wait_for(lambda: live(results)["sweep"].state == "interrupted")
    assert "its process is gone at step" in live(results)["sweep"].reason
    wait_for(lambda: all(is_dead(process) for process in dispatchers(results)))
    assert submit(one, results) == 0
    wait_for(lambda: list(read_records(record_files(results))))
    (record,) = read_records(record_files(results))
    assert record["status"] == "done"
    log = next(path.read_text() for path in sorted(results.glob("work/jobs/000002*/*.log")))
    assert "resumed after step" in log


def test_debug_runs_here_and_raises(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import pdb

    import zigma.experiment.train_and_evaluate as module

    def broken(*args: Any, **options: Any) -> Any:
        raise RuntimeError("the data broke")

    monkeypatch.setattr(module, "load_data", broken)
    debugged: list[bool] = []
    monkeypatch.setattr(pdb, "post_mortem", lambda: debugged.append(True))
    with pytest.raises(RuntimeError, match="the data broke"):
        submit("--cluster debug --only sweep --set training.steps=3", results)
    assert debugged
    assert not list(read_records(record_files(results)))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--cluster lokal", "invalid choice"),
        ("--cluster local --partition gpu", "--partition is for --cluster slurm"),
        ("--nodes 2", "--nodes is for --cluster slurm"),
        ("--parallel 2", "it is --jobs"),
        ("--cluster local --jobs 2", "it is --parallel"),
        ("--cluster slurm --time soon", "--time: takes minutes"),
        ("--cluster slurm --slurm =3", "--slurm: takes KEY=VALUE"),
        ("--cluster slurm --gpus 0", "from 1 on"),
        ("--heartbeat 0", "0.01 to 60"),
        ("--tracker mlflow", "invalid choice"),
        ("--cluster local --gpus 99", "this machine has"),
        ("--gpus 99", "this machine has"),
    ],
)
def test_words_that_do_not_fit_are_one_line_and_exit_2(
    words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        submit(words, tmp_path / "new")
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_slurm_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as left:
        submit("--cluster slurm", tmp_path / "new")
    assert left.value.code == 2
    assert "sbatch and srun are not found" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_missing_tracker_is_one_line_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import studies.launch.tracker

    monkeypatch.setattr(studies.launch.tracker, "find_spec", lambda name: None)
    with pytest.raises(SystemExit):
        submit("--tracker wandb", tmp_path / "new")
    assert (
        "--tracker: wandb needs a package that is not installed: pip install wandb" in capsys.readouterr().err
    )


def test_a_tracker_is_told_the_curve_and_nothing_is_read_from_it(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import accelerate.tracking

    import studies.launch.tracker

    told: list[Any] = []

    class Tracker:
        def __init__(self, name: str, folder: Path) -> None:
            told.append(name)

        def start(self) -> None:
            told.append("start")

        def log(self, values: dict[str, float], step: int) -> None:
            told.append((step, set(values)))

        def finish(self) -> None:
            told.append("finish")

    monkeypatch.setattr(accelerate.tracking, "TensorBoardTracker", Tracker)
    monkeypatch.setattr(studies.launch.tracker, "find_spec", lambda name: True)
    assert submit("--jobs 1 --only sweep --set training.steps=3 --tracker tensorboard", results) == 0
    (record,) = read_records(record_files(results))
    assert record["identity"] in told[0]
    expected = [(step, {"loss", "images_per_s"}) for step in (1, 2, 3)]
    assert told[1:] == ["start", *expected, "finish"]
    assert "tracker" not in json.dumps(record.data)


def test_gpus_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import studies.launch.pool
    from studies.launch.pool import Share

    monkeypatch.setattr(studies.launch.pool, "gpus", lambda: ["0", "1", "2", "3", "4"])
    assert _places(Share()) == [("0",), ("1",), ("2",), ("3",), ("4",)]
    assert _places(Share(jobs=2)) == [("0",), ("1",)]
    assert _places(Share(gpus=2)) == [("0", "1"), ("2", "3")]
    assert _places(Share(jobs=3, gpus=2)) == [("0", "1"), ("2", "3"), ("0", "1")]
    with pytest.raises(WordError, match="this machine has 5"):
        _places(Share(gpus=6))
    monkeypatch.setattr(studies.launch.pool, "gpus", lambda: ["GPU-5f"])
    assert _places(Share()) == [()]
    assert _places(Share(jobs=3)) == [("GPU-5f",)] * 3
    first, second = environments(("2", "3"))
    assert first["CUDA_VISIBLE_DEVICES"] == second["CUDA_VISIBLE_DEVICES"] == "2,3"
    assert (first["RANK"], second["RANK"], first["WORLD_SIZE"]) == ("0", "1", "2")
    assert first["MASTER_PORT"] == second["MASTER_PORT"]
    assert environments(("1",)) == [{"CUDA_VISIBLE_DEVICES": "1"}]


def test_the_output_of_a_submission_keeps_no_pipe_open(results: Path) -> None:
    words = f"-m studies run scan_ablation {SMALL} --cluster local --only sweep --set training.steps=100000"
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, *words.split(), "--results", str(results)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - started < 30
    assert command("cancel", results) == 0
    assert {run.state for run in live_runs(results)[0]} == {"cancelled"}
