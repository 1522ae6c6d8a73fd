"""Two processes share a run: the numbers of one process, each sample once, and no silence when one fails."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from zigma.metrics import Features
from zigma.training import processes as module
from zigma.training.processes import OtherProcessFailed, from_main, shares, together

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
    [found] = carried_out([sys.executable], folder, "plain")
    return folder, found


def same_numbers(a: dict[str, Any], b: dict[str, Any]) -> None:
    assert a["curves"].keys() == b["curves"].keys()
    for name, curve in a["curves"].items():
        assert b["curves"][name]["step"] == curve["step"]
        assert b["curves"][name]["value"] == pytest.approx(curve["value"], rel=1e-5), name
    assert [metric["name"] for metric in a["metrics"]] == [metric["name"] for metric in b["metrics"]]
    for mine, theirs in zip(a["metrics"], b["metrics"], strict=True):
        assert mine["value"] == pytest.approx(theirs["value"], rel=1e-4), mine["name"]


@pytest.mark.slow
def test_two_processes_give_the_numbers_of_one(one: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    alone, expected = one
    first, second = carried_out(TORCHRUN, tmp_path, "plain")
    assert first["metrics"] == second["metrics"]
    assert first["cost"]["devices"] == 2
    same_numbers(expected, first)
    for side, n in (("generated", 133), ("real", 77)):
        mine, theirs = (
            Features.load(folder / expected["artifacts"]["features"] / f"{side}.digits.safetensors").values
            for folder in (alone, tmp_path)
        )
        assert len(mine) == len(theirs) == n
        assert torch.allclose(mine, theirs, atol=1e-3)  # each sample once and in its place
    grids = [(folder / expected["artifacts"]["samples"]).read_bytes() for folder in (alone, tmp_path)]
    assert len(grids[0]) == pytest.approx(len(grids[1]), rel=0.05)


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


class FakeState:
    def __init__(self, rank: int, world: int) -> None:
        self.process_index, self.num_processes = rank, world


@pytest.mark.parametrize("n", [1, 2, 99, 100, 101, 5000])
@pytest.mark.parametrize("world", [1, 2, 3, 32])
def test_shares_are_everything_once_and_in_order(n: int, world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    for rank in range(world):
        monkeypatch.setattr(module, "processes", lambda rank=rank: FakeState(rank, world))
        for batch in shares(n, 7):
            assert 1 <= len(batch) <= 7
            seen += batch
    assert seen == list(range(n))


def test_one_process_alone_waits_for_nobody() -> None:
    def broken() -> None:
        raise KeyError("here")

    assert together(lambda: 3) == [3]
    assert from_main(lambda: 3) == 3
    for act in (together, from_main):
        with pytest.raises(KeyError, match="here"):
            act(broken)


def test_an_error_elsewhere_names_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "processes", lambda: FakeState(0, 2))
    told = [(1, None), (None, "ValueError: no")]
    monkeypatch.setattr(module, "gather_object", lambda mine: told)
    with pytest.raises(OtherProcessFailed, match="process 1: ValueError: no"):
        together(lambda: 1)


def test_processes_that_do_not_meet_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else each would train alone and the last to write would win."""
    module.processes()  # alone
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="WORLD_SIZE=2 processes are wanted and 1 have met"):
        module.processes()
