"""Whose fault an error is: nothing is recorded where the machine has failed, and the same command resumes."""

import errno
import io
import os
import resource
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import zigma.experiment.train_and_evaluate as training
from studies.declare.study import Run
from studies.run.carry_out import carry_out
from studies.run.conditions import Conditions
from studies.run.faults import MachineFault, Stopped, full_disk, machine_fault
from studies.run.record import read_records, record_files
from zigma.data.config import DataConfig
from zigma.experiment.config import RunConfig
from zigma.experiment.watch import Watch
from zigma.interpolant.config import SamplingConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig
from zigma.training import Progress
from zigma.training.checkpoint import save_checkpoint
from zigma.training.config import TrainingConfig

CONFIG = RunConfig(
    model=ZigMaConfig(grid=(8, 8), in_channels=1, hidden=16, depth=2, patch=2, scan="zigzag-2"),
    data=DataConfig(name="digits", size=8),
    training=TrainingConfig(steps=8, batch_images=8),
    sampling=SamplingConfig(sampler="euler", steps=2),
    evaluation=EvaluationConfig(n_generated=60, n_real=60),
)
RUN = Run("scan_ablation", "zigzag-2", "tiny", "digits-8", CONFIG)
CHECKPOINT = {"tensor": torch.ones(1_000_000), "more": [torch.ones(300_000) for _ in range(4)]}


@pytest.fixture
def small_files() -> Any:
    """Files end after 1 MB, as a disk that is full does, in the middle of what is written."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def save_picture(path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8)).save(path, "PNG")


WRITERS = {
    "checkpoint": lambda path: save_checkpoint(path, CHECKPOINT),
    "torch.save": lambda path: torch.save(CHECKPOINT, path),
    "safetensors": lambda path: save_file({"a": torch.ones(1_000_000)}, path),
    "numpy": lambda path: np.save(path, np.ones(1_000_000)),
    "pillow": save_picture,
    "text": lambda path: path.write_text("x" * 2_000_000),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_file_that_does_not_fit_is_the_machines_fault_whoever_writes_it(
    writer: str, tmp_path: Path, small_files: None
) -> None:
    with pytest.raises(Exception) as caught:
        WRITERS[writer](tmp_path / "file.npy")
    assert machine_fault(caught.value), repr(caught.value)


class FullDisk(io.BytesIO):
    """Takes so many bytes, and then none, as often as it is asked."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


@pytest.mark.parametrize("room", [0, 10, 10_000, 4_000_000, 8_000_000])
def test_torch_hides_a_full_disk_and_the_checkpoint_says_it(room: int, tmp_path: Path) -> None:
    from zigma.training import checkpoint

    with pytest.raises(Exception) as hidden:
        torch.save(CHECKPOINT, FullDisk(room))
    assert machine_fault(hidden.value)
    with pytest.raises(OSError, match="No space left") as told:
        checkpoint._write(CHECKPOINT, FullDisk(room))
    assert told.value.errno == errno.ENOSPC


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EDQUOT, "x"),
        OSError(errno.ESTALE, "x"),
        MemoryError(),
        RuntimeError(
            "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
        ),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        ValueError("Error while serializing: I/O error: Disk quota exceeded (os error 122)"),
        RuntimeError("can't start new thread"),
    ],
)
def test_what_a_machine_lacks(error: Exception) -> None:
    assert machine_fault(error)
    wrapped = ValueError("cannot save")
    wrapped.__cause__ = error
    assert machine_fault(wrapped)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("the loss is nan"),
        FloatingPointError("x"),
        FileNotFoundError(2, "no file"),
        KeyError("memory"),
    ],
)
def test_what_is_the_runs_own(error: Exception) -> None:
    assert machine_fault(error) is None


def test_a_disk_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert full_disk(tmp_path) is None

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert full_disk(tmp_path) == "No space left on device"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_records_nothing_and_the_same_command_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = Conditions(tmp_path, checkpoint_every_s=-1)
    steps: list[int] = []
    written: list[int] = []
    original = torch.save
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", lambda obj, file: original(obj, _full_after(file, written)))
        with pytest.raises(OSError, match="No space left"):
            carry_out(RUN, results)
    assert not list(read_records(record_files(tmp_path)))
    record = carry_out(RUN, results, Watch(training=lambda progress: steps.append(progress.step)))
    assert (record["status"], steps) == ("done", [5, 6, 7, 8])


def _full_after(file: Any, written: list[int]) -> Any:
    written.append(1)
    if len(written) > 4:
        file.file = FullDisk(1000)
    return file


def test_leaving_by_a_users_code_is_a_failure_and_by_a_signal_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(code: Any) -> Any:
        def load(*args: Any) -> Any:
            raise code

        return load

    with monkeypatch.context() as patch:
        patch.setattr(training, "load_data", leave(Stopped(1)))
        with pytest.raises(Stopped):
            carry_out(RUN, Conditions(tmp_path))
        assert not list(read_records(record_files(tmp_path)))
        patch.setattr(training, "load_data", leave(SystemExit(0)))
        record = carry_out(RUN, Conditions(tmp_path))
    assert (record["status"], record["error"]) == ("failed", "SystemExit: 0")


def test_a_metric_that_is_not_a_number_is_a_failed_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import zigma.experiment.measure as measure
    from zigma.experiment.config import ScanConfig

    nothing = {
        "metrics": [{"name": "reach", "value": float("nan")}],
        "curves": {},
        "wall_time_s": {},
        "cost": {},
    }
    monkeypatch.setattr(measure, "measure_scan", lambda config: nothing)
    run = Run("scans", "sweep", "tiny", "8x8", ScanConfig(scan="sweep-1", grid=(8, 8), depth=2))
    record = carry_out(run, Conditions(tmp_path))
    assert (record["status"], record["metrics"]) == ("failed", [])
    assert "metrics.0.value" in record["error"]
    assert [r["status"] for r in read_records(record_files(tmp_path))] == ["failed"]


def test_out_of_memory_is_told_and_not_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(progress: Progress) -> None:
        raise MemoryError

    with pytest.raises(MachineFault, match="out of memory"):
        carry_out(RUN, Conditions(tmp_path), Watch(training=greedy))
    assert not list(read_records(record_files(tmp_path)))


def test_a_batch_that_too_many_devices_share_is_no_result_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another machine, with another number of devices, can finish it."""
    monkeypatch.setattr("zigma.training.loop.processes", lambda: SimpleNamespace(num_processes=3))
    with pytest.raises(MachineFault, match="batch_images=8 is not divisible by 3 devices"):
        carry_out(RUN, Conditions(tmp_path))
    assert not list(record_files(tmp_path))
