"""Two processes share a run: the numbers of one process, each sample once, and no silence when one fails."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from zigma.metrics import Features

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def carried_out(launcher: list[str], folder: Path, case: str, code: int = 0) -> list[dict[str, Any]]:
    folder.mkdir(exist_ok=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1])}
    command = [*launcher, str(HERE / "run_in_processes.py"), str(folder), case]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert (done.returncode != 0) == (code != 0), done.stderr[-2000:]
    return [json.loads(path.read_text()) for path in sorted(folder.glob(f"{case}.*.json"))]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("one")
    [outcome] = carried_out([sys.executable], folder, "plain")
    return folder, outcome


def same_numbers(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert a["curves"].keys() == b["curves"].keys()
    for name, curve in a["curves"].items():
        assert b["curves"][name]["step"] == curve["step"]
        assert b["curves"][name]["value"] == pytest.approx(curve["value"], rel=1e-5), name
    assert [metric["name"] for metric in a["metrics"]] == [metric["name"] for metric in b["metrics"]]
    for ours, theirs in zip(a["metrics"], b["metrics"], strict=True):
        assert ours["value"] == pytest.approx(theirs["value"], rel=1e-4), ours["name"]


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(one: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    alone, expected = one
    first, second = carried_out(TORCHRUN, tmp_path, "plain")
    assert first["metrics"] == second["metrics"]
    assert first["cost"]["devices"] == 2
    same_numbers(expected, first)
    for side, n in (("generated", 133), ("real", 77)):
        ours, theirs = (
            Features.load(folder / expected["artifacts"]["features"] / f"{side}.digits.safetensors").values
            for folder in (alone, tmp_path)
        )
        assert len(ours) == len(theirs) == n
        assert torch.allclose(ours, theirs, atol=1e-3)  # each sample once and in its place
    grids = [
        np.asarray(Image.open(folder / expected["artifacts"]["samples"]), np.int64)
        for folder in (alone, tmp_path)
    ]
    assert grids[0].shape == grids[1].shape
    assert np.abs(grids[0] - grids[1]).max() <= 2


@pytest.mark.slow
def test_a_run_killed_in_two_processes_ends_in_one(one: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    assert carried_out(TORCHRUN, tmp_path, "killed", code=1) == []
    assert (tmp_path / "checkpoint.pt").exists()
    [resumed] = carried_out([sys.executable], tmp_path, "plain")
    same_numbers(one[1], resumed)


@pytest.mark.slow
def test_every_process_hears_that_one_has_failed(tmp_path: Path) -> None:
    main, other = carried_out(TORCHRUN, tmp_path, "broken")
    assert main["error"] == "OtherProcessFailed: process 1: FloatingPointError: not finite"
    assert other["error"] == "FloatingPointError: not finite"
    assert not (tmp_path / "samples").exists()


def two(folder: Path, case: str) -> list[subprocess.Popen[str]]:
    """Two processes without a launcher, which would end the one when the other is gone."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    common = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parents[1]), "WORLD_SIZE": "2"}
    common |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "ACCELERATE_USE_CPU": "true"}
    command = [sys.executable, str(HERE / "run_in_processes.py"), str(folder), case]
    return [
        subprocess.Popen(
            command,
            env=os.environ | common | {"RANK": rank, "LOCAL_RANK": rank},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("lost", [0, 1])
def test_a_process_that_is_gone_is_no_failure_of_the_run(tmp_path: Path, lost: int) -> None:
    started = two(tmp_path, f"lost-{lost}")
    outputs = [process.communicate(timeout=200)[1] for process in started]
    assert started[lost].returncode == -signal.SIGKILL
    assert started[1 - lost].returncode == 1
    assert "ConnectionError: another process of this run is gone" in outputs[1 - lost]
    assert not list(tmp_path.rglob("records/**/*.json"))
    assert list(tmp_path.rglob("checkpoint.pt"))
    carried_out([sys.executable], tmp_path, "lost-none")
    [record] = [json.loads(path.read_text()) for path in tmp_path.rglob("records/**/*.json")]
    assert (record["status"], record["error"]) == ("done", None)
