"""What is wrong with a run is said before anything starts: all of it, in words that help."""

import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from studies.declare.changes import change, parse_setting
from studies.declare.registry import find_study, studies
from studies.declare.scales import PAPER_COCO, SMALL, TINY, TINY_TEXT, TINY_VIDEO, vary
from studies.declare.selection import select
from studies.declare.study import runs
from studies.declare.validate import config_faults, machine_faults, machine_problems, resolve
from zigma.common.machine import Machine
from zigma.common.words import Problems
from zigma.data.config import DataConfig
from zigma.data.facts import data_facts
from zigma.experiment.config import MeasurementConfig

LARGE = Machine(memory_gib=64.0, gpus_gib=(80.0,))


def problems(study: str, scale: str, *changes: str, setting: str = "all") -> list[str]:
    try:
        resolve(select(study, scale, [setting], changes=changes))
    except Problems as error:
        return error.lines
    return []


@pytest.mark.parametrize("scale", ["tiny", "desk", "small"])
def test_what_needs_no_download_can_be_run_as_declared(scale: str) -> None:
    for study in [study for study in studies().values() if scale in study.scales]:
        runs = resolve(select(study.name, scale, ["all"], [0, 1]))
        assert not machine_problems(runs, LARGE), study.name
        assert {run.config.seed for run in runs} == {0, 1}


@pytest.mark.parametrize(
    ("config", "changes", "says"),
    [
        (TINY, {"data.size": 16}, r"model.grid=\(8, 8\) does not fit .* should be \(16, 16\)"),
        (TINY, {"model.grid": (4, 8, 8)}, "does not fit digits"),
        (TINY_VIDEO, {"data.frames": 4}, r"videos of 4 frames.* should be \(4, 16, 16\)"),
        (TINY, {"model.in_channels": 3}, "in_channels=3, but digits as pixels has 1"),
        (TINY, {"model.scan": "video-sst"}, "needs a grid"),
        (
            TINY_VIDEO,
            {"model.mixer.carry_state": True, "model.scan": "video-sst"},
            "has 8 segments, each with",
        ),
        (
            TINY_VIDEO,
            {"model.ordering": "score", "model.scan": "video-sst"},
            "sorted over the whole sample, and 'space",
        ),
        (TINY, {"model.scan": "zigzag-9"}, "zigzag.*1..8"),
        (TINY, {"model.scan": "zigzagg-8"}, "zigzag"),
        (TINY, {"model.classes": 9}, "digits has 10 classes: it should be 10"),
        (TINY, {"model.classes": 10, "training.condition_dropout": 0.1}, "one that stands for none.* be 11"),
        (TINY_TEXT, {"model.text_tokens": 9}, "captions of shapes have up to 10 words"),
        (TINY, {"evaluation.n_real": 501}, "held-out part of digits has 500 images"),
        (TINY, {"evaluation.reference": "train", "evaluation.n_real": 1298}, "train part .* 1,297 images"),
        (TINY_VIDEO, {"evaluation.n_real": 501}, "moving-digits has 500 videos"),
        (TINY, {"evaluation.extractors": ("i3d",)}, "judges videos, and digits are images"),
        (TINY_VIDEO, {"evaluation.extractors": ("i3d",)}, "needs videos of 9 frames"),
    ],
)
def test_what_cannot_work_together_is_named(config: Any, changes: dict[str, Any], says: str) -> None:
    assert not config_faults(config)
    faults = config_faults(change(config, changes))
    assert any(re.search(says, line) for line in faults), faults
    assert all("\n" not in line for line in faults)


def test_all_problems_are_said_and_what_runs_share_is_said_once() -> None:
    lines = problems("scan_ablation", "tiny", "data.size=24", "evaluation.n_real=9999", setting="digits-8")
    assert len(lines) == 2
    assert not any("zigzag-8" in line for line in lines)  # of every arm: not named one by one
    lines = problems("scan_ablation", "tiny", "training.stepz=3", "modle.depth=2", "training.steps=many")
    assert len(lines) == 3
    assert any("did you mean 'training.steps'" in line for line in lines)
    assert any("did you mean 'model'" in line for line in lines)
    assert any("a whole number" in line for line in lines)


def test_a_problem_of_some_arms_names_them() -> None:
    lines = problems("scan_ablation", "tiny", "data.size=16", setting="digits-8")
    assert len(lines) == 1
    (line,) = problems("video_scan", "tiny", "model.patch=16", "model.grid=[8,16,32]")
    assert "does not fit" in line
    lines = problems("mixers", "tiny", "model.hidden=20", setting="digits-8-short")
    assert any(line.startswith("gated-linear-attention digits-8-short, ") for line in lines)
    assert not any(line.startswith("mamba digits-8-short: ") for line in lines)


def test_a_change_reaches_the_settings_that_have_its_field() -> None:
    runs = resolve(select("transformers", settings=["all"], changes=["training.steps=7"]))
    assert {getattr(run.config, "training", None) and run.config.training.steps for run in runs} == {7, None}  # type: ignore[union-attr]


