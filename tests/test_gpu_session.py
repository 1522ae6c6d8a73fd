"""`.ci/gpu` rehearsed on a CPU: every part leaves its result, and what is finished outlives a cut."""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "gpu"


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    command = [str(SCRIPT), str(folder / "out"), "--work", str(folder / "work"), *words]
    return subprocess.Popen(
        command, env=os.environ | {"PYTHON": sys.executable}, stdout=subprocess.PIPE, text=True
    )


def parts(folder: Path) -> dict[str, str]:
    """How the parts that have ended did, by name."""
    path = folder / "out" / "parts.json"
    ended = json.loads(path.read_text())["parts"] if path.exists() else []
    return {part["name"]: part["status"] for part in ended}


def packed(folder: Path) -> list[str]:
    with tarfile.open(folder / "out" / "results.tar.gz") as archive:
        return archive.getnames()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_rehearsal_leaves_a_result_of_every_part(tmp_path: Path) -> None:
    session = start(tmp_path, "--rehearse", "--minutes", "24")
    printed, _ = session.communicate()
    assert session.returncode == 0, printed
    assert set(parts(tmp_path).values()) == {"done"}
    names = packed(tmp_path)
    for kind in ("scan-cpu", "step-cpu"):
        assert any(name.startswith(f"benchmarks/{kind}") for name in names)
    for study in ("order_receptive_field", "complexity", "scan_ablation"):
        assert any(name.startswith("records/") and study in name for name in names)
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert " passed" in summary
    assert "scan_ablation/tiny/digits-8/zigzag-8/0 | done" in summary
    assert len(list((tmp_path / "out").iterdir())) <= 6


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_finished_outlives_a_kill(tmp_path: Path, how: signal.Signals) -> None:
    session = start(tmp_path, "--rehearse", "--minutes", "9", "--only", "order", "--only", "scan_ablation")
    while "order_receptive_field" not in parts(tmp_path):
        assert session.poll() is None
        time.sleep(0.2)
    session.send_signal(how)
    session.communicate()
    assert parts(tmp_path) == {"order_receptive_field": "done"}
    assert any(name.startswith("records/") for name in packed(tmp_path))
    assert "order_receptive_field/tiny/16x16/zigzag-1/0 | done" in (tmp_path / "out/summary.md").read_text()


def test_a_part_that_takes_too_long_or_fails_does_not_stop_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from gpu_parts import Part
    from gpu_session import Session

    session = Session(tmp_path / "out", tmp_path / "work", seconds=60, rehearse=True)
    session.carry_out(Part("slow", 1, ("-c", "import time; time.sleep(60)")))
    session.carry_out(Part("broken", 30, ("-c", "raise ValueError('a reason')")))
    session.carry_out(Part("good", 30, ("-c", "print('well')")))
    assert parts(tmp_path) == {"slow": "cut short", "broken": "failed", "good": "done"}
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert "ValueError: a reason" in summary
    session.end = time.monotonic() + 5
    session.carry_out(Part("late", 30, ("-c", "print('well')")))
    session.write()
    assert parts(tmp_path)["late"] == "not begun"


@pytest.mark.parametrize("ends", ["", "exit 1"])
def test_processes_share_the_gpu_where_there_is_a_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """A stand-in for NVIDIA's program; one that ends at once is no help, and its users are not told of it."""
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from gpu_parts import Part
    from gpu_session import Session

    control = tmp_path / "nvidia-cuda-mps-control"
    control.write_text(
        f'#!/bin/sh\necho "$@ $CUDA_MPS_PIPE_DIRECTORY" > {tmp_path}/told\n{ends or "exec sleep 30"}\n'
    )
    control.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_MPS_PIPE_DIRECTORY", raising=False)
    session = Session(tmp_path / "out", tmp_path / "work", seconds=60, rehearse=True)
    asked = "import os; print('pipe', os.environ.get('CUDA_MPS_PIPE_DIRECTORY'))"
    session.carry_out(Part("alone", 20, ("-c", asked)))
    session.carry_out(Part("together", 20, ("-c", asked), together=True))
    pipes = [
        line.split()[1] for line in (tmp_path / "out/log.txt").read_text().splitlines() if line[:4] == "pipe"
    ]
    started_with = (tmp_path / "told").read_text().split()
    assert started_with[0] == "-f"
    assert pipes == ["None", "None" if ends else started_with[1]]


def test_the_tests_of_a_log_are_counted_also_when_it_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from gpu_session import tests_of

    alone = "tests/a.py::test_one[1-x] PASSED [ 50%]\ntests/a.py::test_two FAILED [100%]\n"
    assert tests_of(alone) == "1 passed, 1 failed; test_two"
    workers = "[gw1] [ 50%] PASSED tests/a.py::test_one \n[gw0] [100%] FAILED tests/a.py::test_two \n"
    assert tests_of(workers) == "1 passed, 1 failed; test_two"


def test_the_parts_of_a_gpu_are_of_declared_studies(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from gpu_parts import parts as of_gpu

    from studies.cli.run import add, read
    from zigma.common.words import Parser

    parser = Parser()
    add(parser)
    before = [part.limit_s for part in of_gpu(tmp_path, 4) if "scan_ablation" not in part.name]
    assert sum(before) <= 8.8 * 60 - 90  # the rest is for studies
    studies = [part.words for part in of_gpu(tmp_path, 4) if part.words[1] == "studies"]
    assert len(studies) >= 3
    for words in studies:
        assert read(parser.parse_args(words[3:])).selection
