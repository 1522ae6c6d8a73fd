"""The main job on a small budget: run, record, do nothing again, survive a kill, refuse wrong words."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from studies.__main__ import main
from studies.run.process import is_dead
from studies.run.record import read_records, record_files
from zigma.common.program import interrupt_again

ROOT = Path(__file__).parents[2]
SMALL = (
    "--set training.batch_images=8 --set model.hidden=16 "
    "--set model.depth=2 --set model.patch=2 --set sampling.steps=2 --set evaluation.n_generated=100"
)


def small(steps: int = 3) -> str:
    return f"{SMALL} --set training.steps={steps}"


def run(words: str, results: Path, steps: int = 3) -> int:
    return main([*f"run scan_ablation {small(steps)} --jobs 1 {words}".split(), "--results", str(results)])


def numbers(results: Path) -> list[Any]:
    return [(r["arm"], r["seed"], r["metrics"], r["curves"]) for r in read_records(record_files(results))]


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    assert run("--only sweep --only zigzag-8", folder) == 0
    return folder


def test_a_run_leaves_one_record_with_what_a_reader_needs(results: Path) -> None:
    records = list(read_records(record_files(results)))
    assert [record["arm"] for record in records] == ["sweep", "zigzag-8"]
    for record in records:
        assert record["status"] == "done"
        metrics = {metric["name"]: metric for metric in record["metrics"]}
        assert set(metrics) == {"held_out_loss", "fd_digits", "kid_digits"}
        assert metrics["fd_digits"]["n_generated"] == 100
        assert metrics["fd_digits"]["n_real"] == 500
        assert metrics["fd_digits"]["extractor_identity"]
        assert record["config"]["training"]["steps"] == 3
        assert record["curves"]["loss"]["step"] == [1, 2, 3]
        assert record["environment"]["scan_backend"]
        assert record["cost"]["parameters"] > 0
    first, second = records
    assert first["cost"]["parameters"] == second["cost"]["parameters"]  # a plan costs no parameter
    assert first["metrics"] != second["metrics"]


def test_running_again_does_nothing_and_says_so(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = [(path, path.stat().st_mtime_ns) for path in files(results / "records")]
    assert run("--only sweep --only zigzag-8", results) == 0
    assert "recorded already: 2 runs" in capsys.readouterr().out
    assert [(path, path.stat().st_mtime_ns) for path in files(results / "records")] == before


def test_running_again_is_quick_and_takes_no_torch(results: Path) -> None:
    words = f"-m studies run scan_ablation {small()} --only sweep --results {results}".split()
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *words], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-500:]
    assert time.monotonic() - started < 6  # 2 s on an idle machine; tests share theirs
    assert "| torch\n" not in done.stderr


def test_force_repeats_the_numbers_and_keeps_the_old_record(results: Path, tmp_path: Path) -> None:
    assert run("--only sweep", tmp_path) == 0
    before = numbers(tmp_path)
    assert run("--only sweep --mode force", tmp_path) == 0
    assert numbers(tmp_path) == before
    assert len(files(tmp_path / "replaced")) == 1
    assert before[0] == numbers(results)[0]  # and in another folder too


def test_dry_run_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--dry-run --seeds 2", tmp_path / "new") == 0
    assert "8 of 8 runs to do" in capsys.readouterr().out
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("run scan_ablatoin", "did you mean 'scan_ablation'"),
        ("run scan_ablation --scale big", "unknown scale 'big': known: tiny, desk, small, paper"),
        ("run scan_ablation --scale tyni", "did you mean 'tiny'"),
        ("run scan_ablation --set training.stepz=3", "did you mean 'training.steps'"),
        ("run scan_ablation --set training.steps=three", "must be a whole number, not 'three'"),
        ("run scan_ablation --set model.patch=3", "patch"),
        ("run scan_ablation --set data.name=digitz", "digits"),
        ("run scan_ablation --only zigzag-9", "did you mean 'zigzag-8'"),
        ("run scan_ablation --seeds 0", "from 1 on"),
        ("run scan_ablation --mode again", "retry"),
        ("run scan_ablation --results pyproject.toml/x", "not a folder"),
        ("runn scan_ablation", "run"),
        ("show scan", "scan_ablation"),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(
    words: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, *rest = words.split()
    results = ["--results", str(tmp_path / "new")] if first == "run" else []
    with pytest.raises(SystemExit) as left:
        main([first, *results, *rest])
    assert left.value.code == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_a_corrupt_record_is_named_and_nothing_is_written(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = next(p for p in files(results / "records") if p.name.startswith("sweep"))
    copy = tmp_path / path.relative_to(results)
    copy.parent.mkdir(parents=True)
    copy.write_text(path.read_text()[:200])
    with pytest.raises(SystemExit) as left:
        run("", tmp_path)
    assert left.value.code == 2
    assert str(copy) in capsys.readouterr().err
    assert files(tmp_path) == [copy]


def test_a_failure_is_recorded_without_a_number_and_retried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import zigma.experiment.drawing as module

    def broken(*args: Any, **options: Any) -> Any:
        raise RuntimeError("the sampler broke\nbadly")

    with monkeypatch.context() as patch:
        patch.setattr(module, "sample", broken)
        assert run("--only sweep", tmp_path) == 1
    record = next(read_records(record_files(tmp_path)))
    assert (record["status"], record["error"], record["metrics"]) == (
        "failed",
        "RuntimeError: the sampler broke badly",
        [],
    )
    assert run("--only sweep", tmp_path) == 1
    assert "--mode retry" in capsys.readouterr().out
    assert run("--only sweep --mode retry", tmp_path) == 0
    assert next(read_records(record_files(tmp_path)))["status"] == "done"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("uninterrupted")
    assert run("--only zigzag-2", folder, steps=30) == 0
    return folder


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_resumes_and_ends_in_the_same_numbers(
    uninterrupted: Path, tmp_path: Path, signal_number: signal.Signals
) -> None:
    words = f"-m studies run scan_ablation {small(30)} --only zigzag-2 --results {tmp_path}"
    command = [sys.executable, *words.split(), "--checkpoint-every", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 120
    while not list(tmp_path.rglob("checkpoint.pt")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal_number)
    process.communicate(timeout=60)
    assert process.returncode == (130 if signal_number == signal.SIGINT else -signal.SIGKILL)
    assert not list((tmp_path / "records").rglob("*.json")), (
        "no record, whole or half, of a run that has not ended"
    )
    assert run("--only zigzag-2", tmp_path, steps=30) == 0
    assert numbers(tmp_path) == numbers(uninterrupted)


def test_an_interrupt_that_a_finaliser_swallows_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Swallows:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    def wait() -> None:
        Swallows()
        time.sleep(30)

    monkeypatch.setattr(sys, "unraisablehook", interrupt_again)
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        wait()
    assert time.monotonic() - began < 20, "also out of a wait"


def test_two_launchers_do_not_share_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from studies.declare.changes import parse_setting
    from studies.declare.registry import find_study
    from studies.declare.study import runs
    from studies.run.carry_out import work_folder
    from studies.run.lease import acquire

    settings = dict(parse_setting(text) for text in small().split() if text != "--set")
    owned = runs(find_study("scan_ablation"), "tiny", changes=settings, settings=["digits-8"])[0]
    with acquire(work_folder(tmp_path, owned), {}, beat_s=0.05):
        assert run("--only sweep", tmp_path) == 1
    assert "it is being run by process" in capsys.readouterr().err
    assert not list((tmp_path / "records").rglob("*.json"))


def test_runs_beside_each_other_give_the_same_numbers(results: Path, tmp_path: Path) -> None:
    assert run("--only sweep --only zigzag-8 --jobs 2", tmp_path) == 0
    assert numbers(tmp_path) == numbers(results)


def test_a_killed_process_among_several_is_told_and_resumed(tmp_path: Path) -> None:
    words = f"-m studies run scan_ablation {small(2000)} --jobs 2 --results {tmp_path}"
    command = [
        sys.executable,
        *words.split(),
        "--only",
        "sweep",
        "--only",
        "zigzag-8",
        "--checkpoint-every",
        "0",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.rglob("checkpoint.pt"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.kill()
    process.communicate(timeout=60)
    deadline = time.monotonic() + 10
    for path in tmp_path.rglob("claim-*.json"):  # the children die with their parent
        while is_dead(json.loads(path.read_text())) is False:
            assert time.monotonic() < deadline, "a process survived its parent"
            time.sleep(0.05)
    assert not list((tmp_path / "records").rglob("*.json"))


def test_a_library_that_dies_in_one_of_several_processes_is_a_line(tmp_path: Path) -> None:
    words = f"-m studies run scan_ablation {small(2)} --jobs 2 --results {tmp_path}"
    command = [sys.executable, *words.split(), "--only", "sweep", "--only", "zigzag-8"]
    environment = os.environ | {"NUMBA_NUM_THREADS": "0"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    lines = [line for line in done.stderr.splitlines() if "stopped: " in line]
    assert [line.partition("stopped: ")[2] for line in lines] == [
        "Number of threads specified must be > 0. (from the environment: NUMBA_NUM_THREADS=0)"
    ] * 2
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "records").rglob("*.json"))


def test_a_foreign_checkpoint_stops_the_run_and_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import torch

    from studies.run.lease import acquire

    first = tmp_path / "first"
    words = "--only sweep"
    command = [sys.executable, *f"-m studies run scan_ablation {small(4)} {words} --results {first}".split()]
    assert run(f"{words} --dry-run", first, steps=4) == 0
    identity = capsys.readouterr().out.split("sweep digits-8 seed 0")[1].split()[0]
    with acquire(first / "work" / identity, {}, 1.0) as owner:
        torch.save({"model": {"another": torch.zeros(2)}}, owner.folder / "checkpoint.pt")
    done = subprocess.run([*command, "--jobs", "1"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not a checkpoint of this run" in done.stderr
    assert not list((first / "records").rglob("*.json"))
    assert len(list(first.glob("work/*/*/checkpoint.pt"))) == 1


def test_records_are_plain_json(results: Path) -> None:
    def refuse(word: str) -> None:
        pytest.fail(f"{word} is not JSON")

    for path in files(results / "records"):
        json.loads(path.read_text(), parse_constant=refuse)


def test_a_curve_that_leaves_python_is_named_and_ends_nothing_silently(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curve = tmp_path / "leaving.py"
    curve.write_text(
        "import sys\nfrom zigma.scans import register_scan\n"
        "@register_scan('leaving')\ndef leaving(height, width):\n    sys.exit(0)\n"
    )
    with pytest.raises(SystemExit) as left:
        main(["run", "scan_ablation", "--scan", f"{curve}:leaving", "--results", str(tmp_path / "new")])
    assert left.value.code == 2
    assert "'leaving' fails on the grid (8, 8)" in capsys.readouterr().err
