"""Checkpoints of strangers are data: nothing in them is executed, and what does not fit is named and left alone."""

import os
import pickle
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from zigma.training.checkpoint import BadCheckpoint, load_checkpoint, save_checkpoint


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


def test_a_checkpoint_comes_back(tmp_path: Path) -> None:
    state = {"model": {"w": torch.arange(3.0)}, "state": {"step": 3, "curves": {"loss": {"step": [1]}}}}
    save_checkpoint(tmp_path / "checkpoint.pt", state)
    checkpoint = load_checkpoint(tmp_path / "checkpoint.pt")
    assert torch.equal(checkpoint["model"]["w"], state["model"]["w"])
    assert checkpoint["state"] == state["state"]
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers that signal")
def test_an_interrupt_during_a_save_passes_and_leaves_a_whole_file(tmp_path: Path) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    def save_for(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        save_checkpoint(tmp_path / "checkpoint.pt", large)
        time.sleep(10)  # a save may be faster than the first

    large = {"tensors": [torch.zeros(1000) for _ in range(500)]}
    began = time.monotonic()
    save_checkpoint(tmp_path / "checkpoint.pt", large)
    took = time.monotonic() - began
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for part in range(1, 16):
            with pytest.raises(KeyboardInterrupt):
                save_for(took * part / 20)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert load_checkpoint(tmp_path / "checkpoint.pt").keys() == {"tensors"}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize("by_torch", [True, False])
def test_pickled_code_is_not_executed(tmp_path: Path, by_torch: bool) -> None:
    path, sprung = tmp_path / "checkpoint.pt", tmp_path / "sprung"
    if by_torch:
        torch.save({"model": Trap(sprung)}, path)
    else:
        path.write_bytes(pickle.dumps(Trap(sprung)))
    with pytest.raises(BadCheckpoint, match="is not a checkpoint of this run"):
        load_checkpoint(path)
    assert not sprung.exists()


@pytest.mark.parametrize("contents", [b"", b"\x80", b"PK\x03\x04", b"hello"])
def test_what_is_no_checkpoint_is_named_in_a_line_and_left_alone(tmp_path: Path, contents: bytes) -> None:
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(contents)
    with pytest.raises(BadCheckpoint) as caught:
        load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == contents


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"model": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(BadCheckpoint, match="move it away"):
        load_checkpoint(path)


def test_a_list_is_no_checkpoint(tmp_path: Path) -> None:
    torch.save([torch.zeros(3)], tmp_path / "checkpoint.pt")
    with pytest.raises(BadCheckpoint, match="it holds a list"):
        load_checkpoint(tmp_path / "checkpoint.pt")


def test_a_checkpoint_is_replaced_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, {"step": 1})

    def full_disk(state: object, file: Any) -> None:
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, {"step": 2})
    assert load_checkpoint(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]