def test_what_is_not_on_this_machine_is_named_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ZIGMA_DATA", raising=False)
    for name in ("ZIGMA_WEIGHTS", "TORCH_HOME", "HF_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name))
    faults = config_faults(PAPER_COCO)
    assert len(faults) == 4
    assert "python -m zigma.data prepare" in faults[0]
    assert str(tmp_path / "ZIGMA_WEIGHTS" / "weights-inception-2015-12-05-6726825d.pth") in faults[1]
    assert "dinov2_vitl14_pretrain.pth" in faults[2]
    assert "sd-vae-ft-ema" in faults[3]


def shards(root: Path, captions: str | None, held_out: int) -> Path:
    root.mkdir()
    with tarfile.open(root / "train-000000.tar", "w") as tar:
        info = tarfile.TarInfo("0.txt")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"a"))
    row = {
        "file": "train-000000.tar",
        "bytes": (root / "train-000000.tar").stat().st_size,
        "sha256": "0" * 64,
    }
    manifest = {
        "shards": [row],
        "request": {"captions": captions, "weights": {}},
        "counts": {"train": 1, "held_out": held_out, "skipped": 0},
        "classes": [],
    }
    (root / "manifest.json").write_text(json.dumps(manifest))
    return root


def test_prepared_data_is_asked_for_what_it_has(tmp_path: Path) -> None:
    root = shards(tmp_path / "coco", None, held_out=7)
    config = vary(PAPER_COCO, data={"root": str(root)}, evaluation={"extractors": ("digits",)})
    faults = " | ".join(config_faults(config))
    assert "coco has no captions: prepare it with --captions" in faults
    assert "n_real=5000, but the train part of coco has 1 image:" in faults
    with_classes = vary(config, model={"text_width": None, "classes": 3})
    assert "no classes: prepare it with --classes" in " | ".join(config_faults(with_classes))
    told = vary(config, data={"root": str(shards(tmp_path / "told", "a hash", held_out=7))})
    assert "captions" not in " | ".join(config_faults(told))
    (root / "train-000000.tar").write_bytes(b"another")
    assert any("is not the shard that manifest.json lists" in line for line in config_faults(config))


@pytest.mark.parametrize(
    "config",
    [
        DataConfig("digits"),
        DataConfig("moving-digits", 16, 4),
        DataConfig("photos", 32),
        DataConfig("photos", 32, 2),
        DataConfig("shapes", 16),
        DataConfig("shapes", 16, 2),
    ],
    ids=lambda config: f"{config.name} {config.frames}",
)
def test_what_is_said_of_embedded_data_is_so(config: DataConfig) -> None:
    from zigma.data import load_data

    facts, data = data_facts(config), load_data(config)
    assert (facts.train, facts.held_out) == (len(data.train), len(data.held_out))
    assert (facts.channels, facts.classes) == (data.channels, data.classes)
    longest = 0
    for part in (data.train, data.held_out):
        captions = part.batch(range(len(part))).captions
        assert (captions is not None) == facts.captions
        longest = max(longest, *(len(caption.split()) for caption in captions or [""]))
    assert facts.caption_words == longest


def test_a_device_that_is_not_there_and_too_little_memory() -> None:
    none = Machine(memory_gib=8.0)
    on_gpu = MeasurementConfig(device="cuda")
    assert "no GPU; --set device=cpu" in machine_faults(on_gpu, none)[0]
    assert not machine_faults(on_gpu, LARGE)
    half = vary(TINY, training={"precision": "fp16"})
    assert "needs a GPU" in machine_faults(half, none)[0]
    assert not machine_faults(TINY, none)
    (line,) = machine_faults(vary(SMALL, training={"batch_images": 8192}), LARGE)
    assert "a GPU here has 80.0" in line
    (line,) = machine_faults(vary(SMALL, training={"batch_images": 512}), none)
    assert "this machine has free 8.0" in line
    split = vary(SMALL, training={"batch_images": 2048})
    assert machine_faults(split, LARGE)
    assert not machine_faults(split, LARGE, devices=4)


def test_no_torch_is_needed() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from studies.declare.selection import select; from studies.declare.validate import resolve;"
        "from zigma.common.machine import machine; "
        "resolve(select('scan_ablation', settings=['all'])); machine(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_scale_says_its_problems_in_lines(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from studies.__main__ import main

    wrong = ["--set", "training.stepz=3", "--set", "modle.depth=2"]
    with pytest.raises(SystemExit) as left:
        main(["run", "scan_ablation", *wrong, "--results", str(tmp_path / "new")])
    assert left.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("python -m studies run: ") for line in lines)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("free_gib", [2.0, 4.0, 8.0])
def test_the_change_that_is_named_where_memory_lacks_makes_the_run_fit(free_gib: float) -> None:
    here, tried = Machine(memory_gib=free_gib), 0
    for name in ("video_scan", "scan_ablation", "transformers"):
        for run in runs(find_study(name), "paper"):
            for line in machine_faults(run.config, here):
                if "--set" in line:
                    tried += 1
                    words = [word for word in line.partition(";")[2].split() if "=" in word]
                    changed = change(run.config, dict(map(parse_setting, words)))
                    assert not machine_faults(changed, here), line
    assert tried
    least = vary(SMALL, training={"batch_images": 1})
    (line,) = machine_faults(least, Machine(memory_gib=0.1))
    assert line.endswith("no smaller batch or depth makes it fit")


def test_what_leaves_the_numbers_alone_is_named_before_a_smaller_batch() -> None:
    (config, *_) = (run.config for run in runs(find_study("video_scan"), "paper"))
    small = change(config, {"training.batch_images": 2, "evaluation.n_generated": 2})
    (line,) = machine_faults(small, Machine(memory_gib=20.0))
    assert line.partition("; ")[2].startswith("--set model.gradient_checkpointing=true would need about 13.0")
    (line,) = machine_faults(MeasurementConfig(device="cpu", batch_images=4096), Machine(memory_gib=1.0))
    assert "--set batch_images=" in line
