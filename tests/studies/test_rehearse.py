"""`run --rehearse`: everything once, with stand-ins where files lack, and no trace left."""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studies.__main__ import main
from studies.declare import registry
from studies.declare.selection import select
from studies.run import rehearse
from studies.run.sweep import scratch_folder, sweep
from zigma.common.machine import Machine

STUDY = """
from studies.declare.own import own_study
from studies.declare.scales import PAPER, vary

SMALL = vary(
    PAPER,
    model={"grid": (8, 8), "hidden": 16, "depth": 2, "text_width": 768},
    data={"size": 64},
    training={"precision": "no"},
    evaluation={"extractors": ("dinov2",)},
)
STUDY = own_study("t", {"a": {}, "b": {"model.scan": "sweep-1"}}, {"celebamm-64": SMALL}, scale="paper")
"""


def test_a_run_that_lacks_weights_and_data_is_rehearsed_to_a_row_of_its_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_added", {})
    monkeypatch.chdir(tmp_path)
    weights = tmp_path / "my weights"
    weights.mkdir()
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(weights))
    monkeypatch.delenv("ZIGMA_DATA", raising=False)
    Path("s.py").write_text(STUDY)
    assert main(["run", "s.py", "--rehearse"]) == 0
    output = capsys.readouterr().out
    assert (
        "random stand-ins taken: DINOv2 ViT-L/14 for FDD, autoencoder sd-vae-ft-ema, shards of celebamm"
        in output
    )
    assert re.search(r"row of the table: a has .*held_out_loss [\d.e-]+", output), "each number with its name"
    assert "GiB at most" in output
    assert "nothing was recorded" in output
    assert list(weights.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "__pycache__") == [
        "my weights",
        "s.py",
    ]


def test_videos_are_rehearsed_with_i3d(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_added", {})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZIGMA_WEIGHTS", str(tmp_path / "none"))
    monkeypatch.delenv("ZIGMA_DATA", raising=False)
    Path("v.py").write_text(
        """
from studies.declare.own import own_study
from studies.declare.scales import PAPER_VIDEO, vary

SMALL = vary(
    PAPER_VIDEO,
    model={"grid": (9, 4, 4), "hidden": 16, "depth": 2, "scan": "video-sst"},
    data={"size": 32, "frames": 9},
    training={"precision": "no"},
    evaluation={"extractors": ("i3d",)},
)
STUDY = own_study("t", {"a": {}}, {"ucf-32": SMALL}, scale="paper")
"""
    )
    assert main(["run", "v.py", "--rehearse"]) == 0
    out = capsys.readouterr().out
    assert "I3D (TorchScript) for FVD" in out
    assert "shards of ucf101 at 32" in out
    assert out.index("needs, by estimate") < out.index("starting")
    assert "row of the table: a " in out


def test_too_little_memory_is_said_before_stand_ins_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(rehearse, "machine", lambda: Machine(memory_gib=14.0))
    monkeypatch.setattr(rehearse, "_stand_ins", lambda *_: pytest.fail("stand-ins were made"))
    words = ["run", "video_scan", "--scale", "paper", "--rehearse"]
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "--set model.gradient_checkpointing=true would need about 13.0" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*words, "--set", "model.dept=2"])
    assert "depth" in capsys.readouterr().err
    own = select("video_scan", "paper", changes=["training.batch_images=1", "training.steps=9"])
    # a smaller one of her own is kept, a larger is not
    assert rehearse._fitting(own)["training.batch_images"] == 1
    assert rehearse._fitting(own)["training.steps"] == 2


def test_the_folder_of_a_rehearsal_that_was_killed_is_removed_by_a_later_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os, signal\nfrom studies.run.sweep import scratch_folder\n"
    code += "with scratch_folder() as folder:\n    (folder / 'weights').write_text('large')\n"
    code += "    os.kill(os.getpid(), signal.SIGKILL)"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = os.environ | {"TMPDIR": str(temporary)}
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode < 0
    assert len(list(temporary.iterdir())) == 1
    with scratch_folder() as under_way:
        sweep(tmp_path)
        assert list(temporary.iterdir()) == [under_way]
    assert list(temporary.iterdir()) == []


def test_ones_own_images_are_rehearsed_to_a_row_of_their_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(registry, "_added", {})
    (tmp_path / "mine").mkdir()
    noise = np.random.default_rng(0)
    for i in range(20):
        picture = Image.fromarray(noise.integers(0, 255, (16, 16, 3), dtype=np.uint8))
        picture.save(tmp_path / "mine" / f"{i}.png")
    words = ["--data", str(tmp_path / "mine"), "--size", "16", "--results", str(tmp_path / "r")]
    status = main(["run", "scan_ablation", *words, "--rehearse"])
    output = capsys.readouterr().out
    assert re.search(r"row of the table: sweep has .*held_out_loss [\d.e-]+", output), output
    assert (status, output.endswith("it works; nothing was recorded\n")) == (0, True)
