"""Runs judged by several extractors, and videos."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from small_runs import CONFIG, done, values

from zigma.data.config import DataConfig
from zigma.metrics.config import EvaluationConfig
from zigma.models.config import ZigMaConfig


def test_several_extractors_judge_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own rows and files of features; the second stands in for weights that are not here."""
    import studies.declare.identity
    import zigma.experiment.features
    from zigma.metrics import load_extractor

    def stand_in(name: Any) -> Any:
        return replace(load_extractor("digits"), name=name)

    monkeypatch.setattr(zigma.experiment.features, "load_extractor", stand_in)
    monkeypatch.setattr("zigma.metrics.identity.extractor_identity", lambda name: f"of {name}")
    studies.declare.identity._fingerprints.cache_clear()
    evaluation = CONFIG.evaluation.replace(extractors=("digits", "inception"))
    record = done(CONFIG.replace(evaluation=evaluation), tmp_path)
    assert list(values(record)) == ["held_out_loss", "fd_digits", "kid_digits", "fid", "kid"]
    saved = sorted(path.name for path in (tmp_path / record["artifacts"]["features"]).iterdir())
    assert saved == [
        f"{side}.{name}.safetensors" for side in ("generated", "real") for name in ("digits", "inception")
    ]
    assert record["fingerprints"]["extractor inception"] == "of inception"


def test_videos_are_judged_frame_by_frame_and_shown_moving(tmp_path: Path) -> None:
    config = CONFIG.replace(
        model=ZigMaConfig(grid=(4, 16, 16), in_channels=1, hidden=16, depth=2, patch=4, scan="zigzag-2"),
        data=DataConfig(name="moving-digits", size=16, frames=4),
        evaluation=EvaluationConfig(n_generated=12, n_real=10),
    )
    record = done(config, tmp_path)
    metrics = {metric["name"]: metric for metric in record["metrics"]}
    assert set(metrics) == {"held_out_loss", "frame_fd_digits", "frame_kid_digits"}
    assert (metrics["frame_fd_digits"]["n_generated"], metrics["frame_fd_digits"]["n_real"]) == (48, 40)
    with Image.open(tmp_path / record["artifacts"]["video"]) as video:
        assert video.n_frames == 4
    with Image.open(tmp_path / record["artifacts"]["samples"]) as still:
        assert still.size == (4 * 32 + 3 * 2, 4 * 32 + 3 * 2)  # a row of four frames for each of four videos
